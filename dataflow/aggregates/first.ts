import { type Expression, expression, type RowFunction } from '../expression.js';
import { type Aggregate, aggregateOf } from './aggregate.js';

/**
 * The number in the record with the earliest event time, of equal times in the one that came first; nulls are left out, of no records it is null. For other
 * values than numbers use `topN` with n 1.
 *
 * @example first(quotes.price)
 */
export function first<Row>(of: Expression<Row, number | null> | RowFunction<Row, number | null>): Aggregate<Row, number | null> {
  return aggregateOf({ kind: 'leaf', leaf: { op: 'first', of: expression(of), where: undefined, by: undefined } });
}
