import { type Expression, expression, type RowFunction } from '../expression.js';
import { type Aggregate, aggregateOf } from './aggregate.js';

/**
 * The smallest value of a number.
 * 
 * *When to use*: for lows and first prices. *Details*: nulls are left out, of no records it is null. It only adds: what was under the smallest value is forgotten. *State*: 8 bytes a key, or a key and group.
 *
 * @example min(clicks.watchMs)
 */
export function min<Row>(of: Expression<Row, number | null> | RowFunction<Row, number | null>): Aggregate<Row, number | null, 'onlyAdds'> {
  return aggregateOf({ kind: 'leaf', leaf: { op: 'min', of: expression(of), where: undefined, by: undefined } });
}
