import { compileRowEncoder } from '../schemas/encoder.js';
import { type Decision, decisionSchema } from '../schemas/generated/decision.js';
import type { LoggedDecision, SlotOutcome } from '../schemas/generated/logged-decision.js';
import type { Outcome } from '../schemas/generated/outcome.js';
import type { UnattributedOutcome } from '../schemas/generated/unattributed-outcome.js';
import { compileReader } from '../schemas/reader.js';
import { HeadraceError } from './errors.js';
import type { Reward } from './rewards.js';

/** What is known of one decision id; plain data, since it is kept in state. */
export interface Attribution {
  /** The decision as Avro, a tenth of what the object takes; null before it comes, and when it has gone out. */
  decision: Uint8Array | null;
  /** Epoch ms; NaN before the decision comes. */
  time: number;
  slots: number;
  outcomes: Outcome[];
  duplicates: number;
  late: number;
  isOut: boolean;
}

/** Why an outcome does not count. */
export type UnattributedReason = UnattributedOutcome['reason'];

/** Brings outcomes to their decision. Times are milliseconds of event time. */
export interface Attributing {
  /** A decision: when its row is due, and the held outcomes that turn out not to count; undefined for a second one of the same id. */
  decide(state: Attribution, decision: Decision): { readonly due: number; readonly refused: readonly UnattributedOutcome[] } | undefined;
  /** An outcome: why it does not count, or until when it waits for its decision, or neither. */
  follow(state: Attribution, outcome: Outcome): { readonly reason?: UnattributedReason; readonly until?: number };
  /** Time has come to `now`: the row, if it is due. */
  due(state: Attribution, now: number): LoggedDecision | undefined;
  /** Outcomes that no decision can explain any more at `now`. */
  unknown(state: Attribution, now: number): readonly UnattributedOutcome[];
}

/** The state of an id that is seen for the first time. */
export function noAttribution(): Attribution {
  return { decision: null, time: Number.NaN, slots: 0, outcomes: [], duplicates: 0, late: 0, isOut: false };
}

/**
 * @param window how long after its decision an outcome may lie
 * @param early how long before
 * @param lateness how far behind the watermark it may come
 */
export function attributing(options: { readonly window: number; readonly early: number; readonly lateness: number; readonly reward: Reward }): Attributing {
  const { window, early, lateness, reward } = options;
  const encoder = compileRowEncoder<Decision>(decisionSchema);
  const read = compileReader<Decision>(decisionSchema, decisionSchema);
  // one behind, since a watermark of `t` promises what lies before `t`
  const dueOf = (time: number) => time + window + lateness + 1;
  const untilOf = (time: number) => time + early + lateness + 1;

  const place = (state: Attribution, { time, slot }: Outcome): UnattributedReason | undefined => {
    if (time < state.time - early) return 'EARLY';
    if (time > state.time + window) return 'LATE';
    return slot >= 0 && slot < state.slots ? undefined : 'NO_SUCH_SLOT';
  };

  return {
    decide(state, decision) {
      if (state.decision !== null || state.isOut) return undefined;
      const bytes = new Uint8Array(encoder.bound(decision));
      state.decision = bytes.slice(0, encoder.encode(decision, bytes, 0));
      state.time = decision.time;
      state.slots = decision.slots.length;
      const refused: UnattributedOutcome[] = [];
      state.outcomes = state.outcomes.filter((outcome) => {
        const reason = place(state, outcome);
        if (reason === 'LATE') state.late += 1;
        if (reason !== undefined) refused.push({ ...outcome, reason });
        return reason === undefined;
      });
      return { due: dueOf(decision.time), refused };
    },
    follow(state, outcome) {
      if (state.outcomes.some(({ outcomeId }) => outcomeId === outcome.outcomeId)) {
        state.duplicates += 1;
        return { reason: 'DUPLICATE' };
      }
      if (state.isOut) return { reason: place(state, outcome) ?? 'LATE' };
      if (state.decision !== null) {
        const reason = place(state, outcome);
        if (reason === 'LATE') state.late += 1;
        if (reason !== undefined) return { reason };
      }
      state.outcomes.push({ ...outcome });
      return state.decision === null ? { until: untilOf(outcome.time) } : {};
    },
    due(state, now) {
      if (state.decision === null || now < dueOf(state.time)) return undefined;
      const decision = read(state.decision, 0, state.decision.length);
      const outcomes = [...state.outcomes].sort((a, b) => a.time - b.time || (a.outcomeId < b.outcomeId ? -1 : 1));
      const slots = Array.from({ length: state.slots }, (_, k) => slotOutcome(outcomes.filter(({ slot }) => slot === k), reward));
      state.decision = null;
      state.isOut = true;
      // their ids stay, so that one that comes again is known for what it is
      state.outcomes = state.outcomes.map((outcome) => ({ ...outcome, parts: {} }));
      return {
        ...decision,
        reward: slots.reduce((sum, slot) => sum + slot.reward, 0),
        outcomes: slots,
        outcomeMissing: outcomes.length === 0,
        duplicateOutcomes: state.duplicates,
        lateOutcomes: state.late,
        windowEnd: state.time + window,
      };
    },
    unknown(state, now) {
      if (state.decision !== null || state.isOut) return [];
      const waiting = state.outcomes.filter(({ time }) => untilOf(time) > now);
      const given = state.outcomes.filter(({ time }) => untilOf(time) <= now);
      state.outcomes = waiting;
      return given.map((outcome) => ({ ...outcome, reason: 'UNKNOWN_DECISION' as const }));
    },
  };
}

function slotOutcome(outcomes: readonly Outcome[], reward: Reward): SlotOutcome {
  const parts: Record<string, number> = {};
  for (const outcome of outcomes) for (const [name, value] of Object.entries(outcome.parts)) parts[name] = (parts[name] ?? 0) + value;
  const value = reward.of(outcomes);
  if (!Number.isFinite(value)) throw new HeadraceError('HR_STEP', `The reward "${reward.name}" of ${outcomes.length} outcomes of decision ${outcomes[0]?.decisionId ?? ''} is ${value}.`);
  return { reward: value, parts, outcomes: outcomes.length };
}
