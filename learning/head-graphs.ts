import { type OnnxGraph, onnxGraph, onnxModel, type Value } from '../connectors/onnx/onnx-graph.js';
import { type HeadShape, type ParameterBlock, parameterLayout } from './head-shape.js';

/** What is built into a training graph. */
export interface TrainingGraphOptions {
  /** Gradients are scaled down to this Euclidean norm where they are longer. @default no limit */
  readonly clipNorm?: number | undefined;
  /** `float64` is for checking gradients; training runs in `float32`. @default 'float32' */
  readonly precision?: 'float32' | 'float64';
}

/** Decay of Adam's moments. */
export const adamBeta = { first: 0.9, second: 0.999 } as const;

/**
 * A model that trains a head over many minibatches in one call: forward, backward and Adam in the body of one `Scan`, which hands out the minibatches without copying them.
 *
 * *Inputs*: `parameters`, `first`, `second` [parameters] (the moments as sums that decay, not as means: `first` = m / (1 - β1), `second` = v / (1 - β2)); `x` [steps, batch, inputs]; `y` [steps, batch, outputs]; `weight`
 * [steps, batch, outputs], 0 for rows that fill a batch up; `scale` [steps], one over the rows of the step's batch; `rate` and `epsilon` [steps], see `adamSchedule`. *Outputs*: the first three as they are afterwards, and
 * `losses` [steps]: the mean loss of each batch before its step.
 *
 * *Details*: the loss is the cross-entropy of the click, and half of the squared error of the watch time. Gradients are those of the layers' matrix products, written out.
 *
 * Source: D. Kingma and J. Ba, "Adam: a method for stochastic optimization", ICLR 2015, algorithm 1, in the order of section 2's last paragraph (bias corrections within the step size).
 */
export function trainingModel(shape: HeadShape, options: TrainingGraphOptions = {}): Uint8Array {
  const { blocks, size } = parameterLayout(shape);
  const type = options.precision ?? 'float32';
  const outputs = shape.outputs.length;
  const body = onnxGraph('step');
  const [parameters, first, second] = ['p', 'm', 'v'].map((name) => body.input(name, [size], type)) as [Value, Value, Value];
  const graph = onnxGraph('training');
  const slices: Value[] = [];
  const ofStep = (name: string, ...dims: (number | string)[]) => {
    slices.push(graph.input(name, ['steps', ...dims], type));
    return body.input(`step_${name}`, dims, type);
  };
  const x = ofStep('x', 'batch', shape.inputs);
  const y = ofStep('y', 'batch', outputs);
  const weight = ofStep('weight', 'batch', outputs);
  const scale = ofStep('scale');
  const rate = ofStep('rate');
  const epsilon = ofStep('epsilon');

  const layers = layersOf(body, blocks, parameters);
  const { inputs, result } = forward(body, layers, x);
  const { loss, gradient } = lossOf(body, result, y, weight, scale, shape, type);
  const gradients = backward(body, layers, inputs, gradient, type);
  const flat = body.op('Concat', gradients.map((g) => body.op('Reshape', [g, body.constant(BigInt64Array.of(-1n), [1])])), { axis: 0 });
  const clipped = options.clipNorm === undefined ? flat : clip(body, flat, options.clipNorm, type);
  const first2 = body.op('Add', [body.op('Mul', [first, body.scalar(adamBeta.first, type)]), clipped]);
  const second2 = body.op('Add', [body.op('Mul', [second, body.scalar(adamBeta.second, type)]), body.op('Mul', [clipped, clipped])]);
  const move = body.op('Div', [body.op('Mul', [first2, rate]), body.op('Add', [body.op('Sqrt', [second2]), epsilon])]);
  body.output('p_after', body.op('Sub', [parameters, move]), [size], type);
  body.output('m_after', first2, [size], type);
  body.output('v_after', second2, [size], type);
  body.output('loss', loss, [], type);

  const states = ['parameters', 'first', 'second'].map((name) => graph.input(name, [size], type));
  const after = graph.ops('Scan', [...states, ...slices], 4, { body, num_scan_inputs: slices.length });
  ['parameters_after', 'first_after', 'second_after'].forEach((name, i) => graph.output(name, after[i]!, [size], type));
  graph.output('losses', after[3]!, ['steps'], type);
  return onnxModel(graph);
}

/** A model that scores examples: `parameters` [parameters] and `x` [examples, inputs] to `scores` [examples, outputs], the click as a probability. */
export function scoringModel(shape: HeadShape): Uint8Array {
  const { blocks, size } = parameterLayout(shape);
  const graph = onnxGraph('scoring');
  const parameters = graph.input('parameters', [size]);
  const { result } = forward(graph, layersOf(graph, blocks, parameters), graph.input('x', ['examples', shape.inputs]));
  graph.output('scores', prediction(graph, result, shape), ['examples', shape.outputs.length]);
  return onnxModel(graph);
}

/** A model of one input, `features` [examples, inputs], with these parameters built in: what is served, and what others can open. */
export function servedModel(shape: HeadShape, parameters: Float32Array): Uint8Array {
  const { blocks, size } = parameterLayout(shape);
  const graph = onnxGraph('head');
  const { result } = forward(graph, layersOf(graph, blocks, graph.constant(parameters, [size])), graph.input('features', ['examples', shape.inputs]));
  graph.output('scores', prediction(graph, result, shape), ['examples', shape.outputs.length]);
  return onnxModel(graph);
}

interface Layer {
  readonly weights: Value;
  readonly biases: Value;
}

function layersOf(graph: OnnxGraph, blocks: readonly ParameterBlock[], parameters: Value): Layer[] {
  const lengths = graph.constant(BigInt64Array.from(blocks, (b) => BigInt(b.length)), [blocks.length]);
  const parts = graph.ops('Split', [parameters, lengths], blocks.length, { axis: 0 });
  const shaped = blocks.map(({ dims }, i) => (dims.length === 1 ? parts[i]! : graph.op('Reshape', [parts[i]!, graph.constant(BigInt64Array.from(dims, BigInt), [dims.length])])));
  return Array.from({ length: blocks.length / 2 }, (_, l) => ({ weights: shaped[2 * l]!, biases: shaped[2 * l + 1]! }));
}

/** What goes into each layer, and what comes out of the last one. */
function forward(graph: OnnxGraph, layers: readonly Layer[], x: Value): { readonly inputs: readonly Value[]; readonly result: Value } {
  const inputs = [x];
  let result = x;
  layers.forEach(({ weights, biases }, l) => {
    result = graph.op('Gemm', [inputs[l]!, weights, biases]);
    if (l + 1 < layers.length) inputs.push(graph.op('Relu', [result]));
  });
  return { inputs, result };
}

/** Logits and watch times apart: the click comes first. */
function columnsOf(graph: OnnxGraph, of: Value): [Value, Value] {
  return graph.ops('Split', [of, graph.constant(BigInt64Array.of(1n, 1n), [2])], 2, { axis: 1 }) as [Value, Value];
}

function prediction(graph: OnnxGraph, result: Value, { outputs }: HeadShape): Value {
  if (outputs.length === 1) return graph.op('Sigmoid', [result]);
  const [click, watch] = columnsOf(graph, result);
  return graph.op('Concat', [graph.op('Sigmoid', [click]), watch], { axis: 1 });
}

/** The mean loss, and its gradient by what the last layer gives. */
function lossOf(graph: OnnxGraph, result: Value, y: Value, weight: Value, scale: Value, { outputs }: HeadShape, type: 'float32' | 'float64'): { readonly loss: Value; readonly gradient: Value } {
  const click = (z: Value, label: Value) => {
    // log(1 + exp(z)) - z y, without overflow: max(z, 0) - z y + log(1 + exp(-|z|))
    const tail = graph.op('Log', [graph.op('Add', [graph.op('Exp', [graph.op('Neg', [graph.op('Abs', [z])])]), graph.scalar(1, type)])]);
    return { loss: graph.op('Add', [graph.op('Sub', [graph.op('Relu', [z]), graph.op('Mul', [z, label])]), tail]), slope: graph.op('Sub', [graph.op('Sigmoid', [z]), label]) };
  };
  let each: { readonly loss: Value; readonly slope: Value };
  if (outputs.length === 1) each = click(result, y);
  else {
    const [logit, watch] = columnsOf(graph, result);
    const [label, watched] = columnsOf(graph, y);
    const first = click(logit, label);
    const off = graph.op('Sub', [watch, watched]);
    const half = graph.op('Mul', [graph.op('Mul', [off, off]), graph.scalar(0.5, type)]);
    each = { loss: graph.op('Concat', [first.loss, half], { axis: 1 }), slope: graph.op('Concat', [first.slope, off], { axis: 1 }) };
  }
  const share = graph.op('Mul', [weight, scale]);
  return { loss: graph.op('ReduceSum', [graph.op('Mul', [each.loss, share])], { keepdims: 0 }), gradient: graph.op('Mul', [each.slope, share]) };
}

/** Gradients by weights and biases, layer after layer. */
function backward(graph: OnnxGraph, layers: readonly Layer[], inputs: readonly Value[], last: Value, type: 'float32' | 'float64'): Value[] {
  // A sum over rows is a product with ones, which is faster than a reduction.
  const ones = graph.op('ConstantOfShape', [graph.op('Shape', [graph.op('Gather', [inputs[0]!, graph.constant(BigInt64Array.of(0n), [1])], { axis: 1 })])], { value: { filled: 1, type } });
  const zero = graph.scalar(0, type);
  const gradients: Value[] = [];
  let slope = last;
  for (let l = layers.length - 1; l >= 0; l--) {
    gradients.unshift(graph.op('Gemm', [inputs[l]!, slope], { transA: 1 }), graph.op('Gemm', [ones, slope], { transA: 1 }));
    if (l > 0) slope = graph.op('Where', [graph.op('Greater', [inputs[l]!, zero]), graph.op('Gemm', [slope, layers[l]!.weights], { transB: 1 }), zero]);
  }
  return gradients;
}

function clip(graph: OnnxGraph, gradient: Value, norm: number, type: 'float32' | 'float64'): Value {
  const length = graph.op('Sqrt', [graph.op('ReduceSum', [graph.op('Mul', [gradient, gradient])], { keepdims: 0 })]);
  const factor = graph.op('Div', [graph.scalar(norm, type), graph.op('Max', [length, graph.scalar(norm, type)])]);
  return graph.op('Mul', [gradient, factor]);
}
