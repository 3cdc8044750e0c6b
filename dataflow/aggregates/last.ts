import { type Expression, expression, type RowFunction } from '../expression.js';
import { type Aggregate, aggregateOf } from './aggregate.js';

/**
 * The number in the record with the latest event time, of equal times in the one that came last; nulls are left out, of no records it is null. For other
 * values than numbers use `latest` or `topN`.
 *
 * @example last(quotes.price)
 */
export function last<Row>(of: Expression<Row, number | null> | RowFunction<Row, number | null>): Aggregate<Row, number | null> {
  return aggregateOf({ kind: 'leaf', leaf: { op: 'last', of: expression(of), where: undefined, by: undefined } });
}
