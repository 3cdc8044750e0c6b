import { type Aggregate, aggregateOf } from './aggregate.js';

/**
 * The number of records.
 * 
 * *When to use*: for totals, and under `ratio`. *Details*: an integer, exact to 2^53. Records can be taken back. *State*: 8 bytes a key, or a key and group.
 *
 * @example count().where(clicks.eventType.is('CLICK')).by(clicks.category)
 */
export function count(): Aggregate<unknown, number, 'takesBack'> {
  return aggregateOf({ kind: 'leaf', leaf: { op: 'count', of: undefined, where: undefined, by: undefined } });
}
