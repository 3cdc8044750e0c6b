import type { ChangeForm, Changing } from '../dataflow/changes.js';
import { HeadraceError } from '../dataflow/errors.js';
import type { NewId } from '../dataflow/signal.js';
import { type AggregateOptions, runningStep } from './aggregate.js';
import type { Operator } from './operate.js';
import type { Key } from './window.js';

/** How records are folded into one value a key. */
export interface Reducer<in T, A> {
  /** The value of a key before its first record: plain data (what `structuredClone` takes). */
  init(): A;
  /** The value with one more record: a new one; the value that is given must not be changed. */
  reduce(value: A, record: T): A;
}

/**
 * Folds the records of each key into one value.
 *
 * *When to use*: for totals that no declared aggregate says. *Details*: records are folded in the order of event-time ticks. When the watermark moves, the values that have
 * changed go out, once however often they did: the key under its name, and `value`; with the newest event time of the key. Declared aggregates (`aggregate`) run over
 * columns and are much faster. *State*: one value a key until `expire` and up to a quarter of that more; without it, state grows with the keys. *Errors*: an exception in `reduce` ends the
 * pipeline, since the value may be half changed; HR_DURATION.
 *
 * @example
 * from(orders).pipe(keyBy(orders.currency), reduce('longest', { init: () => 0, reduce: (longest, order) => Math.max(longest, order.lines.length) }))
 * @see aggregate, process
 */
export function reduce<T, K extends Key, A, const Form extends 'upserts' | 'retractions' = 'upserts', S extends string = string, const Id extends string = string>(id: Id & NewId<Id, S>, reducer: Reducer<T, A>, options: AggregateOptions<Form> = {}): Operator<T, Changing<K & { readonly value: A }, Form>, K, K, S, S | Id> {
  if (typeof reducer?.init !== 'function' || typeof reducer.reduce !== 'function') throw new HeadraceError('HR_ARGUMENT', `reduce("${id}") needs an object with init and reduce.`, { place: { step: id } });
  // A running value is never merged with another one; it is only carried over into fresh memory.
  const value = { init: () => reducer.init(), add: (state: A, record: T) => reducer.reduce(state, record), merge: (_fresh: A, state: A) => state, result: (state: A) => state };
  return runningStep<T, K, { readonly value: typeof value }, ChangeForm>('reduce', id, { value }, options) as unknown as Operator<T, Changing<K & { readonly value: A }, Form>, K, K, S, S | Id>;
}
