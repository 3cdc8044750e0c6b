import { type OperatorFunction, Subject, type Subscription } from 'rxjs';
import { Batch, objectRows, type Unkeyed } from '../dataflow/batch.js';
import { HeadraceError } from '../dataflow/errors.js';
import { type Emit, type Operator, operate } from './operate.js';

/**
 * Lifts an RxJS operator over records into the stream.
 *
 * *When to use*: for the RxJS operators that need no state across a restart (`map`, `filter`, `concatMap(of)`, `pairwise` in tests).
 * *Details*: each record is passed to the operator in order; what it emits at once takes that record's event time. What it emits when the input
 * ends takes the last event time. *Gotcha*: state inside of the RxJS operator (`scan`, `distinct`) is not saved with the epoch and begins
 * anew after a restart; use `process` for that. *State*: none that is saved. *Errors*: an emission at another moment (`delay`, `debounceTime`) fails with
 * HR_RECORDS_ASYNC; an error of the operator stops the pipeline.
 *
 * @example from(clicks).pipe(records(rx.map((c) => c.itemId)))
 * @see map, process
 */
export function records<In, Out>(lifted: OperatorFunction<In, Out>): Operator<In, Out, unknown, Unkeyed> {
  return operate<In, Out, unknown, Unkeyed>({ kind: 'records', keepsPartitioning: false }, () => {
    const input = new Subject<In>();
    let values: Out[] = [];
    let times: number[] = [];
    let rows: number[] = [];
    let now = Number.NaN;
    let row = 0;
    let failure: { error: unknown } | undefined;
    let subscription: Subscription | undefined;
    const flush = (emit: Emit<Out>, from?: Batch<In, unknown>) => {
      if (failure !== undefined) throw failure.error;
      if (values.length === 0) return;
      emit(new Batch(objectRows(values, from && { rows: from.rows, origin: Int32Array.from(rows) }), Float64Array.from(times)));
      values = [];
      times = [];
      rows = [];
    };
    let working = false;
    return {
      onOpen() {
        subscription = input.pipe(lifted).subscribe({
          next(value) {
            if (!working) {
              failure ??= { error: new HeadraceError('HR_RECORDS_ASYNC', 'The operator emitted outside of the batch that it was given.') };
              return;
            }
            values.push(value);
            times.push(now);
            rows.push(row);
          },
          error(error: unknown) {
            failure ??= { error };
          },
        });
      },
      onBatch(batch, emit) {
        working = true;
        for (row = 0; row < batch.length; row++) {
          now = batch.times[row]!;
          input.next(batch.value(row));
        }
        working = false;
        flush(emit, batch);
      },
      onWatermark(time, emit) {
        // The input has ended: what comes now still belongs to the last epoch.
        if (time === Number.POSITIVE_INFINITY && !Number.isNaN(now)) {
          working = true;
          input.complete();
          working = false;
        }
        flush(emit);
      },
      onClose: () => subscription?.unsubscribe(),
    };
  });
}
