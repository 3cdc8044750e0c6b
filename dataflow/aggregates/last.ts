import { type Expression, expression, type RowFunction } from '../expression.js';
import { type Aggregate, aggregateOf } from './aggregate.js';

/**
 * The value of a column in the record with the latest event time.
 * 
 * *When to use*: for closing values. *Details*: of equal times the one that came last counts, in sliding windows the one with the largest values. Nulls are left out, of no records it is null. It only adds. *State*: 16 bytes a
 * key, or a key and group, and the value itself where it is no number.
 *
 * @example last(quotes.price)
 * @example last(clicks.category)
 */
export function last<Row, V extends string | number | boolean | null>(of: Expression<Row, V> | RowFunction<Row, V>): Aggregate<Row, V | null, 'onlyAdds'> {
  return aggregateOf({ kind: 'leaf', leaf: { op: 'last', of: expression(of), where: undefined, by: undefined } });
}
