import { pipeline } from '../dataflow/pipeline.js';
import { count } from '../dataflow/aggregates/index.js';
import { filter } from '../operators/filter.js';
import { keyBy } from '../operators/key-by.js';
import { process } from '../operators/process.js';
import { tiles } from '../operators/tiles.js';
import { to } from '../operators/to.js';
import { toFeatureStore } from '../operators/to-feature-store.js';
import { window } from '../operators/window.js';
import { labelBots } from './bot-rules.js';
import { creatorFeatures, itemFeatures, userFeatures } from './click-feature-sets.js';
import { clicks } from './clicks.js';
import { ctrSpikes } from './ctr-spikes.js';
import { labelledClicks } from './labelled-clicks.js';
import { findSpikes } from './spike-rule.js';

/** Clicks to features of users, items and creators, with bots labelled and set aside, and alerts on items whose CTR jumps. */
export default pipeline('click-features', ({ from }) => {
  const labelled = from(clicks, { disorder: '30s' }).pipe(keyBy(clicks.userId), process('bots', labelBots, { expire: '2d', keepsKey: true }), to(labelledClicks));
  return [
    labelled.pipe(tiles(userFeatures), toFeatureStore(userFeatures)),
    labelled.pipe(tiles(itemFeatures), toFeatureStore(itemFeatures)),
    labelled.pipe(tiles(creatorFeatures), toFeatureStore(creatorFeatures)),
    labelled.pipe(
      filter(labelledClicks.bot.is(false)),
      keyBy(labelledClicks.itemId),
      window('item-panes', { every: '5m' }, {
        impressions: count().where(labelledClicks.eventType.is('IMPRESSION')),
        clicks: count().where(labelledClicks.eventType.is('CLICK')),
      }),
      process('spikes', findSpikes, { expire: '8d', keepsKey: true }),
      to(ctrSpikes),
    ),
  ];
}, { tick: '30s' });
