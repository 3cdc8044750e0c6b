import type { CtrSpike } from '../schemas/generated/ctr-spike.js';
import type { ProcessFunction } from '../operators/process.js';

/** When a click-through rate has jumped. */
export const spikeRule = {
  /** How many times the 7-day mean. */
  over: 5,
  /** Least impressions in the last hour, and in the 7 days before it: below, a rate says little. */
  impressions: 50,
  /** An item is reported once in so long, in ms of event time. */
  every: 3_600_000,
} as const;

const hour = 3_600_000;
const week = 7 * 24 * hour;

/** Impressions and clicks of an item in 5 minutes. */
export interface ItemPane {
  readonly itemId: string;
  readonly windowStart: number;
  readonly windowEnd: number;
  readonly impressions: number;
  readonly clicks: number;
}

/** What is remembered of an item: its panes of the last hour, and the sums of the hours before. */
export interface SpikeState {
  recent: { end: number; impressions: number; clicks: number }[];
  hours: { start: number; impressions: number; clicks: number }[];
  reported: number;
}

/**
 * Reports an item when its CTR of the last hour is over 5 times that of the 7 days before. The last hour is not part of
 * the mean: a big enough spike would hide itself.
 */
export const findSpikes: ProcessFunction<ItemPane, SpikeState, CtrSpike> = {
  init: () => ({ recent: [], hours: [], reported: Number.NEGATIVE_INFINITY }),
  onRecord({ itemId, windowEnd, impressions, clicks }, state, { emit }) {
    state.recent.push({ end: windowEnd, impressions, clicks });
    while (state.recent[0]!.end <= windowEnd - hour) addToHour(state.hours, state.recent.shift()!);
    while (state.hours.length > 0 && state.hours[0]!.start < windowEnd - hour - week) state.hours.shift();
    const now = total(state.recent);
    const before = total(state.hours);
    if (now.impressions < spikeRule.impressions || before.impressions < spikeRule.impressions || windowEnd < state.reported + spikeRule.every) return;
    const ctr = now.clicks / now.impressions;
    const baseline = before.clicks / before.impressions;
    if (!(ctr > spikeRule.over * baseline)) return;
    state.reported = windowEnd;
    emit({ itemId, windowStart: windowEnd - hour, windowEnd, ctr, baseline, ratio: baseline === 0 ? 0 : ctr / baseline, ...now });
  },
};

function addToHour(hours: SpikeState['hours'], pane: SpikeState['recent'][number]): void {
  const start = Math.floor((pane.end - 1) / hour) * hour;
  const last = hours.at(-1);
  if (last?.start === start) {
    last.impressions += pane.impressions;
    last.clicks += pane.clicks;
  } else hours.push({ start, impressions: pane.impressions, clicks: pane.clicks });
}

function total(parts: readonly { impressions: number; clicks: number }[]): { impressions: number; clicks: number } {
  let impressions = 0;
  let clicks = 0;
  for (const part of parts) {
    impressions += part.impressions;
    clicks += part.clicks;
  }
  return { impressions, clicks };
}
