import { deserialize, serialize } from 'node:v8';
import type { Batch } from '../dataflow/batch.js';
import { type CallQueue, type CallResult, createCallQueue, type QueuedCall } from '../dataflow/calls/call-queue.js';
import { type CallContext, type CallRunner, createCallRunner } from '../dataflow/calls/call-runner.js';
import { atLeastOne, callSettings, type EnrichOptions } from '../dataflow/calls/enrich-options.js';
import { HeadraceError } from '../dataflow/errors.js';
import { checkOptions } from '../dataflow/known-options.js';
import type { NewId } from '../dataflow/signal.js';
import type { TaskContext } from '../dataflow/task-context.js';
import { type Operator, operate } from './operate.js';

/** An input whose call gave a value, or whose fallback did. */
export interface Done<T, R> {
  readonly outcome: 'done';
  readonly value: R;
  readonly input: T;
  /** Attempts that were allowed for it; the last one gave the value. */
  readonly attempts: number;
  /** Whether `value` is that of the fallback. */
  readonly fallback: boolean;
}

/** An input whose attempts are used up. */
export interface Failed<T> {
  readonly outcome: 'failed';
  readonly input: T;
  /** `HR_CALL_FAILED`, `HR_CALL_TIMEOUT`, `HR_CALL_INTERRUPTED`, `HR_CALL_RESULT`. */
  readonly code: string;
  readonly message: string;
  readonly attempts: number;
}

/** What became of an input: one for each, exactly once. */
export type CallOutcome<T, R> = Done<T, R> | Failed<T>;

/**
 * Calls an asynchronous function for each record.
 *
 * *When to use*: to ask a service, a model or a database for what the record needs. For what is in a topic, `lookup` is faster and exact. *Details*: every input comes out once,
 * as a `Done` or a `Failed`, with its event time and key; `split` takes them apart. No watermark overtakes an input that came before it. Inputs and their attempts are part of each
 * epoch, so that an epoch never waits for a call. A call begins when the epoch of its input is committed; what was under way when a run stopped is called again with the same idempotency key, and
 * never more often than `attempts`. Outcomes are kept in the topic `<id>.outcomes`: a replay takes them from there and makes no call. *State*: the inputs that wait, at most `capacity` a task and what one
 * step of the run brings on top. *Errors*: HR_ARGUMENT, HR_DURATION; those of calls are in the outcomes.
 *
 * @param call gets a record, its idempotency key, the number of the attempt, and a signal that it should obey
 * @example
 * from(mediaJobs).pipe(
 *   enrich('understand', understandVideo, { concurrency: 4, timeout: '10m', order: 'unordered', retry: { attempts: 3, backoff: '1s..1m' } }),
 *   split({ done: to(mediaResults), failed: to(mediaFailures) }),
 * )
 * @see split, lookup
 */
export function enrich<T, R, K = unknown, S extends string = string, const Id extends string = string>(id: Id & NewId<Id, S>, call: (input: T, context: CallContext) => R | Promise<R>, options: EnrichOptions<T, R> = {}): Operator<T, CallOutcome<T, R>, K, K, S, S | Id> {
  const what = `enrich "${id}"`;
  if (typeof call !== 'function') throw new HeadraceError('HR_ARGUMENT', `${what} needs a function.`, { place: { step: id } });
  checkOptions(options, ['concurrency', 'timeout', 'order', 'capacity', 'retry', 'breaker', 'fallback'], what);
  const settings = callSettings(options as EnrichOptions<unknown, unknown>, what);
  const capacity = atLeastOne(options.capacity ?? Math.max(1_000, 2 * settings.concurrency), `${what}: capacity`);
  const order = options.order ?? 'ordered';
  if (order !== 'ordered' && order !== 'unordered') throw new HeadraceError('HR_ARGUMENT', `${what}: order is "${String(order)}"; give ordered or unordered.`, { place: { step: id } });
  const details = { order, concurrency: String(settings.concurrency), attempts: String(settings.attempts) };
  return operate<T, CallOutcome<T, R>, K>({ kind: 'enrich', id, details, outside: true, keepsPartitioning: false }, () => {
    let context: TaskContext;
    let queue: CallQueue;
    let runner: CallRunner;
    let release: () => void;
    let wake: () => void = () => undefined;
    let came: { readonly seq: number; readonly attempts: number; readonly result: CallResult }[] = [];
    const answer = ({ seq }: QueuedCall, result: CallResult, attempts: number) => {
      came.push({ seq, attempts, result });
      wake();
    };
    const row = ({ input, attempts, result }: QueuedCall): CallOutcome<T, R> =>
      result!.done
        ? { outcome: 'done', value: result!.value as R, input: input as T, attempts, fallback: result!.fallback }
        : { outcome: 'failed', input: input as T, code: result!.code, message: result!.message, attempts };
    return {
      onOpen(opened, emit, pass) {
        context = opened;
        queue = createCallQueue({ table: opened.table(id), task: opened.task, ordered: order === 'ordered' });
        release = () => queue.release(row, emit as (batch: Batch<unknown>) => void, pass);
        runner = createCallRunner({
          settings,
          clock: opened.clock,
          run: call as (input: unknown, context: CallContext) => unknown,
          keyOf: ({ seq }) => `${opened.pipeline}/${id}/${opened.task}/${seq}`,
          answer,
          attempted(failed) {
            opened.metrics.add('headrace_call_attempts_total', id, 1);
            if (failed) opened.metrics.add('headrace_call_failures_total', id, 1);
          },
        });
        for (const waiting of queue.calls()) if (waiting.result === undefined) runner.wait(waiting);
        opened.outside(id, {
          get waiting() {
            return queue.size;
          },
          get full() {
            return queue.size >= capacity;
          },
          get ready() {
            return came.length;
          },
          get wantsEpoch() {
            return runner.wantsEpoch;
          },
          begin: () => runner.begin(),
          take() {
            if (came.length === 0) return undefined;
            const bytes = serialize(came);
            came = [];
            return bytes;
          },
          enter(outcomes) {
            for (const { seq, attempts, result } of deserialize(outcomes) as typeof came) {
              const waiting = queue.get(seq);
              if (waiting === undefined) throw new HeadraceError('HR_REPLAY', `${what}: an outcome was written down for input ${seq}, which is not waiting.`);
              waiting.attempts = attempts;
              waiting.result = result.done ? { ...result, value: deserialize(result.value as Uint8Array) } : result;
              queue.changed(waiting);
              runner.forget(waiting);
            }
            release();
          },
          stop: () => runner.stop(),
          onOutcome(listener) {
            wake = listener;
          },
        });
      },
      onBatch(batch) {
        for (const added of queue.add(batch)) runner.wait(added);
      },
      onWatermark(_time, _emit, watermark) {
        queue.watermark(watermark);
        release();
        return 'held';
      },
      onBarrier() {
        for (const recorded of runner.record()) queue.changed(recorded);
        queue.save();
        context.metrics.set('headrace_calls_waiting', id, queue.size);
      },
      onClose: () => runner.stop(),
    };
  });
}
