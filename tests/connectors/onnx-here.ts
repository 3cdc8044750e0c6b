import { isInstalled } from '../is-installed.js';

/** Whether ONNX models can be run here. */
export const hasOnnx = isInstalled('onnxruntime-node');
