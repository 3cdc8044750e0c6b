import { createHash } from 'node:crypto';
import { HeadraceError } from '../dataflow/errors.js';
import { splitmix } from '../dataflow/splitmix.js';
import { type HeadShape, parameterLayout } from './head-shape.js';

/** A head in training: what a run needs to go on exactly where another one stopped. */
export interface HeadState {
  readonly shape: HeadShape;
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

const magic = 'HRHEAD1\n';
const digestLength = 32;

/** A head as bytes for `decodeHead`: a line of JSON, the numbers as little-endian float32, and a SHA-256 of both. */
export function encodeHead({ shape, step, parameters, first, second }: HeadState): Uint8Array {
  const head = Buffer.from(`${magic}${JSON.stringify({ shape, step })}\n`);
  const numbers = [parameters, first, second].map((a) => Buffer.from(a.buffer, a.byteOffset, a.byteLength));
  const body = Buffer.concat([head, ...numbers]);
  return Buffer.concat([body, digestOf(body)]);
}

/**
 * The head that `encodeHead` wrote.
 *
 * @throws HR_MODEL_CORRUPT the bytes are no head, or not all of one, or were changed
 */
export function decodeHead(bytes: Uint8Array): HeadState {
  const all = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const body = all.subarray(0, Math.max(0, all.length - digestLength));
  if (!body.subarray(0, magic.length).equals(Buffer.from(magic))) throw new HeadraceError('HR_MODEL_CORRUPT', 'These bytes are no saved head.');
  if (!digestOf(body).equals(all.subarray(body.length))) throw new HeadraceError('HR_MODEL_CORRUPT', 'The digest of a saved head does not fit its bytes.');
  const end = body.indexOf('\n', magic.length);
  const { shape, step } = JSON.parse(body.toString('utf8', magic.length, end)) as Pick<HeadState, 'shape' | 'step'>;
  const { size } = parameterLayout(shape);
  const numbers = (part: number) => new Float32Array(body.buffer.slice(body.byteOffset + end + 1 + 4 * size * part, body.byteOffset + end + 1 + 4 * size * (part + 1)));
  return { shape, step, parameters: numbers(0), first: numbers(1), second: numbers(2) };
}

function digestOf(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest();
}
