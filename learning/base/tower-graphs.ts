import { type OnnxGraph, onnxGraph, onnxModel, type Value } from '../../connectors/onnx/onnx-graph.js';
import { adamTraining, type TrainingGraphOptions } from '../adam-graph.js';
import { backward, forward, type Layer, layersOf, type Precision, tensorsOf } from '../layer-graph.js';
import { towerLayout, type TowerShape, type TowerSide } from './tower-shape.js';

/** What is built into the training graph of towers. */
export interface TowerGraphOptions extends TrainingGraphOptions {
  /** What the products of embeddings are divided by before the softmax. */
  readonly temperature: number;
}

/** Logit of an item that is no negative. */
const excluded = -1e9;
/** Keeps the norm of an empty bag from 0. */
const leastNorm = 1e-12;

/**
 * A model that trains a pair of towers over many minibatches in one call, see `adamTraining`.
 *
 * *Inputs*: those, and for each step of `batch` pairs `userTokens`, `itemTokens` [batch, bag] (rows of the table), `userWeights`, `itemWeights` [batch, bag] (0 fills a bag up), `item` [batch] (equal numbers are equal items), `logQ` [batch],
 * `weight` [batch] and `scale`. *Details*: the items of a batch are each other's negatives. The loss of pair i is -log softmax_i(s(i, j) over j) with s(i, j) = ⟨u_i, v_j⟩ / temperature - logQ_j, embeddings of length 1; the loss of
 * the batch is their sum, weighted, times `scale`. Items equal to the one that was chosen are left out of its negatives. Pairs that fill a batch up have weight 0 and a `logQ` so large that they are nobody's negative.
 *
 * Source: X. Yi et al., "Sampling-bias-corrected neural modeling for large corpus item recommendations", RecSys 2019, equations (2) to (5).
 */
export function towerTrainingModel(shape: TowerShape, options: TowerGraphOptions): Uint8Array {
  const layout = towerLayout(shape);
  const { bag } = shape;
  const inputs = {
    userTokens: { dims: ['batch', bag.user], type: 'int32' },
    userWeights: { dims: ['batch', bag.user] },
    itemTokens: { dims: ['batch', bag.item], type: 'int32' },
    itemWeights: { dims: ['batch', bag.item] },
    item: { dims: ['batch'], type: 'int32' },
    logQ: { dims: ['batch'] },
    weight: { dims: ['batch'] },
    scale: { dims: [] },
  } as const;
  return adamTraining(layout.size, inputs, options, (g, parameters, given, type) => {
    const { table, layers } = tensorsByTower(g, shape, parameters);
    const user = tower(g, table, layers.user, given.userTokens, given.userWeights, shape, bag.user, type);
    const item = tower(g, table, layers.item, given.itemTokens, given.itemWeights, shape, bag.item, type);
    const perTemperature = g.scalar(1 / options.temperature, type);
    const across = (value: Value, axis: number) => g.op('Unsqueeze', [value, g.constant(BigInt64Array.of(BigInt(axis)), [1])]);

    const count = g.op('Gather', [g.op('Shape', [given.item]), g.constant(BigInt64Array.of(0n), [])], { axis: 0 });
    const places = g.op('Range', [g.constant(BigInt64Array.of(0n), []), count, g.constant(BigInt64Array.of(1n), [])]);
    const isOwn = g.op('Equal', [across(places, 1), across(places, 0)]);
    const isSame = g.op('Equal', [across(given.item, 1), across(given.item, 0)]);
    const products = g.op('Gemm', [user.embedding, item.embedding], { transB: 1 });
    const corrected = g.op('Sub', [g.op('Mul', [products, perTemperature]), across(given.logQ, 0)]);
    const logits = g.op('Where', [g.op('And', [isSame, g.op('Not', [isOwn])]), g.scalar(excluded, type), corrected]);
    const own = g.op('Cast', [isOwn], { to: type === 'float32' ? 1 : 11 });
    const share = g.op('Mul', [given.weight, given.scale]);
    const likelihood = g.op('ReduceSum', [g.op('Mul', [g.op('LogSoftmax', [logits], { axis: 1 }), own]), g.constant(BigInt64Array.of(1n), [1])], { keepdims: 0 });
    const loss = g.op('Neg', [g.op('ReduceSum', [g.op('Mul', [likelihood, share])], { keepdims: 0 })]);

    const slope = g.op('Mul', [g.op('Sub', [g.op('Softmax', [logits], { axis: 1 }), own]), g.op('Mul', [across(share, 1), perTemperature])]);
    const back = {
      user: towerBackward(g, layers.user, user, g.op('Gemm', [slope, item.embedding]), shape.width, type),
      item: towerBackward(g, layers.item, item, g.op('Gemm', [slope, user.embedding], { transA: 1 }), shape.width, type),
    };
    // A token's gradient is the sum over all bags that it is in: single thread, one order.
    const nothing = g.op('ConstantOfShape', [g.constant(BigInt64Array.of(BigInt(shape.tokens), BigInt(shape.width)), [2])], { value: { filled: 0, type } });
    const rows = g.op('Concat', [user.rows, item.rows], { axis: 0 });
    const updates = g.op('Concat', [back.user.updates, back.item.updates], { axis: 0 });
    const byToken = g.op('ScatterND', [nothing, rows, updates], { reduction: { word: 'add' } });
    return { loss, gradients: [byToken, ...back.user.gradients, ...back.item.gradients] };
  });
}

/** A model that embeds bags of one tower: `parameters`, `tokens` [rows, bag] and `weights` [rows, bag] to `embeddings` [rows, width], each of length 1 (of an empty bag, 0 where there are no layers). */
export function towerModel(shape: TowerShape, side: TowerSide): Uint8Array {
  const graph = onnxGraph(side);
  const parameters = graph.input('parameters', [towerLayout(shape).size]);
  const { table, layers } = tensorsByTower(graph, shape, parameters);
  const [tokens, weights] = [graph.input('tokens', ['rows', shape.bag[side]], 'int32'), graph.input('weights', ['rows', shape.bag[side]])];
  graph.output('embeddings', tower(graph, table, layers[side], tokens, weights, shape, shape.bag[side], 'float32').embedding, ['rows', shape.width]);
  return onnxModel(graph);
}

function tensorsByTower(graph: OnnxGraph, shape: TowerShape, parameters: Value): { readonly table: Value; readonly layers: Readonly<Record<TowerSide, readonly Layer[]>> } {
  const { blocks, layers } = towerLayout(shape);
  const [table, ...rest] = tensorsOf(graph, blocks, parameters);
  return { table: table!, layers: { user: layersOf(rest.slice(0, layers.user.length)), item: layersOf(rest.slice(layers.user.length)) } };
}

/** What a tower does with its bags, and what its gradients need of that. */
interface TowerPass {
  readonly embedding: Value;
  readonly norm: Value;
  readonly inputs: readonly Value[];
  /** Rows of the table, [batch × bag, 1], and weights, [batch, bag, 1]. */
  readonly rows: Value;
  readonly weights: Value;
}

function tower(g: OnnxGraph, table: Value, layers: readonly Layer[], tokens: Value, weights: Value, { width }: TowerShape, bag: number, type: Precision): TowerPass {
  const shaped = (value: Value, ...dims: number[]) => g.op('Reshape', [value, g.constant(BigInt64Array.from(dims, BigInt), [dims.length])]);
  const vectors = g.op('Gather', [table, tokens], { axis: 0 });
  const sums = shaped(g.op('MatMul', [shaped(weights, -1, 1, bag), vectors]), -1, width);
  const { inputs, result } = forward(g, layers, sums);
  const squares = g.op('ReduceSum', [g.op('Mul', [result, result]), g.constant(BigInt64Array.of(1n), [1])], { keepdims: 1 });
  const norm = g.op('Sqrt', [g.op('Add', [squares, g.scalar(leastNorm, type)])]);
  return { embedding: g.op('Div', [result, norm]), norm, inputs, rows: shaped(g.op('Cast', [tokens], { to: 7 }), -1, 1), weights: shaped(weights, -1, bag, 1) };
}

/** Gradients by a tower's layers, and what is added to the row of each token of each bag, from the gradient by its embeddings. */
function towerBackward(g: OnnxGraph, layers: readonly Layer[], { embedding, norm, inputs, weights }: TowerPass, slope: Value, width: number, type: Precision): { readonly gradients: readonly Value[]; readonly updates: Value } {
  // of z / |z|: what points along the embedding changes its length only
  const along = g.op('ReduceSum', [g.op('Mul', [slope, embedding]), g.constant(BigInt64Array.of(1n), [1])], { keepdims: 1 });
  const result = g.op('Div', [g.op('Sub', [slope, g.op('Mul', [embedding, along])]), norm]);
  const { gradients, slope: first } = backward(g, layers, inputs, result, type);
  const sums = layers.length === 0 ? result : g.op('Gemm', [first, layers[0]!.weights], { transB: 1 });
  const perToken = g.op('Mul', [weights, g.op('Unsqueeze', [sums, g.constant(BigInt64Array.of(1n), [1])])]);
  return { gradients, updates: g.op('Reshape', [perToken, g.constant(BigInt64Array.of(-1n, BigInt(width)), [2])]) };
}
