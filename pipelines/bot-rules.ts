import type { LabelledClick } from '../schemas/generated/labelled-click.js';
import type { ClickEvent } from '../schemas/generated/click-event.js';
import type { ProcessFunction } from '../operators/process.js';

/** What makes a sender a bot. */
export const botRules = {
  /** Programs that say so in their agent. */
  agent: /bot|crawl|spider|slurp/i,
  /** Events within a minute that no person makes. */
  eventsPerMinute: 600,
  /** Equal pauses in a row, of a second or more. */
  equalPauses: 20,
  /** How long a sender that was found out stays labelled, in ms of event time. */
  memory: 24 * 3_600_000,
} as const;

const bucketMs = 10_000;
const buckets = 60_000 / bucketMs;

/** What is remembered of a sender. */
export interface SenderState {
  last: number;
  pause: number;
  equalPauses: number;
  /** Number of the newest 10-second bucket, and the events in it and the five before. */
  bucket: number;
  counts: number[];
  reason: LabelledClick['botReason'];
  until: number;
}

/** Labels each click with whether its sender is a bot, and why; drops none. */
export const labelBots: ProcessFunction<ClickEvent, SenderState, LabelledClick> = {
  init: () => ({ last: Number.NEGATIVE_INFINITY, pause: 0, equalPauses: 0, bucket: 0, counts: Array.from({ length: buckets }, () => 0), reason: null, until: Number.NEGATIVE_INFINITY }),
  onRecord(click, state, { time, place, emit }) {
    const found = inspect(click, state, time);
    if (found !== null) {
      state.reason = found;
      state.until = time + botRules.memory;
    }
    const reason = time <= state.until ? state.reason : null;
    const { eventId, userId, itemId, creatorId, category, eventType, watchMs, durationMs, timestamp, surface, position, agent, decisionId } = click;
    const origin = place;
    // Field by field: a spread of a decoded record is several times slower.
    emit({
      eventId,
      userId,
      itemId,
      creatorId,
      category,
      eventType,
      watchMs,
      durationMs,
      timestamp,
      surface,
      position,
      agent,
      decisionId,
      bot: reason !== null,
      botReason: reason,
      originPartition: origin.partition ?? 0,
      originOffset: origin.offset ?? 0,
    });
  },
};

function inspect(click: ClickEvent, state: SenderState, time: number): LabelledClick['botReason'] {
  if (click.agent !== null && botRules.agent.test(click.agent)) return 'AGENT';
  const bucket = Math.floor(time / bucketMs);
  if (bucket > state.bucket) {
    for (let b = Math.max(state.bucket + 1, bucket - buckets + 1); b <= bucket; b++) state.counts[b % buckets] = 0;
    state.bucket = bucket;
  }
  if (bucket > state.bucket - buckets) state.counts[((bucket % buckets) + buckets) % buckets]! += 1;
  const pause = time - state.last;
  if (pause > 0) {
    state.equalPauses = pause === state.pause && pause >= 1_000 ? state.equalPauses + 1 : 1;
    state.pause = pause;
    state.last = time;
  } else if (pause === 0) state.equalPauses = 0;
  let inMinute = 0;
  for (const n of state.counts) inMinute += n;
  if (inMinute > botRules.eventsPerMinute) return 'VELOCITY';
  return state.equalPauses > botRules.equalPauses ? 'REGULARITY' : null;
}
