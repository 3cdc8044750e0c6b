import type { Observable } from 'rxjs';
import { attributing, type Attribution, noAttribution, type UnattributedReason } from '../dataflow/attribution.js';
import { Batch, type KeyedBy, objectRows } from '../dataflow/batch.js';
import { type Duration, durationMs } from '../dataflow/duration.js';
import { HeadraceError } from '../dataflow/errors.js';
import { createKeyedState, type KeyedState } from '../dataflow/state/keyed-state.js';
import { checkOptions } from '../dataflow/known-options.js';
import { meetStreams } from '../dataflow/joins/meet-streams.js';
import type { MetricName } from '../dataflow/metrics.js';
import { type Reward, sumOf } from '../dataflow/rewards.js';
import type { Signal } from '../dataflow/signal.js';
import type { ErrorPolicy } from '../dataflow/step.js';
import type { TaskContext } from '../dataflow/task-context.js';
import type { Topic } from '../dataflow/topic.js';
import { stringColumn } from '../schemas/column.js';
import type { Decision } from '../schemas/generated/decision.js';
import type { LoggedDecision } from '../schemas/generated/logged-decision.js';
import type { Outcome } from '../schemas/generated/outcome.js';
import type { UnattributedOutcome } from '../schemas/generated/unattributed-outcome.js';
import { reject } from './operate.js';
import { ownersWriter, type TopicWriter } from './to.js';

/** Settings of `attribute`. */
export interface AttributeOptions {
  /** How long after its decision an outcome counts, by event time. @default '30m' */
  readonly window?: Duration;
  /** How long before its decision an outcome may lie and still count: clocks differ. @default '2m' */
  readonly early?: Duration;
  /** How far behind the watermark an outcome may come and still count; rows go out so much later. @default '0s' */
  readonly lateness?: Duration;
  /** What the outcomes of a slot are worth. @default the sum of the part `click` */
  readonly reward?: Reward;
  /** How long a decision is remembered when its row has gone out, so that what comes then is late and not of an unknown decision. @default '1h' */
  readonly remember?: Duration;
  /** Topic for outcomes that do not count. @default they are counted and left out */
  readonly unattributed?: Topic<UnattributedOutcome>;
  /** Decisions kept in memory; the others wait on disk. @default 20,000 */
  readonly cached?: number;
  /** What happens to a record that cannot be taken. @default 'deadLetter' */
  readonly onError?: ErrorPolicy;
}

/** Key of the streams that meet. */
type ByDecision = { readonly decisionId: string };

/** Rows that go out as one batch. */
const batchRows = 512;

const metricOf: Readonly<Record<UnattributedReason, MetricName>> = {
  UNKNOWN_DECISION: 'headrace_outcomes_unknown_total',
  LATE: 'headrace_outcomes_late_total',
  EARLY: 'headrace_outcomes_early_total',
  DUPLICATE: 'headrace_outcomes_duplicate_total',
  NO_SUCH_SLOT: 'headrace_outcomes_no_slot_total',
};

/**
 * Brings outcomes to the decisions that they followed from, and emits each decision once with its rewards when its window is over.
 *
 * *When to use*: to make the log that policies are evaluated on. *Details*: both streams are keyed by the decision's id. An outcome counts when its time lies from `early`
 * before the decision to `window` after it; it may come before its decision. A decision without an outcome goes out as well, with the reward of nothing and `outcomeMissing`.
 * The same outcome id twice counts once. Outcomes that do not count go to `unattributed` with the reason. A second decision of one id is counted and left out.
 * Results never change. *State*: each decision as Avro and its outcomes, for the window; its id and those of its outcomes for `remember` after that. *Errors*: HR_DURATION;
 * a reward that is not finite stops the pipeline (HR_STEP).
 *
 * @example
 * attribute('attribution', from(decisions).pipe(keyBy(decisions.decisionId)), from(outcomes).pipe(keyBy(outcomes.decisionId)), {
 *   window: '30m',
 *   reward: sumOf({ click: 1, share: 5 }),
 *   unattributed: unattributedOutcomes,
 * }).pipe(to(loggedDecisions))
 * @see join, lookup
 */
export function attribute(id: string, decisions: Observable<Signal<Decision, ByDecision>>, outcomes: Observable<Signal<Outcome, ByDecision>>, options: AttributeOptions = {}): Observable<Signal<LoggedDecision, ByDecision>> {
  checkOptions(options, ['window', 'early', 'lateness', 'reward', 'remember', 'unattributed', 'cached', 'onError'], `attribute "${id}"`);
  const { reward = sumOf('click'), unattributed, onError } = options;
  const given = { window: options.window ?? '30m', early: options.early ?? '2m', lateness: options.lateness ?? '0s', remember: options.remember ?? '1h' };
  const of = (name: keyof typeof given) => durationMs(given[name], `attribute "${id}": ${name}`);
  const [window, early, lateness, remember] = [of('window'), of('early'), of('lateness'), of('remember')];
  const details = { window: String(given.window), early: String(given.early), lateness: String(given.lateness), reward: reward.name };
  const sides = unattributed === undefined ? [] : [unattributed];
  return meetStreams<LoggedDecision, ByDecision>([decisions, outcomes] as never, { kind: 'attribute', id, details, sides, onError }, (step) => {
    const rules = attributing({ window, early, lateness, reward });
    let context: TaskContext;
    let state: KeyedState<Attribution>;
    let writer: TopicWriter | undefined;
    let watermark: number;
    const keyedBy: KeyedBy = { name: 'decisionId', kind: 'string' };
    const refuse = (refused: readonly UnattributedOutcome[]): void => {
      if (refused.length === 0) return;
      for (const { reason } of refused) context.metrics.add(metricOf[reason], id, 1);
      writer?.write(new Batch(objectRows(refused), Float64Array.from(refused, ({ time }) => time)));
    };
    const decide = (key: string, decision: Decision): void => {
      const attribution = state.get(key, decision.time);
      const decided = rules.decide(attribution, decision);
      if (decided === undefined) {
        context.metrics.add('headrace_decisions_duplicate_total', id, 1);
        return;
      }
      refuse(decided.refused);
      state.setTimer(key, decided.due);
    };
    const follow = (key: string, outcome: Outcome): void => {
      const { reason, until } = rules.follow(state.get(key, outcome.time), outcome);
      if (reason !== undefined) refuse([{ ...outcome, reason }]);
      if (until !== undefined) state.setTimer(key, until);
    };
    return {
      onOpen(opened, partitionedBy) {
        context = opened;
        writer = unattributed && ownersWriter(unattributed, step, context, { id: `${id}/unattributed`, partitionedBy: partitionedBy[0] });
        state = createKeyedState<Attribution>({ table: context.table(id), task: context.task, init: noAttribution, expire: window + early + lateness + remember + 1, cached: options.cached ?? 20_000 });
        watermark = state.reached;
        return partitionedBy[0];
      },
      onBatch(input, batch) {
        if (batch.keyedBy?.name !== 'decisionId') throw new HeadraceError('HR_STEP_UNKEYED', `attribute "${id}" needs streams that are keyed by decisionId.`);
        for (let row = 0; row < batch.length; row++) {
          const key = batch.keyText(row);
          try {
            if (input === 0) decide(key, batch.value(row) as Decision);
            else follow(key, batch.value(row) as Outcome);
          } catch (error) {
            reject(step, context, batch, row, error);
          }
          state.touch(key, batch.times[row]!);
        }
      },
      onWatermark(now, emit) {
        // a restart gives the last watermark again: no time has passed
        if (now <= watermark) return now;
        const before = watermark;
        watermark = now;
        let rows: LoggedDecision[] = [];
        let times: number[] = [];
        const flush = (): void => {
          if (rows.length === 0) return;
          emit(new Batch(objectRows(rows), Float64Array.from(times), stringColumn(rows.map(({ decisionId }) => decisionId)), keyedBy));
          rows = [];
          times = [];
        };
        for (let timer = state.nextTimer(now); timer !== undefined; timer = state.nextTimer(now)) {
          const attribution = state.get(timer.key);
          const row = rules.due(attribution, timer.time);
          if (row !== undefined) {
            rows.push(row);
            // of a decision that came late, the time has passed
            times.push(Math.max(timer.time - 1, before));
          }
          refuse(rules.unknown(attribution, timer.time));
          state.touch(timer.key, Number.NEGATIVE_INFINITY);
          if (rows.length === batchRows) flush();
        }
        flush();
        state.reach(now);
        return now;
      },
      onBarrier() {
        state.save();
        writer?.flush();
      },
    };
  });
}
