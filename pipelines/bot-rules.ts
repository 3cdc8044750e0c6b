import type { LabelledClick } from '../schemas/generated/labelled-click.js';
import type { ClickEvent } from '../schemas/generated/click-event.js';
import type { ProcessFunction } from '../operators/process.js';

/** What makes a sender a bot. */
export const botRules = {
  /** Programs that say so in their agent. */
  agent: /bot|crawl|spider|slurp/i,
  /** Events in each of three ten-second spans in a row, which no person makes. A form that submits a few hundred at once is not enough. */
  eventsPerSpan: 60,
  /** Equal pauses in a row, of a second or more. */
  equalPauses: 20,
  /** How long a sender that was found out stays labelled, in ms of event time. */
  memory: 24 * 3_600_000,
} as const;

const spanMs = 10_000;
const spans = 3;

/** What is remembered of a sender. */
export interface SenderState {
  last: number;
  pause: number;
  equalPauses: number;
  /** Number of the newest ten-second span, and the events in it and the two before. */
  span: number;
  counts: number[];
  reason: LabelledClick['botReason'];
  until: number;
}

/** Labels each click with whether its sender is a bot, and why; drops none. */
export const labelBots: ProcessFunction<ClickEvent, SenderState, LabelledClick> = {
  init: () => ({ last: Number.NEGATIVE_INFINITY, pause: 0, equalPauses: 0, span: 0, counts: Array.from({ length: spans }, () => 0), reason: null, until: Number.NEGATIVE_INFINITY }),
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
  const span = Math.floor(time / spanMs);
  while (state.span < span) {
    state.counts.shift();
    state.counts.push(0);
    state.span = span - state.span > spans ? span - spans : state.span + 1;
  }
  const at = spans - 1 - (state.span - span);
  if (at >= 0) state.counts[at]! += 1;
  const pause = time - state.last;
  if (pause > 0) {
    state.equalPauses = pause === state.pause && pause >= 1_000 ? state.equalPauses + 1 : 1;
    state.pause = pause;
    state.last = time;
  } else if (pause === 0) state.equalPauses = 0;
  if (state.counts[0]! >= botRules.eventsPerSpan && state.counts.every((n) => n >= botRules.eventsPerSpan)) return 'VELOCITY';
  return state.equalPauses > botRules.equalPauses ? 'REGULARITY' : null;
}
