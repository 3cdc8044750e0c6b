import { type Aggregates, layoutOf } from '../dataflow/accumulators/layout.js';
import type { Batch } from '../dataflow/batch.js';
import type { Aggregate, AnyCustomAggregate, Taking } from '../dataflow/aggregates/aggregate.js';
import type { Change, ChangeForm, Changing } from '../dataflow/changes.js';
import { type Duration, durationMs } from '../dataflow/duration.js';
import { HeadraceError } from '../dataflow/errors.js';
import { checkOptions } from '../dataflow/known-options.js';
import { createRunningAggregates, type RunningAggregates } from '../dataflow/rows/running-aggregates.js';
import type { NewId } from '../dataflow/signal.js';
import type { ErrorPolicy } from '../dataflow/step.js';
import type { TaskContext } from '../dataflow/task-context.js';
import { usableRows } from '../dataflow/usable-rows.js';
import { type Operator, operate, reject } from './operate.js';
import type { Key, ResultOf } from './window.js';

/** Settings of `aggregate`. */
export interface AggregateOptions<Form extends ChangeForm> {
  /** How a changed result is told: as an upsert by the key, or with the old one taken back. @default 'upserts' */
  readonly changes?: Form;
  /** A key without records for so long, in event time, is forgotten: what comes later begins anew. @default 'never' */
  readonly expire?: Duration | 'never';
  /** What happens to a record for which a function in a declared aggregate throws. @default 'deadLetter' */
  readonly onError?: ErrorPolicy;
}

/** Aggregates over rows; over changing ones each has to be one that a row can be taken out of again: count, sum, mean, ratio, variance, countDistinct, quantiles, histogram, topK. */
export type RunningAggregatesOf<T> = Readonly<Record<string, Aggregate<T, unknown, TakingOf<T>> | CustomOf<T>>>;
type TakingOf<T> = T extends { readonly change: Change } ? 'takesBack' : Taking;
type CustomOf<T> = T extends { readonly change: Change } ? never : AnyCustomAggregate<T>;

/**
 * Aggregates all records of each key so far, without windows.
 *
 * *When to use*: for totals that never close: balances, a running average of each category. *Details*: when the watermark moves, the results that have
 * changed go out, once however often they did: the key under its name and the aggregates, with the newest event time of the key. Late records count as well. Rows of a
 * step that tells changes as retractions are taken out again when they say `change: 'retract'`, so that changing results can be aggregated further; then only aggregates that can take back compile. A key of
 * which everything was taken back is told as a retraction alone; as an upsert it has the result of no records.
 * *State*: one row of numbers a key until `expire` and up to a quarter of that more; without it, state grows with the keys. *Errors*: HR_AGGREGATE, HR_DURATION.
 *
 * @example from(auctions).pipe(keyBy(auctions.category), aggregate('prices', { average: mean(auctions.price) }))
 * @see window, latest, topN
 */
export function aggregate<T, K extends Key, const A extends RunningAggregatesOf<T>, const Form extends 'upserts' | 'retractions' = 'upserts', S extends string = string, const Id extends string = string>(
  id: Id & NewId<Id, S>,
  aggregates: A,
  options: AggregateOptions<Form> = {},
): Operator<T, Changing<K & { readonly [F in keyof A]: ResultOf<A[F]> }, Form>, K, K, S, S | Id> {
  return runningStep<T, K, A, Form>('aggregate', id, aggregates, options);
}

/** A step that keeps aggregates of each key and tells their changes. */
export function runningStep<T, K extends Key, A extends Aggregates<T>, Form extends ChangeForm>(
  kind: 'aggregate' | 'reduce',
  id: string,
  aggregates: A,
  options: AggregateOptions<Form>,
): Operator<T, Changing<K & { readonly [F in keyof A]: ResultOf<A[F]> }, Form>, K, K, string, never> {
  checkOptions(options, ['changes', 'expire', 'onError'], `${kind} "${id}"`);
  const form: ChangeForm = options.changes ?? 'upserts';
  if (form !== 'upserts' && form !== 'retractions') throw new HeadraceError('HR_ARGUMENT', `${kind} "${id}" tells changes as upserts or retractions, not as ${String(form)}.`, { place: { step: id } });
  const expire = options.expire === undefined || options.expire === 'never' ? Number.POSITIVE_INFINITY : durationMs(options.expire, `${kind} "${id}": expire`, 1);
  const { functions } = layoutOf(aggregates as unknown as Aggregates<never>);
  type Row = Changing<K & { readonly [F in keyof A]: ResultOf<A[F]> }, Form>;
  return operate<T, Row, K>({ kind, id, details: { changes: form, expire: String(options.expire ?? 'never') }, onError: options.onError, keepsPartitioning: true }, (step) => {
    let context: TaskContext;
    let state: RunningAggregates;
    return {
      onOpen(opened) {
        context = opened;
        state = createRunningAggregates({ aggregates: aggregates as unknown as Aggregates<never>, expire, retractions: form === 'retractions', takesBack: kind === 'aggregate', table: context.table(id), task: context.task });
      },
      onBatch(batch) {
        if (batch.key === undefined || batch.keyedBy === undefined) throw new HeadraceError('HR_STEP_UNKEYED', `${kind} "${id}" needs a keyed stream.`);
        const usable = functions.length === 0 ? batch : usableRows(batch, functions, (row, error) => reject(step, context, batch, row, error));
        if (usable !== undefined) state.add(usable as Batch<unknown>);
      },
      onWatermark(time, emit) {
        for (const batch of state.advance(time)) emit(batch as Batch<Row>);
      },
      onBarrier: () => state.save(),
    };
  });
}
