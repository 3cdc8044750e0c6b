import { type Expression, expression, type RowFunction } from '../expression.js';
import { type Aggregate, aggregateOf } from './aggregate.js';

/**
 * The largest value of a number; nulls are left out, of no records it is null.
 *
 * @example max(clicks.watchMs)
 */
export function max<Row>(of: Expression<Row, number | null> | RowFunction<Row, number | null>): Aggregate<Row, number | null, 'onlyAdds'> {
  return aggregateOf({ kind: 'leaf', leaf: { op: 'max', of: expression(of), where: undefined, by: undefined } });
}
