import { type ElementType, type OnnxGraph, onnxGraph, onnxModel, type Value } from '../connectors/onnx/onnx-graph.js';
import type { Precision } from './layer-graph.js';

/** Decay of Adam's moments. */
export const adamBeta = { first: 0.9, second: 0.999 } as const;

/** What is built into a training graph. */
export interface TrainingGraphOptions {
  /** Gradients are scaled down to this Euclidean norm where they are longer. @default no limit */
  readonly clipNorm?: number | undefined;
  /** `float64` is for checking gradients; training runs in `float32`. @default 'float32' */
  readonly precision?: Precision;
}

/** What a step of training takes beside the parameters: its dimensions and, where it is no fraction, its type. */
export interface StepInput {
  readonly dims: readonly (number | string)[];
  readonly type?: ElementType;
}

/**
 * A model that trains over many minibatches in one call: loss, gradients and Adam in the body of one `Scan`, which hands out the minibatches without copying them.
 *
 * *Inputs*: `parameters`, `first`, `second` [parameters] (the moments as sums that decay, not as means: `first` = m / (1 - β1), `second` = v / (1 - β2)); each of `inputs` with a dimension `steps` before its own; `rate` and
 * `epsilon` [steps], see `adamSchedule`. *Outputs*: the first three as they are afterwards, and `losses` [steps]: the loss of each batch before its step.
 *
 * Source: D. Kingma and J. Ba, "Adam: a method for stochastic optimization", ICLR 2015, algorithm 1, in the order of section 2's last paragraph (bias corrections within the step size).
 *
 * @param size number of parameters
 * @param step the loss of a minibatch, and its gradients in the order of the parameters
 */
export function adamTraining<N extends string>(size: number, inputs: Readonly<Record<N, StepInput>>, options: TrainingGraphOptions, step: (body: OnnxGraph, parameters: Value, inputs: Readonly<Record<N, Value>>, type: Precision) => { readonly loss: Value; readonly gradients: readonly Value[] }): Uint8Array {
  const { clipNorm, precision: type = 'float32' } = options;
  const body = onnxGraph('step');
  const [parameters, first, second] = ['p', 'm', 'v'].map((name) => body.input(name, [size], type)) as [Value, Value, Value];
  const graph = onnxGraph('training');
  const slices: Value[] = [];
  const ofStep = (name: string, { dims, type: element = type }: StepInput) => {
    slices.push(graph.input(name, ['steps', ...dims], element));
    return body.input(`step_${name}`, dims, element);
  };
  const given = Object.fromEntries(Object.entries<StepInput>(inputs).map(([name, input]) => [name, ofStep(name, input)])) as Record<N, Value>;
  const rate = ofStep('rate', { dims: [] });
  const epsilon = ofStep('epsilon', { dims: [] });

  const { loss, gradients } = step(body, parameters, given, type);
  const flat = body.op('Concat', gradients.map((g) => body.op('Reshape', [g, body.constant(BigInt64Array.of(-1n), [1])])), { axis: 0 });
  const clipped = clipNorm === undefined ? flat : clip(body, flat, clipNorm, type);
  const first2 = body.op('Add', [body.op('Mul', [first, body.scalar(adamBeta.first, type)]), clipped]);
  const second2 = body.op('Add', [body.op('Mul', [second, body.scalar(adamBeta.second, type)]), body.op('Mul', [clipped, clipped])]);
  const move = body.op('Div', [body.op('Mul', [first2, rate]), body.op('Add', [body.op('Sqrt', [second2]), epsilon])]);
  for (const after of [body.op('Sub', [parameters, move]), first2, second2]) body.result(after, [size], type);
  body.result(loss, [], type);

  const states = ['parameters', 'first', 'second'].map((name) => graph.input(name, [size], type));
  const after = graph.ops('Scan', [...states, ...slices], 4, { body, num_scan_inputs: slices.length });
  ['parameters_after', 'first_after', 'second_after'].forEach((name, i) => graph.output(name, after[i]!, [size], type));
  graph.output('losses', after[3]!, ['steps'], type);
  return onnxModel(graph);
}

function clip(graph: OnnxGraph, gradient: Value, norm: number, type: Precision): Value {
  const length = graph.op('Sqrt', [graph.op('ReduceSum', [graph.op('Mul', [gradient, gradient])], { keepdims: 0 })]);
  const factor = graph.op('Div', [graph.scalar(norm, type), graph.op('Max', [length, graph.scalar(norm, type)])]);
  return graph.op('Mul', [gradient, factor]);
}
