import type { ClickEvent } from '../schemas/generated/click-event.js';

/** An event with where it lies in the topic clicks, and whether its sender is taken for a bot. */
export interface PlacedClick extends ClickEvent {
  readonly partition: number;
  readonly offset: number;
  readonly bot: boolean;
}

/** The feature sets of click-features. */
export type SetName = 'user' | 'item' | 'creator';

/** Expected features; `quantiles` are exact, and the stream's are within 1 % of them. */
export interface ScannedFeatures {
  readonly values: Readonly<Record<string, number | null>>;
  readonly quantiles: Readonly<Record<string, number | null>>;
}

const minute = 60_000;
const hour = 60 * minute;
const windows = { '1h': hour, '24h': 24 * hour, '7d': 168 * hour } as const;
const windowsOf = { user: ['1h', '24h', '7d'], item: ['1h', '24h', '7d'], creator: ['24h', '7d'] } as const;
const entityField = { user: 'userId', item: 'itemId', creator: 'creatorId' } as const;
const typeNames = { impressions: 'IMPRESSION', clicks: 'CLICK', likes: 'LIKE', shares: 'SHARE', skips: 'SKIP', watches: 'WATCH' } as const;

/** The time that `--at` means. */
export const roundedAt = (at: number): number => Math.floor(at / (5 * minute)) * 5 * minute;

/** Start of the window at a rounded time: the tail rounds down to the pane, which is an hour for windows of 12 hours and more. */
export function windowStart(window: keyof typeof windows, at: number): number {
  const pane = windows[window] < 12 * hour ? 5 * minute : hour;
  return Math.floor((at - windows[window]) / pane) * pane;
}

/**
 * The features of click-features by brute force: every look-up scans the events themselves. Written from the definition, and shares no code with
 * the stream.
 */
export function clickFeatureScan(events: readonly PlacedClick[]) {
  const people = events.filter((e) => !e.bot);
  const byEntity = { user: groupBy(people, 'userId'), item: groupBy(people, 'itemId'), creator: groupBy(people, 'creatorId') };

  /** The events that count in a window. */
  const within = (set: SetName, entity: string, window: keyof typeof windows, at: number): PlacedClick[] => {
    const from = windowStart(window, at);
    return (byEntity[set].get(entity) ?? []).filter((e) => e[entityField[set]] === entity && e.timestamp >= from && e.timestamp < at);
  };

  return {
    /** Entities that have an event of a person. */
    entities: (set: SetName): string[] => [...byEntity[set].keys()],
    within,
    /** All features of an entity at a rounded time. */
    features(set: SetName, entity: string, at: number): ScannedFeatures {
      const values: Record<string, number | null> = {};
      const quantiles: Record<string, number | null> = {};
      for (const w of windowsOf[set]) {
        const found = within(set, entity, w, at);
        const of = (type: ClickEvent['eventType']) => found.filter((e) => e.eventType === type);
        const lastSeen = found.length === 0 ? null : found.reduce((most, e) => Math.max(most, e.timestamp), 0);
        values[`events_${w}`] = found.length;
        if (set === 'creator') {
          values[`completion_${w}`] = ratio(sum(of('WATCH'), 'watchMs'), sum(of('WATCH'), 'durationMs'));
          values[`like_rate_${w}`] = ratio(of('LIKE').length, found.length);
          values[`share_rate_${w}`] = ratio(of('SHARE').length, found.length);
          values[`skip_rate_${w}`] = ratio(of('SKIP').length, found.length);
          continue;
        }
        for (const [name, type] of Object.entries(typeNames)) {
          values[`${name}_${w}`] = of(type).length;
          if (set === 'user') for (const [category, n] of countBy(of(type))) values[`${name}_${w}{${category}}`] = n;
        }
        values[`watch_ms_${w}`] = sum(found, 'watchMs');
        values[`last_seen_${w}`] = lastSeen;
        if (w === '7d') values['recency_s'] = lastSeen === null ? null : Math.max(0, (at - lastSeen) / 1_000);
        if (set === 'user') {
          values[`skip_rate_${w}`] = ratio(of('SKIP').length, found.length);
          const watched = of('WATCH').map((e) => e.watchMs).sort((a, b) => a - b);
          for (const q of [0.5, 0.9, 0.99]) quantiles[`watch_time_${w}{p${q * 100}}`] = watched[Math.floor(q * (watched.length - 1))] ?? null;
        } else {
          values[`ctr_${w}`] = ratio(of('CLICK').length, of('IMPRESSION').length);
          values[`share_rate_${w}`] = ratio(of('SHARE').length, found.length);
          values[`avg_watch_ms_${w}`] = ratio(sum(of('WATCH'), 'watchMs'), of('WATCH').length);
        }
      }
      if (set === 'item') {
        const [now, mean] = [values['ctr_1h']!, values['ctr_7d']!];
        values['trending_ratio'] = now === null || !mean ? null : now / mean;
      }
      if (set === 'creator') values['quality'] = quality(values);
      return { values, quantiles };
    },
  };
}

/** Half for completion, a quarter for likes and shares (a like counts 5, a share 10, at most 1 together), a quarter for what is not skipped. */
function quality(v: Readonly<Record<string, number | null>>): number | null {
  if (v['events_7d'] === 0) return null;
  const completion = Math.min(1, v['completion_7d'] ?? 0);
  const liked = Math.min(1, 5 * (v['like_rate_7d'] ?? 0) + 10 * (v['share_rate_7d'] ?? 0));
  return completion / 2 + liked / 4 + (1 - (v['skip_rate_7d'] ?? 0)) / 4;
}

const ratio = (over: number, under: number): number | null => (under === 0 ? null : over / under);
const sum = (events: readonly PlacedClick[], field: 'watchMs' | 'durationMs'): number => events.reduce((total, e) => total + e[field], 0);

function countBy(events: readonly PlacedClick[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const e of events) counts.set(e.category, (counts.get(e.category) ?? 0) + 1);
  return counts;
}

function groupBy(events: readonly PlacedClick[], field: 'userId' | 'itemId' | 'creatorId'): Map<string, PlacedClick[]> {
  const groups = new Map<string, PlacedClick[]>();
  for (const e of events) {
    const group = groups.get(e[field]);
    if (group === undefined) groups.set(e[field], [e]);
    else group.push(e);
  }
  return groups;
}
