import type { Observable, OperatorFunction } from 'rxjs';
import { objectRows, Batch } from '../dataflow/batch.js';
import type { RowFunction } from '../dataflow/expression.js';
import { Expression } from '../dataflow/expression.js';
import { HeadraceError } from '../dataflow/errors.js';
import type { Signal } from '../dataflow/signal.js';
import type { Failed, CallOutcome } from './enrich.js';
import { filter } from './filter.js';
import { type Operator, operate } from './operate.js';
import { union } from './union.js';

/** Streams by the name of their branch. */
export type Branches<T, K, N extends string, S extends string = string> = { readonly [Name in N]: Observable<Signal<T, K, S>> };

/** What comes behind the outcomes of `enrich`: steps for the values, and steps for the inputs that failed. */
export interface OutcomeBranches<T, R, K, A, B> {
  readonly done: OperatorFunction<Signal<R, K>, Signal<A, unknown>>;
  readonly failed: OperatorFunction<Signal<Failed<T>, K>, Signal<B, unknown>>;
}

/**
 * Divides a stream into branches: each record goes to the first branch whose condition it meets. Behind `enrich` it takes outcomes apart: values go one way, failed
 * inputs the other.
 *
 * *When to use*: to treat kinds of records differently without reading them twice. *Details*: a record that meets no condition
 * goes to the branch `rest` if there is one, else nowhere; control signals go to every branch. Of outcomes, the rows of `done` are the values themselves and
 * those of `failed` are `Failed`; what comes out of both goes on together, without a key. *State*: none. *Errors*: an exception in a condition follows the step's error policy.
 *
 * @example
 * const { paid, rest } = split(orders$, { paid: (o) => o.paid, rest: true });
 * @example
 * from(mediaJobs).pipe(enrich('understand', understandVideo), split({ done: to(mediaResults), failed: to(mediaFailures) }))
 * @see filter, union, enrich
 */
export function split<T, K, N extends string, S extends string = string>(stream: Observable<Signal<T, K, S>>, branches: Readonly<Record<N, RowFunction<T, boolean> | Expression<T, boolean> | true>>): Branches<T, K, N, S>;
export function split<T, R, K, A, B>(branches: OutcomeBranches<T, R, K, A, B>): OperatorFunction<Signal<CallOutcome<T, R>, K>, Signal<A | B>>;
export function split<T, K>(first: Observable<Signal<T, K>> | OutcomeBranches<unknown, unknown, K, unknown, unknown>, branches?: Readonly<Record<string, Condition<T> | true>>): unknown {
  if (branches !== undefined) return byCondition(first as Observable<Signal<T, K>>, branches);
  const { done, failed } = first as OutcomeBranches<unknown, unknown, K, unknown, unknown>;
  if (typeof done !== 'function' || typeof failed !== 'function') throw new HeadraceError('HR_ARGUMENT', 'split takes a stream and branches, or, behind enrich, the branches done and failed.');
  return (outcomes: Observable<Signal<CallOutcome<unknown, unknown>, K>>) => union(outcomes.pipe(rowsOf('done', (o) => (o as { value?: unknown }).value), done), outcomes.pipe(rowsOf('failed', (o) => o), failed));
}

/** The outcomes of one kind, as `row` gives them. */
function rowsOf<K>(outcome: 'done' | 'failed', row: (outcome: CallOutcome<unknown, unknown>) => unknown): Operator<CallOutcome<unknown, unknown>, never, K> {
  return operate({ kind: outcome, keepsPartitioning: false }, () => ({
    onBatch(batch, emit) {
      const chosen = batch.select(Int32Array.from({ length: batch.length }, (_, i) => i).filter((i) => batch.value(i).outcome === outcome));
      if (chosen.length > 0) emit(new Batch<never>(objectRows(chosen.values().map(row), { rows: chosen.rows }), chosen.times, chosen.key, chosen.keyedBy));
    },
  }));
}

function byCondition<T, K>(stream: Observable<Signal<T, K>>, branches: Readonly<Record<string, Condition<T> | true>>): Branches<T, K, string> {
  const before: Condition<T>[] = [];
  const made: [string, Observable<Signal<T, K>>][] = [];
  for (const [name, condition] of Object.entries(branches)) {
    const earlier = [...before];
    made.push([name, stream.pipe(filter<T, K>(firstMatch(earlier, condition)))]);
    if (condition !== true) before.push(condition);
  }
  if (made.length === 0) throw new HeadraceError('HR_ARGUMENT', 'split needs at least one branch.');
  return Object.fromEntries(made);
}

type Condition<T> = RowFunction<T, boolean> | Expression<T, boolean>;

function firstMatch<T>(earlier: readonly Condition<T>[], own: Condition<T> | true): Condition<T> {
  const all = [...earlier, ...(own === true ? [] : [own])];
  if (all.length > 0 && all.every((c): c is Expression<T, boolean> => c instanceof Expression)) {
    const conditions = all.map((c, i) => (i < earlier.length ? c.not() : c));
    return conditions.reduce((a, b) => a.and(b));
  }
  if (all.length === 0) return () => true;
  const tests = all.map((c) => {
    if (c instanceof Expression) throw new HeadraceError('HR_ARGUMENT', 'split takes functions or expressions, not both.');
    return c;
  });
  const passes = (test: RowFunction<T, boolean>, row: T) => {
    try {
      return !test(row);
    } catch {
      // The branch of this condition follows the error policy; the others leave the record out.
      return false;
    }
  };
  return (row) => earlier.every((_, i) => passes(tests[i]!, row)) && (own === true || tests[tests.length - 1]!(row));
}

