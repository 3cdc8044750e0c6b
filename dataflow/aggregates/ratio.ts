import { type Aggregate, aggregateOf, type Taking } from './aggregate.js';

/**
 * One aggregate divided by another.
 * 
 * *When to use*: for rates and shares. *Details*: null where the second is 0 or null. Parts that occur elsewhere are kept once. Records can be taken back where they can from both. *State*: that of both.
 *
 * @example ratio(count().where(clicks.eventType.is('CLICK')), count().where(clicks.eventType.is('IMPRESSION')))
 */
export function ratio<Row, Back extends Taking>(over: Aggregate<Row, number | null, Back>, under: Aggregate<Row, number | null, Back>): Aggregate<Row, number | null, Back> {
  return aggregateOf({ kind: 'ratio', over: over.node, under: under.node });
}
