import type { Batch } from '../dataflow/batch.js';
import type { ChangeForm, Changing } from '../dataflow/changes.js';
import { type Duration, durationMs } from '../dataflow/duration.js';
import { HeadraceError } from '../dataflow/errors.js';
import { Expression, expression, type RowFunction } from '../dataflow/expression.js';
import { checkOptions } from '../dataflow/known-options.js';
import { createRankings, type Rankings } from '../dataflow/rows/rankings.js';
import type { NewId } from '../dataflow/signal.js';
import type { ErrorPolicy } from '../dataflow/step.js';
import type { TaskContext } from '../dataflow/task-context.js';
import { usableRows } from '../dataflow/usable-rows.js';
import { type Operator, operate, reject } from './operate.js';
import type { Key } from './window.js';

/** What rows are ranked by: a column, or a function of the row. Null ranks last. */
export type Criterion<T> = Expression<T, number | null> | RowFunction<T, number | null>;

/** Most rows of a key that can be asked for. */
export const topNLimit = 1_000;

/** Settings of `topN`. */
export interface TopNOptions<T, Form extends ChangeForm, Windowed extends Duration | undefined> {
  /** How many rows of each key, up to 1,000. */
  readonly n: number;
  readonly by: Criterion<T>;
  /** @default 'desc': the largest first */
  readonly order?: 'desc' | 'asc';
  /** Ranks rows that are equal in `by`. @default the earlier event time comes first, then the earlier arrival */
  readonly thenBy?: { readonly by: Criterion<T>; readonly order?: 'desc' | 'asc' };
  /** Equal rows have one rank, and all rows that equal the n-th are kept: RANK instead of ROW_NUMBER. With windows or retractions only. @default false */
  readonly ties?: boolean;
  /** Ranks within windows of this length; the result of a window is final. @default one ranking a key, for ever */
  readonly every?: Windowed;
  /** Without windows: how changes are told. As upserts by key and rank, or with the old row taken back. @default 'upserts' */
  readonly changes?: Form;
  /** Without windows: a key without new rows for so long, in event time, is forgotten; what was given out stands. @default 'never' */
  readonly expire?: Duration | 'never';
  /** What happens to a row for which a function in `by` throws. @default 'deadLetter' */
  readonly onError?: ErrorPolicy;
}

/** A row with its rank, from 1. */
export type RankedRow<T, Form extends ChangeForm, Windowed> = Windowed extends Duration
  ? Omit<T, 'rank' | 'windowStart' | 'windowEnd'> & { readonly rank: number; readonly windowStart: number; readonly windowEnd: number }
  : Changing<Omit<T, 'rank'> & { readonly rank: number }, Form>;

/**
 * Keeps the n best rows of each key, each with its `rank`.
 *
 * *When to use*: for best sellers, winning bids, the hottest items of a window. *Details*: with `every`, each key has a ranking for each window of event time;
 * its rows go out when the watermark passes the window's end, with `windowStart` and `windowEnd`, and never change; later rows are counted and left out. Without
 * it there is one ranking a key. What has changed goes out when the watermark next moves, once however often it changed, as upserts (a row replaces the one with
 * its key and rank) or as retractions. The event time of such a row is its own. *State*: n rows a key (more with `ties`), until the window has
 * passed, or for `expire` and up to a quarter of that more; without it, state grows with the keys. *Errors*: HR_ARGUMENT, HR_DURATION.
 *
 * @example keyBy(bids.auction), topN('best', { n: 10, by: bids.price, changes: 'upserts' })
 * @example from(bids).pipe(keyBy('all', constant('all')), topN('hottest', { n: 1, by: bids.price, ties: true, every: '10s' }))
 * @see latest, aggregate, window
 */
export function topN<T, K extends Key, const Windowed extends Duration | undefined = undefined, const Form extends 'upserts' | 'retractions' = 'upserts', S extends string = string, const Id extends string = string>(
  id: Id & NewId<Id, S>,
  options: TopNOptions<T, Form, Windowed>,
): Operator<T, RankedRow<T, Form, Windowed>, K, K, S, S | Id> {
  checkOptions(options, ['n', 'by', 'order', 'thenBy', 'ties', 'every', 'changes', 'expire', 'onError'], `topN "${id}"`);
  const { n } = options;
  if (!Number.isInteger(n) || n < 1 || n > topNLimit) throw new HeadraceError('HR_ARGUMENT', `topN "${id}" has n ${n}; give a whole number from 1 to ${topNLimit}.`, { place: { step: id } });
  const every = options.every === undefined ? undefined : durationMs(options.every, `topN "${id}": every`, 1);
  if (every !== undefined && (options.changes !== undefined || options.expire !== undefined)) {
    throw new HeadraceError('HR_ARGUMENT', `topN "${id}" ranks within windows, whose results are final: it takes neither changes nor expire.`, { place: { step: id } });
  }
  if (every === undefined && options.ties === true && options.changes !== 'retractions') {
    throw new HeadraceError('HR_ARGUMENT', `topN "${id}" keeps ties, which share a rank: upserts by key and rank cannot tell them. Give changes: 'retractions', or windows.`, { place: { step: id } });
  }
  const expire = options.expire === undefined || options.expire === 'never' ? Number.POSITIVE_INFINITY : durationMs(options.expire, `topN "${id}": expire`, 1);
  const criteria = [{ by: options.by, order: options.order }, ...(options.thenBy === undefined ? [] : [options.thenBy])].map(({ by, order }) => ({ of: expression(by), sign: order === 'asc' ? -1 : 1 }));
  const functions = criteria.map(({ of }) => of).filter((of) => of.columnName === undefined) as unknown as Expression<never, unknown>[];
  const details: Record<string, string> = { n: String(n), ...(every === undefined ? {} : { every: String(options.every) }) };
  return operate<T, RankedRow<T, Form, Windowed>, K>({ kind: 'topN', id, details, onError: options.onError, keepsPartitioning: true }, (step) => {
    let context: TaskContext;
    let state: Rankings;
    return {
      onOpen(opened) {
        context = opened;
        const retractions = options.changes === 'retractions';
        const rule = { n, ties: options.ties ?? false };
        state = createRankings({ rule, every, expire, retractions, table: context.table(id), task: context.task, text: criteria.map(({ of, sign }) => `${sign} ${of.text.replace(/#\d+$/, '')}`).join(', ') });
      },
      onBatch(batch) {
        if (batch.key === undefined || batch.keyedBy === undefined) throw new HeadraceError('HR_STEP_UNKEYED', `topN "${id}" needs a keyed stream.`);
        const usable = functions.length === 0 ? batch : usableRows(batch, functions, (row, error) => reject(step, context, batch, row, error));
        if (usable === undefined) return;
        const [first, second] = criteria.map(({ of, sign }) => signed(usable as Batch<unknown>, of as unknown as Expression<never, unknown>, sign));
        const late = state.add(usable as Batch<unknown>, first!, second);
        if (late > 0) context.metrics.add('headrace_records_late_total', id, late);
      },
      onWatermark(time, emit) {
        for (const rows of state.advance(time)) emit(rows as Batch<RankedRow<T, Form, Windowed>>);
      },
      onBarrier: () => state.save(),
    };
  });
}

/** A criterion as numbers of which the larger is better. */
function signed(batch: Batch<unknown>, of: Expression<never, unknown>, sign: number): Float64Array {
  const column = batch.column(of);
  const out = new Float64Array(batch.length);
  if (column.kind !== 'number') {
    if (column.kind === 'object' && column.data.every((v) => v === null)) return out.fill(Number.NEGATIVE_INFINITY);
    throw new HeadraceError('HR_ARGUMENT', `topN ranks by numbers; ${of.text} holds ${column.kind} values.`);
  }
  const { data, nulls } = column;
  for (let i = 0; i < out.length; i++) {
    const x = sign * data[i]!;
    out[i] = nulls?.[i] || x !== x ? Number.NEGATIVE_INFINITY : x;
  }
  return out;
}
