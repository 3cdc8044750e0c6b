import type { Bag } from './bags.js';
import type { Base } from './base.js';
import { towerLayout, type TowerSide } from './tower-shape.js';

/**
 * The embedding of one bag by a base's tower, of length 1; zeros for an empty bag. For a user whom the base does not know, or who has gone on since, and for an item that came later.
 *
 * *Details*: the same as the tower's ONNX model, computed here in float64: as good as equal, not bit for bit. Cost: tokens × width, and the layers.
 *
 * @example
 * const vocabulary = vocabularyOf(base.tokens, base);
 * const user = embedBag(base, 'user', vocabulary.userBag('u42', ['i1', 'i7']));
 */
export function embedBag({ shape, parameters }: Pick<Base, 'shape' | 'parameters'>, side: TowerSide, bag: Bag): Float32Array {
  const { width } = shape;
  let values = new Float64Array(width);
  if (bag.length === 0) return new Float32Array(width);
  for (const [token, weight] of bag) for (let k = 0; k < width; k++) values[k]! += weight * parameters[token * width + k]!;
  const layers = towerLayout(shape).layers[side];
  for (let l = 0; l < layers.length; l += 2) {
    const [weights, biases] = [layers[l]!, layers[l + 1]!];
    const units = biases.length;
    const next = Float64Array.from({ length: units }, (_, u) => parameters[biases.from + u]!);
    for (let d = 0; d < values.length; d++) for (let u = 0; u < units; u++) next[u]! += values[d]! * parameters[weights.from + d * units + u]!;
    values = l + 2 < layers.length ? next.map((x) => Math.max(0, x)) : next;
  }
  const norm = Math.hypot(...values);
  return Float32Array.from(values, (x) => (norm === 0 ? 0 : x / norm));
}
