import { type Expression, expression, type RowFunction } from '../expression.js';
import { type Aggregate, aggregateOf } from './aggregate.js';

/**
 * The value of a column in the record with the latest event time, of equal times in the one that came last; nulls are left out, of no records it is null. In sliding windows, of equal
 * times the one with the largest values.
 *
 * @example last(quotes.price)
 * @example last(clicks.category)
 */
export function last<Row, V extends string | number | boolean | null>(of: Expression<Row, V> | RowFunction<Row, V>): Aggregate<Row, V | null, 'onlyAdds'> {
  return aggregateOf({ kind: 'leaf', leaf: { op: 'last', of: expression(of), where: undefined, by: undefined } });
}
