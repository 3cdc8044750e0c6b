import { type OnnxGraph, onnxGraph, onnxModel, type Value } from '../connectors/onnx/onnx-graph.js';
import { adamTraining, type TrainingGraphOptions } from './adam-graph.js';
import { type HeadShape, parameterLayout } from './head-shape.js';
import { backward, forward, layersOf, type Precision, tensorsOf } from './layer-graph.js';

/**
 * A model that trains a head over many minibatches in one call, see `adamTraining`.
 *
 * *Inputs*: those, and `x` [steps, batch, inputs]; `y` [steps, batch, outputs]; `weight` [steps, batch, outputs], what each row counts in the loss: its weight over the rows of its batch, 0 for rows that fill a batch up. *Details*: the loss is the sum, so weighted, of the
 * cross-entropy of the click, and half of the squared error of the watch time. Gradients are those of the layers' matrix products, written out.
 */
export function trainingModel(shape: HeadShape, options: TrainingGraphOptions = {}): Uint8Array {
  const { blocks, size } = parameterLayout(shape);
  const outputs = shape.outputs.length;
  const inputs = { x: { dims: ['batch', shape.inputs] }, y: { dims: ['batch', outputs] }, weight: { dims: ['batch', outputs] } };
  return adamTraining(size, inputs, options, (body, parameters, { x, y, weight }, type) => {
    const layers = layersOf(tensorsOf(body, blocks, parameters));
    const { inputs: into, result } = forward(body, layers, x);
    const { loss, gradient } = lossOf(body, result, y, weight, shape, type);
    return { loss, gradients: backward(body, layers, into, gradient, type).gradients };
  });
}

/** A model that scores examples: `parameters` [parameters] and `x` [examples, inputs] to `scores` [examples, outputs], the click as a probability. */
export function scoringModel(shape: HeadShape): Uint8Array {
  const { blocks, size } = parameterLayout(shape);
  const graph = onnxGraph('scoring');
  const parameters = graph.input('parameters', [size]);
  const { result } = forward(graph, layersOf(tensorsOf(graph, blocks, parameters)), graph.input('x', ['examples', shape.inputs]));
  graph.output('scores', prediction(graph, result, shape), ['examples', shape.outputs.length]);
  return onnxModel(graph);
}

/** A model of one input, `features` [examples, inputs], with these parameters built in: what is served, and what others can open. */
export function servedModel(shape: HeadShape, parameters: Float32Array): Uint8Array {
  const { blocks, size } = parameterLayout(shape);
  const graph = onnxGraph('head');
  const { result } = forward(graph, layersOf(tensorsOf(graph, blocks, graph.constant(parameters, [size]))), graph.input('features', ['examples', shape.inputs]));
  graph.output('scores', prediction(graph, result, shape), ['examples', shape.outputs.length]);
  return onnxModel(graph);
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

/** The loss, and its gradient by what the last layer gives. */
function lossOf(graph: OnnxGraph, result: Value, y: Value, weight: Value, { outputs }: HeadShape, type: Precision): { readonly loss: Value; readonly gradient: Value } {
  const click = (z: Value, label: Value) => {
    // log(1 + exp(z)) - z y, without overflow: max(z, 0) - z y - log(sigmoid(|z|))
    const tail = graph.op('Log', [graph.op('Sigmoid', [graph.op('Abs', [z])])]);
    return { loss: graph.op('Sub', [graph.op('Sub', [graph.op('Relu', [z]), graph.op('Mul', [z, label])]), tail]), slope: graph.op('Sub', [graph.op('Sigmoid', [z]), label]) };
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
  return { loss: graph.op('ReduceSum', [graph.op('Mul', [each.loss, weight])], { keepdims: 0 }), gradient: graph.op('Mul', [each.slope, weight]) };
}
