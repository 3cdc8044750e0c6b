import { onnxGraph, onnxModel } from '../../../connectors/onnx/onnx-graph.js';

/**
 * An ONNX model y = x · W, or softmax of it by row: from [rows, features] to [rows, outputs].
 *
 * @param weights features × outputs, row after row
 */
export function tinyOnnx(weights: readonly number[], outputs: number, options: { readonly softmax?: boolean } = {}): Uint8Array {
  const features = weights.length / outputs;
  const graph = onnxGraph('g');
  const product = graph.op('MatMul', [graph.input('x', ['N', features]), graph.constant(Float32Array.from(weights), [features, outputs])]);
  graph.output('y', options.softmax === true ? graph.op('Softmax', [product], { axis: 1 }) : product, ['N', outputs]);
  return onnxModel(graph);
}
