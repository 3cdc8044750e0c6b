import { Batch, objectRows, type Unkeyed } from '../dataflow/batch.js';
import { HeadraceError } from '../dataflow/errors.js';
import type { TaskContext } from '../dataflow/task-context.js';
import type { RowStepOptions } from './map.js';
import { operate, type Operator, reject } from './operate.js';

/** Most records that one record may become. */
export const flatMapLimit = 100_000;

/**
 * Turns each record into none, one or several; all have its event time.
 *
 * *When to use*: to unpack lists. *Details*: the function gives an array or any iterable, up to 100,000 records. The result has no key: `flatMap` before `keyBy`.
 * *State*: none. *Errors*: an exception, and more records than that (HR_STEP), follow the step's error policy; then none of the record's results goes on.
 *
 * @example from(orders).pipe(flatMap((order) => order.lines.map((line) => ({ orderId: order.id, ...line }))))
 * @see map, filter
 */
export function flatMap<In, Out, K = unknown, S extends string = string>(change: (record: In) => Iterable<Out>, options: RowStepOptions = {}): Operator<In, Out, K, Unkeyed, S> {
  return operate({ kind: 'flatMap', ...options, keepsPartitioning: false }, (step) => {
    let context: TaskContext;
    return {
      onOpen(opened) {
        context = opened;
      },
      onBatch(batch, emit) {
        const out: Out[] = [];
        const origin: number[] = [];
        for (let i = 0; i < batch.length; i++) {
          const before = out.length;
          try {
            for (const record of change(batch.value(i))) {
              if (out.length - before === flatMapLimit) throw new HeadraceError('HR_STEP', `One record became more than ${flatMapLimit} records.`);
              out.push(record);
            }
            for (let k = before; k < out.length; k++) origin.push(i);
          } catch (error) {
            out.length = before;
            reject(step, context, batch, i, error);
          }
        }
        if (out.length > 0) emit(new Batch(objectRows(out, { rows: batch.rows, origin: Int32Array.from(origin) }), Float64Array.from(origin, (i) => batch.times[i]!)));
      },
    };
  });
}
