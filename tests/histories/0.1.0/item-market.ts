import { aggregate, constant, dedupe, filter, join, keyBy, latest, lookup, map, pipeline, sliding, text, throttle, to, topic, topN, window, windowJoin } from 'headrace';
import { count, countDistinct, first, last, max, mean, sum, variance } from 'headrace/aggregates';

interface Click {
  readonly eventId: string;
  readonly userId: string;
  readonly itemId: string;
  readonly creatorId: string;
  readonly category: string;
  readonly watchMs: number;
  readonly timestamp: number;
}

const clicks = topic<Click>('clicks', {
  key: 'userId',
  time: 'timestamp',
  value: {
    type: 'record',
    name: 'ClickEvent',
    namespace: 'headrace',
    fields: [
      ...['eventId', 'userId', 'itemId', 'creatorId', 'category'].map((name) => ({ name, type: 'string' })),
      { name: 'watchMs', type: 'int' },
      { name: 'timestamp', type: { type: 'long', logicalType: 'timestamp-millis' } },
    ],
  },
});
const json = (name: string) => topic(name, { key: 'key', value: { key: 'string', json: 'string' } });
const joined = json('watched-after');
const visits = json('visits');
const rankings = json('rankings');
const hottest = json('hottest');
const totals = json('totals');
const newest = json('newest');
const looked = json('looked');
const together = json('together');
const calm = json('calm');
const recent = json('recent');

const asJson = <T>(key: (row: T) => string) => map((row: T) => ({ key: key(row), json: JSON.stringify(row) }));

/** A job in which every step that keeps rows or times takes part: joins, sessions, rankings, running aggregates, look-ups, with exchanges before and behind them. */
export default pipeline('item-market', ({ from }) => {
  const source = from(clicks, { disorder: '10s' });
  const watches = source.pipe(filter(clicks.watchMs.over(0)));
  const shown = source.pipe(filter(clicks.watchMs.is(0)));
  const byItem = () => watches.pipe(keyBy(clicks.itemId));
  return [
    join('after', byItem(), shown.pipe(keyBy(clicks.itemId)), {
      kind: 'full',
      within: { before: 0, after: '3m' },
      left: { watch: clicks.eventId, item: clicks.itemId, ms: clicks.watchMs },
      right: { impression: clicks.eventId, category: clicks.category },
    }).pipe(asJson((r) => String(r.category)), to(joined)),
    source.pipe(
      keyBy(clicks.userId),
      window('visits', { gap: '2m', lateness: '1m' }, { n: count(), items: countDistinct(clicks.itemId), spread: variance(clicks.watchMs), opening: first(clicks.watchMs), byCategory: count().by(clicks.category) }),
      asJson((r) => r.userId),
      to(visits),
    ),
    source.pipe(
      keyBy(clicks.creatorId),
      window('recent', { ...sliding('3m'), lateness: '30s' }, { n: count(), ms: mean(clicks.watchMs), users: countDistinct(clicks.userId), closing: last(clicks.watchMs) }),
      asJson((r) => r.creatorId),
      to(recent),
    ),
    source.pipe(keyBy(clicks.creatorId), topN('longest', { n: 3, by: clicks.watchMs, changes: 'retractions', expire: '20m' }), asJson((r) => r.category), to(rankings)),
    source.pipe(
      keyBy(clicks.itemId),
      window('hops', { size: '4m', every: '2m' }, { n: count() }),
      keyBy('all', constant('all')),
      topN('hottest', { n: 2, by: (r) => r.n, ties: true, every: '2m' }),
      asJson((r) => r.itemId),
      to(hottest),
    ),
    source.pipe(keyBy(clicks.category), aggregate('totals', { n: count(), ms: sum(clicks.watchMs), most: max(clicks.watchMs) }, { changes: 'retractions' }), asJson((r) => r.category), to(totals)),
    source.pipe(keyBy('pair', text(clicks.userId, '/', clicks.category)), latest('newest', { expire: '1h' }), asJson((r) => r.itemId), to(newest)),
    lookup('last-shown', byItem(), shown.pipe(keyBy(clicks.itemId)), { columns: { shownTo: clicks.userId } }).pipe(asJson((r) => r.userId), to(looked)),
    windowJoin('together', byItem(), shown.pipe(keyBy(clicks.itemId)), { kind: 'left', every: '1m', left: { watch: clicks.eventId }, right: { impression: clicks.eventId } }).pipe(asJson((r) => r.watch), to(together)),
    source.pipe(keyBy(clicks.itemId), dedupe('once', { within: '5s' }), throttle('calm', { every: '1m' }), asJson((r) => r.userId), to(calm)),
  ];
});
