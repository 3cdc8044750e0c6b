import { count, max, mean, quantiles, ratio, sum } from '../dataflow/aggregates/index.js';
import { features, type FeatureValues } from '../dataflow/features/features.js';
import type { LabelledClick } from '../schemas/generated/labelled-click.js';
import { labelledClicks as clicks } from './labelled-clicks.js';

const people = clicks.where(clicks.bot.is(false));
const of = (type: LabelledClick['eventType']) => count().where(clicks.eventType.is(type));

const counts = {
  impressions: of('IMPRESSION').by(clicks.category),
  clicks: of('CLICK').by(clicks.category),
  likes: of('LIKE').by(clicks.category),
  shares: of('SHARE').by(clicks.category),
  skips: of('SKIP').by(clicks.category),
  watches: of('WATCH').by(clicks.category),
};

/** What a person did, by kind and by category, how long they watched, and how much they skip. */
export const userFeatures = features('user', {
  of: people,
  key: clicks.userId,
  windows: ['1h', '24h', '7d'],
  values: {
    ...counts,
    events: count(),
    watch_ms: sum(clicks.watchMs),
    watch_time: quantiles(clicks.watchMs, [0.5, 0.9, 0.99]).where(clicks.eventType.is('WATCH')),
    skip_rate: ratio(of('SKIP'), count()),
    last_seen: max(clicks.timestamp),
  },
  derive: (f, at) => ({ recency_s: secondsSince(f.last_seen_7d, at) }),
});

/** How an item does: rates, watch time, recency, and whether it is trending. */
export const itemFeatures = features('item', {
  of: people,
  key: clicks.itemId,
  windows: ['1h', '24h', '7d'],
  values: {
    impressions: of('IMPRESSION'),
    clicks: of('CLICK'),
    likes: of('LIKE'),
    shares: of('SHARE'),
    skips: of('SKIP'),
    watches: of('WATCH'),
    events: count(),
    ctr: ratio(of('CLICK'), of('IMPRESSION')),
    share_rate: ratio(of('SHARE'), count()),
    watch_ms: sum(clicks.watchMs),
    avg_watch_ms: mean(clicks.watchMs).where(clicks.eventType.is('WATCH')),
    last_seen: max(clicks.timestamp),
  },
  derive: (f, at) => ({ recency_s: secondsSince(f.last_seen_7d, at), trending_ratio: over(f.ctr_1h, f.ctr_7d) }),
});

/** How good a creator's items are: watched to the end, liked and shared, not skipped. */
export const creatorFeatures = features('creator', {
  of: people,
  key: clicks.creatorId,
  windows: ['24h', '7d'],
  values: {
    events: count(),
    completion: ratio(sum(clicks.watchMs).where(clicks.eventType.is('WATCH')), sum(clicks.durationMs).where(clicks.eventType.is('WATCH'))),
    like_rate: ratio(of('LIKE'), count()),
    share_rate: ratio(of('SHARE'), count()),
    skip_rate: ratio(of('SKIP'), count()),
  },
  derive: (f) => ({ quality: quality(f) }),
});

/** All feature sets of click-features. */
export const clickFeatureSets = [userFeatures, itemFeatures, creatorFeatures] as const;

function secondsSince(time: number | null | undefined, at: number): number | null {
  return time === null || time === undefined ? null : Math.max(0, (at - time) / 1_000);
}

function over(a: number | null | undefined, b: number | null | undefined): number | null {
  return a === null || a === undefined || !b ? null : a / b;
}

/** Between 0 and 1: completion counts half, likes and shares a quarter together, the absence of skips a quarter. */
function quality(f: FeatureValues): number | null {
  if (!f.events_7d) return null;
  const liked = Math.min(1, (f.like_rate_7d ?? 0) * 5 + (f.share_rate_7d ?? 0) * 10);
  return 0.5 * Math.min(1, f.completion_7d ?? 0) + 0.25 * liked + 0.25 * (1 - (f.skip_rate_7d ?? 0));
}
