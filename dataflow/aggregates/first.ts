import { type Expression, expression, type RowFunction } from '../expression.js';
import { type Aggregate, aggregateOf } from './aggregate.js';

/**
 * The value of a column in the record with the earliest event time.
 * 
 * *When to use*: for opening values. *Details*: of equal times the one that came first counts, in sliding windows the one with the smallest values. Nulls are left out, of no records it is null. It only adds. *State*: 16 bytes a
 * key, or a key and group, and the value itself where it is no number.
 *
 * @example first(quotes.price)
 * @example first(clicks.category)
 */
export function first<Row, V extends string | number | boolean | null>(of: Expression<Row, V> | RowFunction<Row, V>): Aggregate<Row, V | null, 'onlyAdds'> {
  return aggregateOf({ kind: 'leaf', leaf: { op: 'first', of: expression(of), where: undefined, by: undefined } });
}
