import { type Expression, expression, type RowFunction } from '../expression.js';
import { type Aggregate, aggregateOf } from './aggregate.js';

/**
 * The value of a column in the record with the earliest event time, of equal times in the one that came first; nulls are left out, of no records it is null. In sliding windows, of equal
 * times the one with the smallest values.
 *
 * @example first(quotes.price)
 * @example first(clicks.category)
 */
export function first<Row, V extends string | number | boolean | null>(of: Expression<Row, V> | RowFunction<Row, V>): Aggregate<Row, V | null, 'onlyAdds'> {
  return aggregateOf({ kind: 'leaf', leaf: { op: 'first', of: expression(of), where: undefined, by: undefined } });
}
