import { type Expression, expression, type RowFunction } from '../expression.js';
import { type Aggregate, aggregateOf } from './aggregate.js';

/**
 * How many different values a column has.
 * 
 * *When to use*: where the number has to be exact; else `approxDistinct`. *Details*: nulls are left out. Several counts of one column with different conditions share its values. Records can be taken
 * back. *State*: every value of a key, about 60 bytes and its text, until the window is gone.
 *
 * @example countDistinct(bids.bidder).where(bids.price.under(10_000))
 */
export function countDistinct<Row>(of: Expression<Row, unknown> | RowFunction<Row, unknown>): Aggregate<Row, number, 'takesBack'> {
  return aggregateOf({ kind: 'distinct', leaf: { op: 'count', of: undefined, where: undefined, by: { kind: 'distinct', of: expression(of), size: 0, accuracy: 0 } } });
}
