import { Batch, objectRows, type Unkeyed } from '../dataflow/batch.js';
import { HeadraceError } from '../dataflow/errors.js';
import type { ErrorPolicy } from '../dataflow/step.js';
import type { TaskContext } from '../dataflow/task-context.js';
import { operate, type Operator, reject } from '../operators/operate.js';
import type { LoggedDecision } from '../schemas/generated/logged-decision.js';
import { type HeadPlan, inputNames } from './head-plan.js';

/** A slot of a decision, with all that could have been shown there. */
export interface Choice {
  readonly key: string;
  readonly user: string;
  readonly reward: number;
  /** Probability with which it was shown, given the slots before, and which of the candidates it was. */
  readonly propensity: number;
  readonly shown: number;
  /** Inputs of each candidate that no slot before has shown. */
  readonly candidates: readonly (readonly number[])[];
  readonly items: readonly string[];
}

/** An example as it was served: one slot of a logged decision with what followed from it. */
export interface TrainingRow {
  /** Decision and slot. */
  readonly key: string;
  /** When it was decided (epoch ms). */
  readonly time: number;
  readonly user: string;
  readonly item: string;
  readonly category: string;
  /** Version of the model that gave the scores; '' where none is known. */
  readonly served: string;
  /** In the order of the plan's layout. */
  readonly features: readonly number[];
  readonly click: 0 | 1;
  /** log(1 + seconds watched); NaN where nothing was watched. */
  readonly watch: number;
  /** Where policies are valued by it. */
  readonly choice?: Choice;
  /** `topic/partition` it was read from, and the offset behind it. */
  readonly source: string;
  readonly next: number;
}

/**
 * Turns logged decisions into examples: a row for each slot, with the features that were logged when it was decided, so that a head learns from what it will be served with.
 *
 * *When to use*: before `trainHead`. *Details*: a slot was clicked when the part `click` of its outcomes is above 0; the part `watchMs` is how long it was watched. Decisions that were overridden give no rows,
 * since something else was shown. *State*: none. *Errors*: a decision without one of the context features, with another number of candidate features, or with a value that is not a number follows the
 * error policy as a whole (HR_EXAMPLES).
 *
 * @example from(loggedDecisions).pipe(trainingRows(plan), keyBy('model', () => plan.model), trainHead('head', plan))
 * @see trainHead
 */
export function trainingRows<K = unknown, S extends string = string>(plan: HeadPlan, options: { readonly onError?: ErrorPolicy } = {}): Operator<LoggedDecision, TrainingRow, K, Unkeyed, S> {
  const details = { inputs: String(inputNames(plan.layout).length) };
  return operate<LoggedDecision, TrainingRow>({ kind: 'trainingRows', details, onError: options.onError, keepsPartitioning: false }, (step) => {
    let context: TaskContext;
    return {
      onOpen(opened) {
        context = opened;
      },
      onBatch(batch, emit) {
        const out: TrainingRow[] = [];
        const origin: number[] = [];
        for (let i = 0; i < batch.length; i++) {
          const { topic = '', partition = 0, offset = -1 } = batch.rows.place(i);
          try {
            for (const row of rowsOf(batch.value(i), plan)) {
              out.push({ ...row, source: `${topic}/${partition}`, next: offset + 1 });
              origin.push(i);
            }
          } catch (error) {
            reject(step, context, batch, i, error);
          }
        }
        if (out.length > 0) emit(new Batch(objectRows(out, { rows: batch.rows, origin: Int32Array.from(origin) }), Float64Array.from(origin, (i) => batch.times[i]!)));
      },
    };
  }) as Operator<LoggedDecision, TrainingRow, K, Unkeyed, S>;
}

/**
 * The rows of one decision.
 *
 * @throws HR_EXAMPLES a feature is missing or not a number
 */
export function rowsOf(decision: LoggedDecision, plan: Pick<HeadPlan, 'layout' | 'policy' | 'intervalMs' | 'judgedMs'>): Omit<TrainingRow, 'source' | 'next'>[] {
  const { layout } = plan;
  if (decision.overridden !== null) return [];
  const refuse = (detail: string): never => {
    throw new HeadraceError('HR_EXAMPLES', `Decision ${decision.decisionId}: ${detail}`);
  };
  const shared = layout.context.map((name) => {
    const value = decision.context[name];
    if (value === undefined) return refuse(`the context has no "${name}".`);
    return Number.isFinite(value) ? value : refuse(`the context feature "${name}" is ${value}.`);
  });
  return decision.slots.map(({ candidate: number }, slot) => {
    const candidate = decision.candidates[number] ?? refuse(`slot ${slot} shows candidate ${number} of ${decision.candidates.length}.`);
    const { features } = candidate;
    if (features.length !== layout.candidate.length) refuse(`${candidate.itemId} has ${features.length} features; the head takes ${layout.candidate.length}.`);
    const bad = features.findIndex((x) => !Number.isFinite(x));
    if (bad >= 0) refuse(`the feature "${layout.candidate[bad]}" of ${candidate.itemId} is ${features[bad]}.`);
    const parts = decision.outcomes[slot]?.parts ?? {};
    const watched = parts['watchMs'];
    const choice = plan.policy !== undefined && isJudged(decision.time, plan) ? choiceOf(decision, slot, layout, shared) : undefined;
    return {
      key: `${decision.decisionId}/${slot}`,
      time: decision.time,
      user: decision.userId,
      item: candidate.itemId,
      category: candidate.category,
      served: decision.modelVersion,
      features: [...shared, ...features, ...(layout.position ? [1 / (1 + slot)] : [])],
      click: (parts['click'] ?? 0) > 0 ? 1 : 0,
      watch: watched === undefined ? Number.NaN : Math.log1p(Math.max(0, watched) / 1_000),
      ...(choice === undefined ? {} : { choice }),
    };
  });
}

/** Whether a time is in the last part of its interval, which candidates are judged by. */
function isJudged(time: number, { intervalMs, judgedMs }: Pick<HeadPlan, 'intervalMs' | 'judgedMs'>): boolean {
  return time - Math.floor(time / intervalMs) * intervalMs >= intervalMs - judgedMs;
}

/** undefined where not all candidates can be scored, or the probability is none: such a decision says nothing of other policies. */
function choiceOf({ decisionId, userId, candidates, slots, outcomes }: LoggedDecision, slot: number, layout: HeadPlan['layout'], shared: readonly number[]): Choice | undefined {
  const { candidate, propensity } = slots[slot]!;
  if (!(propensity > 0 && propensity <= 1) || candidates.some(({ features }) => features.length !== layout.candidate.length || !features.every(Number.isFinite))) return undefined;
  const before = new Set(slots.slice(0, slot).map((s) => s.candidate));
  const left = candidates.flatMap((_, i) => (before.has(i) ? [] : [i]));
  const shown = left.indexOf(candidate);
  if (shown < 0) return undefined;
  return { key: `${decisionId}/${slot}`, user: userId, reward: (outcomes[slot]?.parts['click'] ?? 0) > 0 ? 1 : 0, propensity, shown, candidates: left.map((i) => [...shared, ...candidates[i]!.features, ...(layout.position ? [1 / (1 + slot)] : [])]), items: left.map((i) => candidates[i]!.itemId) };
}
