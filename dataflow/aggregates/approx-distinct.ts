import { HeadraceError } from '../errors.js';
import { type Expression, expression, type RowFunction } from '../expression.js';
import { type Aggregate, aggregateOf } from './aggregate.js';

/** Settings of `approxDistinct`. */
export interface ApproxDistinctOptions {
  /** Bits of precision, 8 to 16: the standard error is 1.04 / sqrt(2^precision), a full sketch has 0.75 x 2^precision bytes. @default 12: 1.6 %, 3 KiB */
  readonly precision?: number;
}

/**
 * How many different values a column has, about.
 * 
 * *When to use*: where there are many values. *Details*: the standard error is 1.6 % (measured: 1.0 % at 1,000 values, 1.3 % at 10,000, 1.8 % at 100,000); up to 256 values it is exact in all but one of 2,000 sketches. Nulls are left out. A sketch begins as a list and becomes
 * 4,096 registers of 6 bits. It does not depend on the order of records, and merges exactly. It only adds. Sources: Heule, Nunkesser and Hall, "HyperLogLog in Practice", EDBT 2013
 * (the list); Ertl, "New cardinality estimation algorithms for HyperLogLog sketches", arXiv 1702.01284, algorithm 6 (the estimate). *State*: up to 3 KiB a key.
 *
 * @throws HR_AGGREGATE
 * @example approxDistinct(clicks.userId)
 */
export function approxDistinct<Row>(of: Expression<Row, unknown> | RowFunction<Row, unknown>, options: ApproxDistinctOptions = {}): Aggregate<Row, number, 'onlyAdds'> {
  const precision = options.precision ?? 12;
  if (!Number.isInteger(precision) || precision < 8 || precision > 16) throw new HeadraceError('HR_AGGREGATE', `approxDistinct with precision ${precision}: it is a whole number from 8 to 16.`);
  return aggregateOf({ kind: 'sketch', leaf: { op: 'count', of: undefined, where: undefined, by: { kind: 'sketch', of: expression(of), size: precision, accuracy: 0 } } });
}
