import { type Expression, expression, type RowFunction } from '../expression.js';
import { type Aggregate, aggregateOf } from './aggregate.js';

/**
 * The sum of a number.
 * 
 * *When to use*: for totals of amounts and times. *Details*: nulls are left out, of no records it is 0. Whole numbers are exact to 2^53; fractions are summed with the
 * rounding error carried along (Knuth's TwoSum), so that the order of records does not show. Records can be taken back. *State*: 16 bytes a key, or a key and group.
 *
 * @example sum(clicks.watchMs)
 */
export function sum<Row>(of: Expression<Row, number | null> | RowFunction<Row, number | null>): Aggregate<Row, number, 'takesBack'> {
  return aggregateOf({ kind: 'leaf', leaf: { op: 'sum', of: expression(of), where: undefined, by: undefined } });
}
