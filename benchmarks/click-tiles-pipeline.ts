import { count, sum } from '../dataflow/aggregates/index.js';
import { pipeline } from '../dataflow/pipeline.js';
import { topic } from '../dataflow/topic.js';
import { keyBy } from '../operators/key-by.js';
import { to } from '../operators/to.js';
import { window } from '../operators/window.js';
import { peerClickSchema } from './peer-clicks.js';

/** An event of the peers' benchmark, whose topic is named `clicks`; its values are Avro without the id of a schema. */
export interface PeerClickRow {
  readonly eventId: number;
  readonly userId: string;
  readonly itemId: string;
  readonly creatorId: string;
  readonly category: number;
  readonly eventType: 'IMPRESSION' | 'CLICK' | 'LIKE' | 'SHARE' | 'SKIP' | 'WATCH';
  readonly watchMs: number;
  readonly durationMs: number;
  readonly timestamp: number;
  readonly surface: string;
  readonly position: number;
}

export const peerClicks = topic<PeerClickRow>('clicks', { value: peerClickSchema, key: 'userId', time: 'timestamp', framing: 'plain' });

export const userTiles = topic('user-tiles', {
  key: 'userId',
  value: { userId: 'string', windowStart: 'long', impressions: 'int', clicks: 'int', likes: 'int', shares: 'int', skips: 'int', watchMs: 'long', categories: 'int[]' },
});

export const itemTiles = topic('item-tiles', {
  key: 'itemId',
  value: { itemId: 'string', windowStart: 'long', impressions: 'int', clicks: 'int', shares: 'int', watchMs: 'long', watches: 'int' },
});

const of = (type: PeerClickRow['eventType']) => count().where(peerClicks.eventType.is(type));

/** What a user tile holds. */
export const userTileAggregates = {
  impressions: of('IMPRESSION'),
  clicks: of('CLICK'),
  likes: of('LIKE'),
  shares: of('SHARE'),
  skips: of('SKIP'),
  watchMs: sum(peerClicks.watchMs),
  categories: count().by(peerClicks.category, { size: 24 }),
} as const;

/** The click-tiles job of the peers: 5-minute tiles of users and of items. */
export default pipeline('click-tiles', ({ from }) => {
  const events = from(peerClicks, { disorder: '30s' });
  return [
    events.pipe(
      keyBy(peerClicks.userId),
      window('user-tiles', { every: '5m' }, userTileAggregates),
      to(userTiles),
    ),
    events.pipe(
      keyBy(peerClicks.itemId),
      window('item-tiles', { every: '5m' }, {
        impressions: of('IMPRESSION'),
        clicks: of('CLICK'),
        shares: of('SHARE'),
        watchMs: sum(peerClicks.watchMs),
        watches: of('WATCH'),
      }),
      to(itemTiles),
    ),
  ];
}, { tick: '10s' });

