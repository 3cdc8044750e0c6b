import { HeadraceError } from '../../dataflow/errors.js';
import type { TowerSide } from './tower-shape.js';

/** Bags of tokens one after the other: those of bag `i` are from `start[i]` up to `start[i + 1]`. */
export interface Bags {
  readonly length: number;
  readonly start: Int32Array;
  /** Rows of the table of tokens. */
  readonly tokens: Int32Array;
  readonly weights: Float32Array;
}

/** A bag that is being put together: tokens and their weights. */
export type Bag = readonly (readonly [token: number, weight: number])[];

/** Bags as columns, in their order. */
export function bagsOf(bags: readonly Bag[]): Bags {
  const start = new Int32Array(bags.length + 1);
  bags.forEach((bag, i) => (start[i + 1] = start[i]! + bag.length));
  const tokens = new Int32Array(start[bags.length]!);
  const weights = new Float32Array(tokens.length);
  bags.forEach((bag, i) =>
    bag.forEach(([token, weight], k) => {
      tokens[start[i]! + k] = token;
      weights[start[i]! + k] = weight;
    }),
  );
  return { length: bags.length, start, tokens, weights };
}

/**
 * Checks that bags fit the towers.
 *
 * @param known rows of the table
 * @throws HR_EXAMPLES a bag is too large, names a row that is not there, or has a weight that is no number
 */
export function checkBags({ length, start, tokens, weights }: Bags, side: TowerSide, most: number, known: number): void {
  const refuse = (detail: string): never => {
    throw new HeadraceError('HR_EXAMPLES', detail);
  };
  if (start.length !== length + 1 || tokens.length !== weights.length || start[length] !== tokens.length) refuse(`The columns of ${length} bags of ${side}s do not fit together.`);
  for (let i = 0; i < length; i++) if (start[i + 1]! - start[i]! > most) refuse(`Bag ${i} of the ${side}s has ${start[i + 1]! - start[i]!} tokens; the towers take ${most}.`);
  for (let k = 0; k < tokens.length; k++) {
    if (!(tokens[k]! >= 0 && tokens[k]! < known)) refuse(`A bag of the ${side}s names row ${tokens[k]} of ${known}.`);
    if (!Number.isFinite(weights[k]!)) refuse(`A weight in a bag of the ${side}s is ${weights[k]}.`);
  }
}

/** Writes bag `i` at row `at` of [rows, most], filled up with weight 0. */
export function writeBag({ start, tokens, weights }: Bags, i: number, to: { readonly tokens: Int32Array; readonly weights: Float32Array }, at: number, most: number): void {
  const from = start[i]!;
  to.tokens.set(tokens.subarray(from, start[i + 1]!), at * most);
  to.weights.set(weights.subarray(from, start[i + 1]!), at * most);
}
