import { HeadraceError } from '../errors.js';
import { type Expression, expression, type RowFunction } from '../expression.js';
import { type Aggregate, aggregateOf } from './aggregate.js';

/** A quantile's name in the result: 0.5 is `p50`, 0.999 is `p99.9`. */
export const quantileName = (at: number): string => `p${Number((at * 100).toPrecision(6))}`;

/**
 * Quantiles of a number, each within `accuracy` of the true value, relatively.
 * 
 * *When to use*: for medians, percentiles and tails. *Details*: nulls are left out, of no records they are null.
 * The sketch counts values in buckets of geometrically growing width, so it merges exactly and does not depend on the order of records. Records can be taken back.
 * Source: Masson, Rim and Lee, "DDSketch", VLDB 2019. *State*: about 40 bytes a key and bucket; at 1 % values from 1 to a million lie in at most 691 buckets.
 *
 * @param at each from 0 to 1; the results are named `p50`, `p90`, …
 * @param options `accuracy`: relative error, 0.001 to 0.2 (@default 0.01)
 * @throws HR_AGGREGATE
 * @example quantiles(clicks.watchMs, [0.5, 0.9])
 */
export function quantiles<Row>(
  of: Expression<Row, number | null> | RowFunction<Row, number | null>,
  at: readonly number[],
  options: { readonly accuracy?: number } = {},
): Aggregate<Row, Readonly<Record<string, number | null>>, 'takesBack'> {
  const accuracy = options.accuracy ?? 0.01;
  if (at.length === 0 || at.some((q) => !(q >= 0 && q <= 1))) throw new HeadraceError('HR_AGGREGATE', `quantiles at ${JSON.stringify(at)}: each is a number from 0 to 1.`);
  if (!(accuracy >= 0.001 && accuracy <= 0.2)) throw new HeadraceError('HR_AGGREGATE', `quantiles with accuracy ${accuracy}: it is a number from 0.001 to 0.2.`);
  const column = expression(of);
  return aggregateOf({
    kind: 'quantiles',
    at: [...at],
    leaf: { op: 'count', of: undefined, where: undefined, by: { kind: 'buckets', of: column, size: 0, accuracy } },
  });
}
