import { Observable, share } from 'rxjs';
import { cell, type Column } from '../schemas/column.js';
import type { Batch, KeyedBy } from '../dataflow/batch.js';
import { asHeadraceError, HeadraceError } from '../dataflow/errors.js';
import { columnFrom } from '../dataflow/column-from.js';
import { type Combiner, combiningTest } from '../dataflow/combining.js';
import { type ColumnExpression, type ConstantExpression, Expression, expression, type RowFunction } from '../dataflow/expression.js';
import { partitionAll } from '../dataflow/partitioner.js';
import type { BatchSignal, NewId, Signal } from '../dataflow/signal.js';
import { defineStep, type Step } from '../dataflow/step.js';
import { textColumn } from '../dataflow/text-column.js';
import type { Exchange, TaskContext } from '../dataflow/task-context.js';
import type { RowStepOptions } from './map.js';
import { type Operator, reject } from './operate.js';

/** What a key may be; in the log it is text. */
export type KeyValue = string | number | boolean;

/**
 * Gives each record a key and brings all records with one key to one task.
 *
 * *When to use*: before every step that keeps state. *Details*: a column keeps its name in the results behind it; a function needs an
 * id, and its key is named `key`. When the topic is already partitioned by that column, nothing moves; else the records go through an
 * exchange, where they arrive in the order of event-time ticks, so that results do not depend on how partitions interleave. Where a `window` (tumbling or hopping, no `late` topic, no functions, and no `first`, `last` or
 * own aggregates) is the only step behind it, records of a tick are added up by key before they go, if they have at most half as many keys.
 * *State*: none. *Errors*: a record without a key follows the step's error policy (HR_KEY).
 *
 * @example from(clicks).pipe(keyBy(clicks.itemId))
 * @example from(clicks).pipe(keyBy('by-host', (c) => new URL(c.itemId).host))
 * @see window, process
 */
export function keyBy<T, Name extends string, V extends KeyValue | null, S extends string = string>(column: ColumnExpression<T, Name, V>, options?: RowStepOptions): Operator<T, T, unknown, { readonly [N in Name]: NonNullable<V> }, S>;
export function keyBy<T, V extends KeyValue, S extends string = string, const Id extends string = string>(id: Id & NewId<Id, S>, key: ConstantExpression<V>, options?: Omit<RowStepOptions, 'id'>): Operator<T, T, unknown, { readonly key: V }, S, S | Id>;
export function keyBy<T, V extends KeyValue | null, S extends string = string, const Id extends string = string>(id: Id & NewId<Id, S>, key: RowFunction<T, V> | Expression<T, V>, options?: Omit<RowStepOptions, 'id'>): Operator<T, T, unknown, { readonly key: NonNullable<V> }, S, S | Id>;
export function keyBy<T>(
  first: string | ColumnExpression<T, string, KeyValue>,
  second?: RowFunction<T, KeyValue> | Expression<T, KeyValue> | RowStepOptions,
  third: RowStepOptions = {},
): Operator<T, T> {
  const named = typeof first === 'string';
  if (named && typeof second !== 'function' && !(second instanceof Expression)) {
    throw new HeadraceError('HR_ARGUMENT', `keyBy('${first}', …) needs a function or a column as its second argument.`, { place: { step: first } });
  }
  const by = named ? expression(second as RowFunction<T, KeyValue>) : first;
  const options: RowStepOptions = named ? { ...third, id: first } : ((second as RowStepOptions | undefined) ?? {});
  const name = by.columnName ?? 'key';
  return (source) => {
    let step: Step;
    const stream = new Observable<Signal<T>>((subscriber) => {
      let context: TaskContext;
      let exchange: Exchange | undefined;
      let combiner: Combiner | undefined;
      const repays = combiningTest();
      // What a tick has brought, until it is added up.
      let held: Batch<unknown>[] = [];
      const release = () => {
        if (held.length === 0) return;
        const batches = held;
        held = [];
        if (repays(batches)) {
          context.metrics.add('headrace_records_combined_total', step.id, batches.reduce((sum, { length }) => sum + length, 0));
          scatterCombined(batches, context.tasks, exchange!, combiner!);
        } else for (const batch of batches) scatter(batch, context.tasks, exchange!);
      };
      const next = (signal: Signal<T>) => subscriber.next(signal);
      const fail = (error: unknown) => subscriber.error(asHeadraceError(error, 'HR_STEP', { pipeline: context?.pipeline, step: step.id }));
      return source.subscribe({
        next(signal) {
          try {
            if (signal.kind === 'open') {
              context = signal.context;
              if (by.columnName === undefined || signal.partitionedBy !== by.columnName) {
                exchange = context.exchange(step.id);
                exchange.receive(next as (signal: Signal<unknown, unknown>) => void);
              }
              const combining = exchange === undefined || context.tasks === 1 || step.readers !== 1 ? undefined : { of: stream, combine: (of: Combiner) => void (combiner = of) };
              subscriber.next({ ...signal, partitionedBy: name, combining });
              if (combiner !== undefined) context.atTickEnd(release);
            } else if (signal.kind === 'batch') {
              const keyed = withKeys(signal.batch as Batch<T>, by, name, step, context);
              if (keyed === undefined) return;
              if (exchange === undefined) subscriber.next({ kind: 'batch', batch: keyed } as BatchSignal<T>);
              else if (combiner !== undefined) held.push(keyed);
              else scatter(keyed, context.tasks, exchange);
            } else if (exchange === undefined) subscriber.next(signal);
            else if (signal.kind === 'watermark') {
              release();
              exchange.watermark(signal.time, signal.idle ?? false);
            }
          } catch (error) {
            fail(error);
          }
        },
        error: (error: unknown) => subscriber.error(error),
        complete: () => subscriber.complete(),
      });
    }).pipe(share());
    step = defineStep(stream, [source], { kind: 'keyBy', ...options, exchanges: true, details: { by: by.columnName ?? by.text } }).step;
    return stream;
  };
}

/** Sends each row to the task that owns its key. Cost: one hash a row and a row list a task. */
export function scatter(batch: Batch<unknown>, tasks: number, exchange: Exchange): void {
  if (tasks === 1) {
    exchange.send(0, batch);
    return;
  }
  const owner = partitionAll(batch.key!, batch.length, tasks);
  sendRows(batch, owner, tasks, exchange);
}

/** Adds up what each task is to get, and sends that. */
function scatterCombined(batches: readonly Batch<unknown>[], tasks: number, exchange: Exchange, combiner: Combiner): void {
  const parts: Batch<unknown>[][] = Array.from({ length: tasks }, () => []);
  const collecting: Pick<Exchange, 'send'> = { send: (to, batch) => void parts[to]!.push(batch) };
  for (const batch of batches) sendRows(batch, partitionAll(batch.key!, batch.length, tasks), tasks, collecting);
  for (let to = 0; to < tasks; to++) if (parts[to]!.length > 0) for (const batch of combiner(parts[to]!)) exchange.send(to, batch);
}

/** Sends row `i` to task `owner[i]`. */
export function sendRows(batch: Batch<unknown>, owner: Int32Array, tasks: number, exchange: Pick<Exchange, 'send'>): void {
  const counts = new Int32Array(tasks);
  for (let i = 0; i < owner.length; i++) counts[owner[i]!]!++;
  const lists = Array.from(counts, (n) => new Int32Array(n));
  const at = new Int32Array(tasks);
  for (let i = 0; i < owner.length; i++) {
    const to = owner[i]!;
    lists[to]![at[to]!++] = i;
  }
  for (let to = 0; to < tasks; to++) if (counts[to]! > 0) exchange.send(to, counts[to] === batch.length ? batch : batch.select(lists[to]!));
}

function withKeys<T>(batch: Batch<T>, by: Expression<T, KeyValue>, name: string, step: Step, context: TaskContext): Batch<T> | undefined {
  const failures = new Map<number, unknown>();
  const column = keysOf(batch, by, failures);
  const key = textColumn(column, batch.length);
  const keyedBy: KeyedBy = { name, kind: column.kind === 'number' || column.kind === 'boolean' ? column.kind : 'string' };
  let bad = 0;
  for (let i = 0; i < batch.length; i++) if (key.length[i]! < 0) bad++;
  const keyed = batch.withKey<unknown>(key, keyedBy);
  if (bad === 0) return keyed as Batch<T>;
  const rows = new Int32Array(batch.length - bad);
  let n = 0;
  for (let i = 0; i < batch.length; i++) {
    if (key.length[i]! >= 0) rows[n++] = i;
    else reject(step, context, batch, i, failures.get(i) ?? new HeadraceError('HR_KEY', `The record has no ${name}.`, { place: batch.rows.place(i) }));
  }
  return n === 0 ? undefined : (keyed.select(rows) as Batch<T>);
}

/** The keys of a batch; where the key's function throws, of each record by itself, so that only those that it cannot take are left without. */
function keysOf<T>(batch: Batch<T>, by: Expression<T, KeyValue>, failures: Map<number, unknown>): Column {
  try {
    return batch.column(by as Expression<never, KeyValue>);
  } catch (error) {
    if (by.columnName !== undefined) throw error;
  }
  return columnFrom(
    Array.from({ length: batch.length }, (_, i) => {
      try {
        return cell(by.evaluate(batch.slice(i, i + 1) as Batch<never>), 0);
      } catch (error) {
        failures.set(i, error);
        return null;
      }
    }),
  );
}
