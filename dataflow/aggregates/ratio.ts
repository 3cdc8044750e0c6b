import { type Aggregate, aggregateOf } from './aggregate.js';

/**
 * One aggregate divided by another; null where the second is 0 or null.
 *
 * @example ratio(count().where(clicks.eventType.is('CLICK')), count().where(clicks.eventType.is('IMPRESSION')))
 */
export function ratio<Row>(over: Aggregate<Row, number | null>, under: Aggregate<Row, number | null>): Aggregate<Row, number | null> {
  return aggregateOf({ kind: 'ratio', over: over.node, under: under.node });
}
