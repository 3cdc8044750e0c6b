import type { Observable } from 'rxjs';
import type { Batch } from '../dataflow/batch.js';
import type { Duration } from '../dataflow/duration.js';
import { HeadraceError } from '../dataflow/errors.js';
import { checkOptions } from '../dataflow/known-options.js';
import { meetStreams } from '../dataflow/joins/meet-streams.js';
import { type JoinRow, joinedFields, type NoOverlap, type SameKey, type Selection } from '../dataflow/joins/selection.js';
import type { NewId, Signal } from '../dataflow/signal.js';
import type { ErrorPolicy } from '../dataflow/step.js';
import type { TaskContext } from '../dataflow/task-context.js';
import { usableRows } from '../dataflow/usable-rows.js';
import { createWindowPairs, type WindowPairs } from '../dataflow/joins/window-pairs.js';
import { windowMs } from '../dataflow/windows/window-spec.js';
import type { JoinKind } from './join.js';
import { reject } from './operate.js';
import type { Key } from './window.js';

/** Settings of `windowJoin`. */
export interface WindowJoinOptions<LS, RS, Kind extends JoinKind> {
  /** @default 'inner' */
  readonly kind?: Kind;
  /** Distance between windows, which are aligned to the epoch. */
  readonly every: Duration;
  /** Length of a window, a multiple of `every`: where it is longer, windows overlap. @default every */
  readonly size?: Duration;
  /** Fields of the result that come from the left row: columns of its topic, or functions. */
  readonly left: LS;
  /** Fields that come from the right row. None may be named as one of `left`. */
  readonly right: RS;
  /** What happens to a row for which a function in `left` or `right` throws. @default 'deadLetter' */
  readonly onError?: ErrorPolicy;
}

/**
 * Pairs the rows of two keyed streams that have one key and lie in one window of event time.
 *
 * *When to use*: for what belongs together because it happened in the same stretch of time. *Details*: both streams are keyed by values of one type. When the watermark
 * passes a window's end its pairs go out, with `left` and `full` also the rows without a partner, with null in the other fields; each with
 * `windowStart` and `windowEnd`, and the window's last millisecond as event time. Results never change; rows that come after the last of their windows are counted and left out. With `size`,
 * windows overlap, and a pair goes out in each that holds both of its rows. The result keeps the left stream's key. *State*: the fields of `left` and `right` of the windows that are not over, each row once. *Errors*: HR_ARGUMENT for a field on both sides, HR_WINDOW, HR_DURATION.
 *
 * @example
 * windowJoin('new-sellers', from(persons).pipe(keyBy(persons.id)), from(auctions).pipe(keyBy(auctions.seller)), {
 *   every: '10s',
 *   left: { name: persons.name },
 *   right: { auction: auctions.id },
 * })
 * @see join, lookup
 */
export function windowJoin<L, KL extends Key, R, KR extends Key, const LS extends Selection<L>, const RS extends Selection<R>, const Kind extends JoinKind = 'inner', S extends string = string, const Id extends string = string>(
  id: Id & NewId<Id, S>,
  left: Observable<Signal<L, KL, S>>,
  right: Observable<Signal<R, KR, S>> & SameKey<KL, KR>,
  options: WindowJoinOptions<LS, RS & NoOverlap<LS, RS>, Kind>,
): Observable<Signal<JoinRow<LS, RS, Kind> & { readonly windowStart: number; readonly windowEnd: number }, KL, S | Id>> {
  checkOptions(options, ['kind', 'every', 'size', 'left', 'right', 'onError'], `windowJoin "${id}"`);
  const kind: JoinKind = options.kind ?? 'inner';
  if (!['inner', 'left', 'full'].includes(kind)) throw new HeadraceError('HR_ARGUMENT', `windowJoin "${id}" has the kind "${String(kind)}"; give inner, left or full.`, { place: { step: id } });
  const { every, size } = windowMs(options, id, 'windowJoin');
  const fields = joinedFields(options.left as Selection<never>, options.right as Selection<never>, `windowJoin "${id}"`, id);
  type Row = JoinRow<LS, RS, Kind> & { readonly windowStart: number; readonly windowEnd: number };
  return meetStreams<Row, KL>([left, right] as never, { kind: 'windowJoin', id, details: { kind, every: String(options.every), ...(options.size === undefined ? {} : { size: String(options.size) }) }, onError: options.onError }, (step) => {
    let context: TaskContext;
    let state: WindowPairs;
    return {
      onOpen(opened, partitionedBy) {
        context = opened;
        state = createWindowPairs({ kind, every, size, left: fields.sides[0].stored, right: fields.sides[1].stored, table: context.table(id), task: context.task, text: fields.text });
        return fields.keeps(partitionedBy[0], kind);
      },
      onBatch(input, batch) {
        if (batch.key === undefined || batch.keyedBy === undefined) throw new HeadraceError('HR_STEP_UNKEYED', `windowJoin "${id}" needs keyed streams.`);
        const side = input === 0 ? 0 : 1;
        const usable = usableRows(batch, fields.sides[side].functions, (row, error) => reject(step, context, batch, row, error));
        const late = usable === undefined ? 0 : state.add(side, usable);
        if (late > 0) context.metrics.add('headrace_records_late_total', id, late);
      },
      onWatermark(time, emit) {
        for (const batch of state.advance(time)) emit(batch as Batch<Row>);
        return time;
      },
      onBarrier: () => state.save(),
    };
  });
}
