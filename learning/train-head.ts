import { deserialize, serialize } from 'node:v8';
import { Batch, objectRows } from '../dataflow/batch.js';
import { asHeadraceError, HeadraceError } from '../dataflow/errors.js';
import type { NewId, WatermarkSignal } from '../dataflow/signal.js';
import type { TaskContext } from '../dataflow/task-context.js';
import { type Emit, operate, type Operator } from '../operators/operate.js';
import type { ModelEvent } from '../schemas/generated/model-event.js';
import type { TrainingInterval } from '../schemas/generated/training-interval.js';
import type { HeadPlan } from './head-plan.js';
import { decodeHead } from './head-state.js';
import { type HeadTrainer, headTrainer } from './head-trainer.js';
import { baseChangedBy, changedBy, lineAfter, type ModelLine } from './model-line.js';
import { type ClosedInterval, openTrainingState, type TrainingState } from './training-state.js';
import type { IntervalOutcome, IntervalTask, KeptHead } from './train-interval.js';
import type { TrainingRow } from './training-rows.js';

/** An interval that has been trained on: its line for the topic of intervals, and the changes of the model for `models`. */
export interface TrainedInterval extends TrainingInterval {
  readonly events: readonly ModelEvent[];
}

/** The line of a trained interval for the topic of intervals. */
export function intervalOf(trained: TrainedInterval): TrainingInterval {
  return Object.fromEntries(Object.entries(trained).filter(([name]) => name !== 'events')) as unknown as TrainingInterval;
}

/** What trains. */
export type IntervalTrainer = Pick<HeadTrainer, 'interval' | 'close'>;

/** Settings of `trainHead`. */
export interface TrainHeadOptions {
  /** Opens what trains, when the first interval is over. @default a thread with ONNX Runtime */
  readonly trainer?: (plan: HeadPlan) => Promise<IntervalTrainer>;
  /** The base that stands until its first change comes in the stream. @default none */
  readonly base?: Pick<ModelEvent, 'version' | 'artefact'>;
}

/** What is written down of a training, so that a replay need not repeat it. The head itself is an artefact. */
interface WrittenOutcome {
  readonly outcome: Omit<IntervalOutcome, 'head'> & { readonly head: { readonly artefact: string; readonly bytes: number; readonly negatives: number } | undefined };
}

const metricOf = { passed: 'headrace_training_passed_total', rejected: 'headrace_training_rejected_total', held: 'headrace_training_held_total' } as const;

/** Intervals that are over and not trained on, from which on the sources pause. */
const waitingIntervals = 2;

/**
 * Trains a head as time goes on: each interval of event time is first scored by the champion, then a candidate is trained from it, and the gate decides whether it becomes the next champion.
 *
 * *When to use*: behind `trainingRows`, with the stream keyed by the name of the model. Changes of the model by others (`from(models)`) may come in the same stream. *Details*: a training is a function of the examples of its
 * interval, the reservoir and the versions so far, whatever the order in which examples came; with the provider `cpu` it gives the same weights again bit for bit. It runs in a thread of its own when the
 * epoch with the last examples is committed. The head is stored as an artefact before its outcome is written down (topic `<id>.outcomes`), and the outcome enters with the epoch that emits its events; so no event names a head
 * that cannot be read, a restart trains again what had not entered, to the same bytes, and a replay trains nothing. Examples that come when their interval is closed count for the next one. *State*: the examples
 * of the intervals that are not over, the last part of the one before, the reservoir, and the versions that stand. *Errors*: HR_ONNX, HR_DISK_FULL and HR_WORKER stop the run, which goes on from there;
 * what is wrong with examples or with the champion holds the candidate back, and the interval's line says why.
 *
 * @example
 * from(loggedDecisions).pipe(trainingRows(plan), keyBy('model', () => plan.model), trainHead('head', plan))
 * @see trainingRows
 */
export function trainHead<K = unknown, S extends string = string, const Id extends string = string>(id: Id & NewId<Id, S>, plan: HeadPlan, options: TrainHeadOptions = {}): Operator<TrainingRow | ModelEvent, TrainedInterval, K, K, S, S | Id> {
  const { trainer: openTrainer = defaultTrainer } = options;
  return operate<TrainingRow | ModelEvent, TrainedInterval>({ kind: 'trainHead', id, details: { model: plan.model, interval: `${plan.intervalMs} ms` }, outside: true, keepsPartitioning: false }, () => {
    let context: TaskContext;
    let state: TrainingState;
    let send: Emit<TrainedInterval>;
    let pass: (watermark: WatermarkSignal) => void;
    let source: string;
    let wake: () => void = () => undefined;
    let trainer: Promise<IntervalTrainer> | undefined;
    let isTraining = false;
    let isStopped = false;
    let came: { readonly bytes: Uint8Array } | { readonly error: unknown } | undefined;
    let now: WatermarkSignal | undefined;
    let passed = Number.NEGATIVE_INFINITY;

    const close = () => {
      isStopped = true;
      // What is under way is given up: it is trained again, to the same bytes.
      trainer?.then((t) => t.close()).catch(() => undefined);
      trainer = undefined;
    };
    /** Hands on how far time has come: not beyond an interval whose line is not out. */
    const passOn = () => {
      if (now === undefined) return;
      const oldest = state.closed[0];
      const time = oldest === undefined ? now.time : Math.min(now.time, oldest.start + plan.intervalMs - 1);
      if (time <= passed && now.idle !== true) return;
      passed = Math.max(passed, time);
      pass({ kind: 'watermark', time, ...(now.idle === true ? { idle: true } : {}) });
    };
    const lineOf = ({ changes }: ClosedInterval): ModelLine => changes.reduce<ModelLine>((line, event) => (event.model === plan.model ? changedBy(line, event) : baseChangedBy(line, event)), { base: options.base, ...state.line });
    const kept = async (event: ModelEvent): Promise<KeptHead> => {
      const of = { version: event.version, negatives: event.metrics['negatives'] ?? 1 };
      try {
        return { ...of, bytes: await context.artefacts.get(event.artefact) };
      } catch (error) {
        const { code, message } = asHeadraceError(error, 'HR_MODEL_CORRUPT', {});
        if (code !== 'HR_MODEL_CORRUPT') throw error;
        return { ...of, bytes: new Uint8Array(0), problem: `${code}: version ${event.version}: ${message}` };
      }
    };
    /** Bytes of the bases that heads name, and of the present one: artefacts are named by their digests. What is missing or was changed is told by who opens a head of it. */
    const basesFor = async (heads: readonly (KeptHead | undefined)[], now: ModelLine['base']): Promise<Record<string, Uint8Array>> => {
      const digests = new Set([...heads.map((head) => head && baseOf(head)), now?.artefact].filter((digest) => digest !== undefined));
      const bases: Record<string, Uint8Array> = {};
      for (const digest of digests) {
        try {
          bases[digest] = await context.artefacts.get(digest);
        } catch (error) {
          if (asHeadraceError(error, 'HR_MODEL_CORRUPT', {}).code !== 'HR_MODEL_CORRUPT') throw error;
        }
      }
      return bases;
    };
    const train = async (interval: ClosedInterval): Promise<Uint8Array> => {
      const line = lineOf(interval);
      const heads = {
        champion: line.champion && (await kept(line.champion)),
        previous: line.previous && (await kept(line.previous)),
        trials: await Promise.all(line.trials.map(async (trial) => ({ ...(await kept(trial)), isCanary: trial.stage === 'CANARY' }))),
      };
      const newest = heads.trials.at(-1) ?? heads.champion;
      const isNewBase = line.base !== undefined && (newest === undefined || baseOf(newest) !== line.base.artefact);
      const bases = await basesFor([heads.champion, heads.previous, ...heads.trials], line.base);
      const task: IntervalTask = { start: interval.start, ...heads, ...(line.base === undefined ? {} : { base: line.base.artefact }), bases, threshold: state.threshold, ...(await state.read(interval, isNewBase)) };
      const { head, ...outcome } = await (await (trainer ??= openTrainer(plan))).interval(plan, task);
      const stored = head === undefined || outcome.verdict.verdict === 'held' ? undefined : { artefact: await context.artefacts.put(head.bytes), bytes: head.bytes.length, negatives: head.negatives };
      return serialize({ outcome: { ...outcome, head: stored } } satisfies WrittenOutcome);
    };
    const enter = (bytes: Uint8Array) => {
      const { outcome } = deserialize(bytes) as WrittenOutcome;
      const interval = state.closed[0];
      if (interval?.start !== outcome.start) throw new HeadraceError('HR_REPLAY', `trainHead "${id}": an outcome was written down for the interval of ${new Date(outcome.start).toISOString()}, which is not the next one.`);
      const time = interval.start + plan.intervalMs;
      const before = lineOf(interval);
      const isContested = [...state.changes, ...state.closed.slice(1).flatMap((c) => c.changes)].some((c) => c.kind === 'STAGED' && c.model === plan.model);
      const { head } = outcome;
      const { line, events } = lineAfter(before, { ...outcome, head: head && { bytes: new Uint8Array(0), negatives: head.negatives } }, { plan, time, source, candidate: head && { ...head, inputs: interval.inputs }, isContested });
      state.finish(outcome, line);
      const row: TrainedInterval = { ...intervalRow(plan, outcome, before, events), events };
      send(new Batch(objectRows([row]), Float64Array.of(time)));
      context.metrics.add(metricOf[outcome.verdict.verdict], id, 1);
      passOn();
    };
    return {
      onOpen(opened, emit, onward) {
        context = opened;
        send = emit;
        pass = onward;
        source = `${opened.pipeline}/${id}`;
        state = openTrainingState(opened.table(id), opened.task, plan);
        opened.outside(id, {
          get waiting() {
            return state.closed.length;
          },
          get full() {
            return state.closed.length >= waitingIntervals;
          },
          get ready() {
            return came === undefined ? 0 : 1;
          },
          get wantsEpoch() {
            return state.closed.length > 0 && !isTraining && came === undefined ? 0 : Number.POSITIVE_INFINITY;
          },
          begin() {
            const next = state.closed[0];
            if (next === undefined || isTraining || came !== undefined || isStopped) return;
            isTraining = true;
            train(next)
              .then((bytes) => ({ bytes }), (error: unknown) => ({ error }))
              .then((result) => {
                if (isStopped) return;
                isTraining = false;
                came = result;
                wake();
              });
          },
          take() {
            const taken = came;
            came = undefined;
            if (taken !== undefined && 'error' in taken) throw asHeadraceError(taken.error, 'HR_STEP', { pipeline: context.pipeline, step: id });
            return taken?.bytes;
          },
          enter,
          stop: close,
          onOutcome(listener) {
            wake = listener;
          },
        });
      },
      onBatch(batch) {
        for (let i = 0; i < batch.length; i++) {
          const row = batch.value(i);
          if (!('artefact' in row)) state.add(row);
          else if ((row.model === plan.model && row.source !== source) || row.model === plan.base?.model) state.change(row);
        }
      },
      onWatermark(time, _emit, signal) {
        now = signal;
        state.reach(time);
        passOn();
        return 'held';
      },
      onBarrier() {
        const rows = state.save();
        context.metrics.set('headrace_training_late_rows', id, state.late);
        return rows;
      },
      onClose: close,
    };
  }) as Operator<TrainingRow | ModelEvent, TrainedInterval, K, K, S, S | Id>;
}

/** Digest of the base that a kept head names; undefined where it names none, or is no head. */
function baseOf({ bytes, problem }: KeptHead): string | undefined {
  if (problem !== undefined) return undefined;
  try {
    return decodeHead(bytes).base;
  } catch {
    // told when it is opened
    return undefined;
  }
}

function defaultTrainer(plan: HeadPlan): Promise<IntervalTrainer> {
  return headTrainer(plan.shape, { providers: plan.providers, threads: plan.threads, clipNorm: plan.clipNorm });
}

function intervalRow(plan: HeadPlan, outcome: WrittenOutcome['outcome'], before: ModelLine, events: readonly ModelEvent[]): TrainingInterval {
  const refused = outcome.verdict.checks.filter((c) => c.verdict !== 'passed').map((c) => `${c.name}: ${c.why}`);
  const staged = events.filter((e) => e.kind === 'STAGED' && e.stage !== 'RETIRED').map((e) => `version ${e.version} is ${e.stage.toLowerCase()}`);
  return {
    model: plan.model,
    start: outcome.start,
    end: outcome.start + plan.intervalMs,
    examples: outcome.examples,
    clicks: outcome.clicks,
    champion: before.champion?.version ?? null,
    auc: outcome.progressive?.auc ?? null,
    entropy: outcome.progressive?.entropy ?? null,
    calibration: outcome.progressive?.calibration ?? null,
    candidate: events.find((e) => e.kind === 'REGISTERED')?.version ?? null,
    candidateAuc: outcome.candidate?.auc ?? null,
    candidateEntropy: outcome.candidate?.entropy ?? null,
    candidateCalibration: outcome.candidate?.calibration ?? null,
    learned: outcome.learned,
    replayed: outcome.replayed,
    verdict: outcome.verdict.verdict.toUpperCase() as TrainingInterval['verdict'],
    movedInputs: { ...outcome.movedInputs },
    rows: outcome.rows.toUpperCase() as TrainingInterval['rows'],
    reason: [...refused, ...staged].join('; '),
  };
}
