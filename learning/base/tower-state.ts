import { normal } from '../../dataflow/normal.js';
import { splitmix } from '../../dataflow/splitmix.js';
import { drawOf } from '../reservoir.js';
import { seal, unseal } from '../sealed-numbers.js';
import { towerLayout, type TowerShape } from './tower-shape.js';

/** Towers in training: what a run needs to go on exactly where another one stopped. */
export interface TowerState {
  readonly shape: TowerShape;
  /** Steps taken so far. */
  readonly step: number;
  readonly parameters: Float32Array;
  /** Adam's moments, as decaying sums. */
  readonly first: Float32Array;
  readonly second: Float32Array;
}

/**
 * Untrained towers: normal vectors of variance 1 / width for tokens, drawn by their names, so that a token has the same one among any others; layers as `newHead`.
 *
 * @param names of the tokens, in their order
 */
export function newTowers(shape: TowerShape, names: readonly string[], seed: number): TowerState {
  const { layers, size } = towerLayout(shape);
  const { width } = shape;
  const parameters = new Float32Array(size);
  const random = splitmix(seed);
  names.forEach((name, row) => {
    const draw = drawOf(name);
    random.seed(Math.floor(draw / 2 ** 32), draw % 2 ** 32 | 0);
    for (let k = 0; k < width; k++) parameters[row * width + k] = normal(random.unit) / Math.sqrt(width);
  });
  random.seed(-1, 0);
  for (const { kind, dims, from, length } of [...layers.user, ...layers.item]) {
    if (kind === 'weights') for (let i = from; i < from + length; i++) parameters[i] = Math.sqrt(2 / dims[0]!) * normal(random.unit);
  }
  return { shape, step: 0, parameters, first: new Float32Array(size), second: new Float32Array(size) };
}

const magic = 'HRTOWER1';

/** Towers as bytes for `decodeTowers`. */
export function encodeTowers({ shape, step, parameters, first, second }: TowerState): Uint8Array {
  return seal(magic, { shape, step }, [parameters, first, second]);
}

/**
 * The towers that `encodeTowers` wrote.
 *
 * @throws HR_MODEL_CORRUPT the bytes are no towers, or not all of them, or were changed
 */
export function decodeTowers(bytes: Uint8Array): TowerState {
  const { header, numbers } = unseal<Pick<TowerState, 'shape' | 'step'>>(magic, 'towers', bytes);
  const { size } = towerLayout(header.shape);
  const [parameters, first, second] = numbers(size, size, size) as [Float32Array, Float32Array, Float32Array];
  return { ...header, parameters, first, second };
}
