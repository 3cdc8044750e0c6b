import { pipeline } from '../dataflow/pipeline.js';
import { topic } from '../dataflow/topic.js';
import { keyBy } from '../operators/key-by.js';
import { to } from '../operators/to.js';
import { window } from '../operators/window.js';
import { peerClicks, userTileAggregates } from './click-tiles-pipeline.js';

export const userRolling = topic('user-rolling', {
  key: 'userId',
  value: { userId: 'string', windowStart: 'long', impressions: 'int', clicks: 'int', likes: 'int', shares: 'int', skips: 'int', watchMs: 'long', categories: 'int[]' },
});

/** The rolling job of the peers: an hour of each user, every five minutes. */
export default pipeline('rolling', ({ from }) => from(peerClicks, { disorder: '30s' }).pipe(keyBy(peerClicks.userId), window('user-rolling', { size: '1h', every: '5m' }, userTileAggregates), to(userRolling)), { tick: '10s' });
