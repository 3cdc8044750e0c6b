import { clicks, keyBy, pipeline, to, topic, window } from 'headrace';
import { count, mean, ratio } from 'headrace/aggregates';

/** What the job writes: for each item and five minutes, the share of impressions that were clicked, and how long it was watched. */
export const itemCtr = topic('item-ctr', {
  key: 'itemId',
  value: { itemId: 'string', impressions: 'int', ctr: 'double', watchMs: 'double', windowEnd: 'timestamp' },
});

export default pipeline('item-ctr', ({ from }) =>
  from(clicks, { disorder: '2m' }).pipe(
    keyBy(clicks.itemId),
    window('ctr', { every: '5m' }, {
      impressions: count().where(clicks.eventType.is('IMPRESSION')),
      ctr: ratio(count().where(clicks.eventType.is('CLICK')), count().where(clicks.eventType.is('IMPRESSION'))),
      watchMs: mean(clicks.watchMs),
    }),
    to(itemCtr),
  ),
);
