import { type Expression, expression, type RowFunction } from '../expression.js';
import { type Aggregate, aggregateOf } from './aggregate.js';

/**
 * The largest value of a number.
 * 
 * *When to use*: for highs and winning bids; for the record that has it, `topN` with n 1. *Details*: nulls are left out, of no records it is null. It only adds: what was under the largest value is
 * forgotten. *State*: 8 bytes a key, or a key and group.
 *
 * @example max(clicks.watchMs)
 */
export function max<Row>(of: Expression<Row, number | null> | RowFunction<Row, number | null>): Aggregate<Row, number | null, 'onlyAdds'> {
  return aggregateOf({ kind: 'leaf', leaf: { op: 'max', of: expression(of), where: undefined, by: undefined } });
}
