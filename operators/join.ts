import type { Observable } from 'rxjs';
import type { Batch } from '../dataflow/batch.js';
import { type Duration, durationMs, formatMs } from '../dataflow/duration.js';
import { HeadraceError } from '../dataflow/errors.js';
import { createIntervalJoin, type IntervalJoin } from '../dataflow/joins/interval-join.js';
import { checkOptions } from '../dataflow/known-options.js';
import { meetStreams } from '../dataflow/joins/meet-streams.js';
import { type JoinRow, joinedFields, type NoOverlap, type SameKey, type Selection } from '../dataflow/joins/selection.js';
import type { NewId, Signal } from '../dataflow/signal.js';
import type { ErrorPolicy } from '../dataflow/step.js';
import type { TaskContext } from '../dataflow/task-context.js';
import { usableRows } from '../dataflow/usable-rows.js';
import { reject } from './operate.js';
import type { Key } from './window.js';

/** Which rows come out: pairs only; also left rows without a partner; also right ones. */
export type JoinKind = 'inner' | 'left' | 'full';

/** Settings of `join`. */
export interface JoinOptions<LS, RS, Kind extends JoinKind> {
  /** @default 'inner' */
  readonly kind?: Kind;
  /**
   * When two rows are a pair: the left row's time lies in [right time - before, right time + after], both ends included. One duration stands for
   * both. `'forever'`: whenever they come; then every row is kept, and only `inner` is possible.
   */
  readonly within: Duration | { readonly before: Duration; readonly after: Duration } | 'forever';
  /** Fields of the result that come from the left row: columns of its topic, or functions. */
  readonly left: LS;
  /** Fields that come from the right row. None may be named as one of `left`. */
  readonly right: RS;
  /** How far behind the watermark a row may come and still be joined. State is kept so much longer. @default '0s' */
  readonly lateness?: Duration;
  /** What happens to a row for which a function in `left` or `right` throws. @default 'deadLetter' */
  readonly onError?: ErrorPolicy;
}

/**
 * Pairs the rows of two keyed streams that have one key and lie near one another in event time.
 *
 * *When to use*: to bring an outcome to what caused it, or a bid to its auction. *Details*: both streams are keyed by values of one type. A pair goes out
 * when the second of its rows arrives; its event time is the later of the two. With `left` and `full`, a row without a partner goes out, with
 * null in the other fields, once the watermark says that none can come. Results never change. The result keeps the left stream's key. Rows behind
 * the watermark by more than `lateness` are counted and left out; behind the join the watermark is later by `lateness`, and with `left` and `full` also by the time that a row
 * waits for a partner. *State*: the fields of `left` and `right`, for as long as a partner may come: a left row for `before`, a right row for `after`, and up to a quarter of
 * that more. Without a bound with `'forever'`. *Errors*: HR_ARGUMENT for a field on both sides, HR_DURATION.
 *
 * @example
 * join('bids', from(bids).pipe(keyBy(bids.auction)), from(auctions).pipe(keyBy(auctions.id)), {
 *   within: { before: '10s', after: '1h' },
 *   left: { price: bids.price },
 *   right: { seller: auctions.seller, category: auctions.category },
 * })
 * @see windowJoin, lookup, union
 */
export function join<L, KL extends Key, R, KR extends Key, const LS extends Selection<L>, const RS extends Selection<R>, const Kind extends JoinKind = 'inner', S extends string = string, const Id extends string = string>(
  id: Id & NewId<Id, S>,
  left: Observable<Signal<L, KL, S>>,
  right: Observable<Signal<R, KR, S>> & SameKey<KL, KR>,
  options: JoinOptions<LS, RS & NoOverlap<LS, RS>, Kind>,
): Observable<Signal<JoinRow<LS, RS, Kind>, KL, S | Id>> {
  checkOptions(options, ['kind', 'within', 'left', 'right', 'lateness', 'onError'], `join "${id}"`);
  const kind: JoinKind = options.kind ?? 'inner';
  if (!['inner', 'left', 'full'].includes(kind)) throw new HeadraceError('HR_ARGUMENT', `join "${id}" has the kind "${String(kind)}"; give inner, left or full.`, { place: { step: id } });
  if (options.within === 'forever' && kind !== 'inner') {
    throw new HeadraceError('HR_ARGUMENT', `join "${id}" is a ${kind} join without a bound: that a row has no partner would never be known.`, { place: { step: id } });
  }
  const bounds = boundsOf(options.within, id);
  const lateness = durationMs(options.lateness ?? 0, `join "${id}": lateness`);
  const fields = joinedFields(options.left as Selection<never>, options.right as Selection<never>, `join "${id}"`, id);
  const within = options.within === 'forever' ? 'forever' : `${formatMs(bounds.before)} before to ${formatMs(bounds.after)} after`;
  return meetStreams<JoinRow<LS, RS, Kind>, KL>([left, right] as never, { kind: 'join', id, details: { kind, within }, onError: options.onError }, (step) => {
    let context: TaskContext;
    let state: IntervalJoin;
    return {
      onOpen(opened, partitionedBy) {
        context = opened;
        state = createIntervalJoin({ kind, ...bounds, lateness, left: fields.sides[0].stored, right: fields.sides[1].stored, table: context.table(id), task: context.task, text: fields.text });
        return fields.keeps(partitionedBy[0], kind);
      },
      onBatch(input, batch, emit) {
        if (batch.key === undefined || batch.keyedBy === undefined) throw new HeadraceError('HR_STEP_UNKEYED', `join "${id}" needs keyed streams.`);
        const side = input === 0 ? 0 : 1;
        const usable = usableRows(batch, fields.sides[side].functions, (row, error) => reject(step, context, batch, row, error));
        if (usable === undefined) return;
        const { joined, late } = state.add(side, usable);
        if (late > 0) context.metrics.add('headrace_records_late_total', id, late);
        if (joined !== undefined) emit(joined as Batch<JoinRow<LS, RS, Kind>>);
      },
      onWatermark(time, emit) {
        for (const batch of state.advance(time)) emit(batch as Batch<JoinRow<LS, RS, Kind>>);
        return state.behind(time);
      },
      onBarrier: () => state.save(),
    };
  });
}

function boundsOf(within: JoinOptions<never, never, never>['within'], id: string): { readonly before: number; readonly after: number } {
  if (within === 'forever') return { before: Number.POSITIVE_INFINITY, after: Number.POSITIVE_INFINITY };
  const both = typeof within === 'object' ? within : { before: within, after: within };
  return { before: durationMs(both.before, `join "${id}": before`), after: durationMs(both.after, `join "${id}": after`) };
}
