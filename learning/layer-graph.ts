import type { OnnxGraph, Value } from '../connectors/onnx/onnx-graph.js';
import type { ParameterBlock } from './head-shape.js';

/** What graphs compute in; `float64` is for checking gradients. */
export type Precision = 'float32' | 'float64';

/** A layer of a perceptron: [before, units] and [units]. */
export interface Layer {
  readonly weights: Value;
  readonly biases: Value;
}

/** The parameters that one vector holds, as tensors. */
export function tensorsOf(graph: OnnxGraph, blocks: readonly Pick<ParameterBlock, 'dims' | 'length'>[], parameters: Value): Value[] {
  const lengths = graph.constant(BigInt64Array.from(blocks, (b) => BigInt(b.length)), [blocks.length]);
  const parts = graph.ops('Split', [parameters, lengths], blocks.length, { axis: 0 });
  return blocks.map(({ dims }, i) => (dims.length === 1 ? parts[i]! : graph.op('Reshape', [parts[i]!, graph.constant(BigInt64Array.from(dims, BigInt), [dims.length])])));
}

/** Layers from tensors that are weights and biases in turn. */
export function layersOf(tensors: readonly Value[]): Layer[] {
  return Array.from({ length: tensors.length / 2 }, (_, l) => ({ weights: tensors[2 * l]!, biases: tensors[2 * l + 1]! }));
}

/** What goes into each layer, and what comes out of the last one; rectified in between. Without layers that is `x`. */
export function forward(graph: OnnxGraph, layers: readonly Layer[], x: Value): { readonly inputs: readonly Value[]; readonly result: Value } {
  const inputs = [x];
  let result = x;
  layers.forEach(({ weights, biases }, l) => {
    result = graph.op('Gemm', [inputs[l]!, weights, biases]);
    if (l + 1 < layers.length) inputs.push(graph.op('Relu', [result]));
  });
  return { inputs, result };
}

/** Gradients by weights and biases, layer after layer, from the one by what the last layer gives; and the one by the sums of the first layer. */
export function backward(graph: OnnxGraph, layers: readonly Layer[], inputs: readonly Value[], last: Value, type: Precision): { readonly gradients: readonly Value[]; readonly slope: Value } {
  // A sum over rows is a product with ones [1, batch], which is faster than a reduction.
  const ones = graph.op('ConstantOfShape', [graph.op('Concat', [graph.constant(BigInt64Array.of(1n), [1]), graph.op('Shape', [inputs[0]!], { end: 1 })], { axis: 0 })], { value: { filled: 1, type } });
  const zero = graph.scalar(0, type);
  const gradients: Value[] = [];
  let slope = last;
  for (let l = layers.length - 1; l >= 0; l--) {
    gradients.unshift(graph.op('Gemm', [inputs[l]!, slope], { transA: 1 }), graph.op('Gemm', [ones, slope]));
    if (l === 0) break;
    // A product with 0 or 1 is faster than `Where`.
    const isOn = graph.op('Cast', [graph.op('Greater', [inputs[l]!, zero])], { to: type === 'float32' ? 1 : 11 });
    slope = graph.op('Mul', [graph.op('Gemm', [slope, layers[l]!.weights], { transB: 1 }), isOn]);
  }
  return { gradients, slope };
}
