import type { TaskContext } from '../dataflow/task-context.js';
import type { RowStepOptions } from './map.js';
import { operate, type Operator, reject } from './operate.js';

/**
 * Calls a function for each record, which goes on unchanged.
 *
 * *When to use*: to look at records while a pipeline is written, or to count them elsewhere. *Details*: the call is no part of an epoch: after a restart it is made again
 * for the records since the last one. What has to happen once belongs into a topic. *State*: none. *Errors*: an exception follows the step's error policy; the record is
 * then left out.
 *
 * @example from(clicks).pipe(tap((c) => console.log(c.itemId)))
 * @see map, to
 */
export function tap<T, K, S extends string = string>(look: (record: T) => void, options: RowStepOptions = {}): Operator<T, T, K, K, S> {
  return operate<T, T, K>({ kind: 'tap', ...options, keepsPartitioning: true }, (step) => {
    let context: TaskContext;
    return {
      onOpen(opened) {
        context = opened;
      },
      onBatch(batch, emit) {
        const rows = new Int32Array(batch.length);
        let n = 0;
        for (let i = 0; i < batch.length; i++) {
          try {
            look(batch.value(i));
            rows[n++] = i;
          } catch (error) {
            reject(step, context, batch, i, error);
          }
        }
        if (n > 0) emit(batch.select(rows.subarray(0, n)));
      },
    };
  });
}
