import { type Aggregate, aggregateOf } from './aggregate.js';

/**
 * The number of records. An integer, exact.
 *
 * @example count().where(clicks.eventType.is('CLICK')).by(clicks.category)
 */
export function count(): Aggregate<unknown, number, 'takesBack'> {
  return aggregateOf({ kind: 'leaf', leaf: { op: 'count', of: undefined, where: undefined, by: undefined } });
}
