import { type Expression, expression, type RowFunction } from '../expression.js';
import { type Aggregate, aggregateOf } from './aggregate.js';

/**
 * How many different values a column has; nulls are left out. Exact: every value of a window is kept until the window is gone. Several counts of one
 * column with different conditions share its values.
 *
 * @example countDistinct(bids.bidder).where(bids.price.under(10_000))
 */
export function countDistinct<Row>(of: Expression<Row, unknown> | RowFunction<Row, unknown>): Aggregate<Row, number, 'takesBack'> {
  return aggregateOf({ kind: 'distinct', leaf: { op: 'count', of: undefined, where: undefined, by: { kind: 'distinct', of: expression(of), size: 0, accuracy: 0 } } });
}
