import { Batch, objectRows, type Unkeyed } from '../dataflow/batch.js';
import type { ErrorPolicy } from '../dataflow/step.js';
import type { TaskContext } from '../dataflow/task-context.js';
import { operate, type Operator, reject } from './operate.js';

/** Settings of a step that calls a function for each record. */
export interface RowStepOptions {
  /** Name of the step in errors, metrics and dead letters. @default made from its position */
  readonly id?: string;
  /** What happens to a record for which the function throws. @default 'deadLetter' */
  readonly onError?: ErrorPolicy;
}

/**
 * Turns each record into another one; the event time stays.
 *
 * *When to use*: to reshape records for a topic or a step behind it. *Details*: the result has no key, since the function may
 * have changed it: `map` before `keyBy`. *State*: none. *Errors*: an exception follows the step's error policy.
 *
 * @example from(clicks).pipe(map((c) => ({ item: c.itemId, seconds: c.watchMs / 1000 })))
 * @see filter, process
 */
export function map<In, Out, K = unknown, S extends string = string>(change: (record: In) => Out, options: RowStepOptions = {}): Operator<In, Out, K, Unkeyed, S> {
  return operate({ kind: 'map', ...options, keepsPartitioning: false }, (step) => {
    let context: TaskContext;
    return {
      onOpen(opened) {
        context = opened;
      },
      onBatch(batch, emit) {
        const out: Out[] = [];
        const kept = new Int32Array(batch.length);
        const times = new Float64Array(batch.length);
        for (let i = 0; i < batch.length; i++) {
          try {
            out.push(change(batch.value(i)));
          } catch (error) {
            reject(step, context, batch, i, error);
            continue;
          }
          kept[out.length - 1] = i;
          times[out.length - 1] = batch.times[i]!;
        }
        if (out.length > 0) emit(new Batch(objectRows(out, { rows: batch.rows, origin: kept }), times.subarray(0, out.length)));
      },
    };
  });
}
