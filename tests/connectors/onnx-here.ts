import { createRequire } from 'node:module';

/** Whether ONNX models can be run here; where they cannot, their tests are skipped, but never in CI. */
export const hasOnnx = isInstalled();

function isInstalled(): boolean {
  try {
    createRequire(import.meta.url).resolve('onnxruntime-node');
    return true;
  } catch (error) {
    if (process.env.CI === 'true') throw error;
    return false;
  }
}
