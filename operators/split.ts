import type { Observable } from 'rxjs';
import type { RowFunction } from '../dataflow/expression.js';
import { Expression } from '../dataflow/expression.js';
import { HeadraceError } from '../dataflow/errors.js';
import type { Signal } from '../dataflow/signal.js';
import { filter } from './filter.js';

/** Streams by the name of their branch. */
export type Branches<T, K, N extends string> = { readonly [Name in N]: Observable<Signal<T, K>> };

/**
 * Divides a stream into branches: each record goes to the first branch whose condition it meets.
 *
 * *When to use*: to treat kinds of records differently without reading them twice. *Details*: a record that meets no condition
 * goes to the branch `rest` if there is one, else nowhere; control signals go to every branch. *Errors*: an exception in a
 * condition follows the step's error policy.
 *
 * @example
 * const { paid, rest } = split(orders$, { paid: (o) => o.paid, rest: true });
 * @see filter, union
 */
export function split<T, K, N extends string>(stream: Observable<Signal<T, K>>, branches: Readonly<Record<N, RowFunction<T, boolean> | Expression<T, boolean> | true>>): Branches<T, K, N> {
  const before: (RowFunction<T, boolean> | Expression<T, boolean>)[] = [];
  const made: [string, Observable<Signal<T, K>>][] = [];
  for (const [name, condition] of Object.entries(branches) as [N, RowFunction<T, boolean> | Expression<T, boolean> | true][]) {
    const earlier = [...before];
    made.push([name, stream.pipe(filter<T, K>(firstMatch(earlier, condition)))]);
    if (condition !== true) before.push(condition);
  }
  if (made.length === 0) throw new HeadraceError('HR_ARGUMENT', 'split needs at least one branch.');
  return Object.fromEntries(made) as Branches<T, K, N>;
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

