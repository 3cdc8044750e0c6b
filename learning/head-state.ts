import { splitmix } from '../dataflow/splitmix.js';
import { type HeadShape, parameterLayout } from './head-shape.js';
import { seal, unseal } from './sealed-numbers.js';

/** A head in training: what a run needs to go on exactly where another one stopped. */
export interface HeadState {
  readonly shape: HeadShape;
  /** SHA-256 of the base whose embeddings are its first inputs; undefined: it has none. */
  readonly base?: string | undefined;
  /** Steps taken so far. */
  readonly step: number;
  readonly parameters: Float32Array;
  /** Adam's moments, as decaying sums. */
  readonly first: Float32Array;
  readonly second: Float32Array;
}

/**
 * An untrained head: normal weights with variance 2 / units before, biases 0.
 *
 * Source: K. He et al., "Delving deep into rectifiers", ICCV 2015, equation (10).
 */
export function newHead(shape: HeadShape, seed: number): HeadState {
  const { blocks, size } = parameterLayout(shape);
  const parameters = new Float32Array(size);
  const random = splitmix(seed);
  for (const { kind, dims, from, length } of blocks) {
    if (kind === 'biases') continue;
    const deviation = Math.sqrt(2 / dims[0]!);
    for (let i = from; i < from + length; i++) parameters[i] = deviation * Math.sqrt(-2 * Math.log(1 - random.unit())) * Math.cos(2 * Math.PI * random.unit());
  }
  return { shape, step: 0, parameters, first: new Float32Array(size), second: new Float32Array(size) };
}

const magic = 'HRHEAD1';

/** A head as bytes for `decodeHead`: a line of JSON, the numbers as little-endian float32, and a SHA-256 of both. */
export function encodeHead({ shape, base, step, parameters, first, second }: HeadState): Uint8Array {
  return seal(magic, { shape, ...(base === undefined ? {} : { base }), step }, [parameters, first, second]);
}

/**
 * The head that `encodeHead` wrote.
 *
 * @throws HR_MODEL_CORRUPT the bytes are no head, or not all of one, or were changed
 */
export function decodeHead(bytes: Uint8Array): HeadState {
  const { header, numbers } = unseal<Pick<HeadState, 'shape' | 'base' | 'step'>>(magic, 'head', bytes);
  const { size } = parameterLayout(header.shape);
  const [parameters, first, second] = numbers(size, size, size) as [Float32Array, Float32Array, Float32Array];
  return { ...header, parameters, first, second };
}
