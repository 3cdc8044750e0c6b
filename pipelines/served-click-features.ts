import { servedFeatures } from '../learning/skew/served-features.js';
import { itemFeatures, userFeatures } from './click-feature-sets.js';

/** The features of click-features that decisions are made with, as `headrace simulate --decisions N --features` logs them. A copy of this file is where your own begin. */
export const servedClickFeatures = servedFeatures({
  model: 'ranking-head',
  layout: { context: ['user_clicks_24h', 'user_watch_ms_24h', 'user_skip_rate_7d'], candidate: ['score', 'taste', 'item_impressions_1h', 'item_ctr_24h', 'item_share_rate_7d'] },
  sets: [
    { set: userFeatures, of: 'user', features: { user_clicks_24h: 'clicks_24h', user_watch_ms_24h: 'watch_ms_24h', user_skip_rate_7d: 'skip_rate_7d' } },
    { set: itemFeatures, of: 'item', features: { item_impressions_1h: 'impressions_1h', item_ctr_24h: 'ctr_24h', item_share_rate_7d: 'share_rate_7d' } },
  ],
});
