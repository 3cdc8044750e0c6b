import type { RowExpression } from './row-expression.js';

/**
 * One number kept over all decisions. `total` is the sum of x, `products` the sum of x·y, `largest` and `smallest` the extremes of x. Where a log was thinned
 * (pdrop), a row stands for m = 1 / (1 - pdrop) decisions, the others with x = 0: so x counts as m·x in all four, unless it is taken `asLogged`.
 */
export type Sum =
  | { readonly kind: 'total'; readonly of: RowExpression }
  | { readonly kind: 'largest' | 'smallest'; readonly of: RowExpression; readonly asLogged: boolean }
  | { readonly kind: 'products'; readonly of: RowExpression; readonly by: RowExpression };

export const total = (of: RowExpression): Sum => ({ kind: 'total', of });
export const products = (of: RowExpression, by: RowExpression): Sum => ({ kind: 'products', of, by });
export const square = (of: RowExpression): Sum => products(of, of);
export const largest = (of: RowExpression, asLogged = false): Sum => ({ kind: 'largest', of, asLogged });
export const smallest = (of: RowExpression, asLogged = false): Sum => ({ kind: 'smallest', of, asLogged });

/**
 * Something that is computed in one pass: a few sums, and a result that is a function of them. The sums of parts of a log add up to those of the whole.
 */
export interface Measure<Name extends string, Result> {
  readonly sums: Readonly<Record<Name, Sum>>;
  /** @param n decisions, those that a thinned log left out included */
  result(sums: Readonly<Record<Name, number>>, n: number): Result;
}

/** What a policy is worth, and how far off that is, as far as one can tell. */
export interface Estimate {
  /** null where the log has no answer: no decision, or none that the candidate would make. */
  readonly value: number | null;
  /** null where the log does not show it: fewer than two decisions, or all of one value. */
  readonly standardError: number | null;
  /** Decisions that it rests on. */
  readonly n: number;
}

/** An off-policy estimator that needs one pass. */
export interface Estimator<Name extends string = string> extends Measure<Name, Estimate> {
  /** As in `--json`: `ips`, `ips_clipped`, … */
  readonly name: string;
  /** In the letters w, r, q, v, n of the docs. */
  readonly formula: string;
  /** Paper and equation. */
  readonly source: string;
}
