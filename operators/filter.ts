import { Expression, mask, type RowFunction } from '../dataflow/expression.js';
import type { TaskContext } from '../dataflow/task-context.js';
import type { RowStepOptions } from './map.js';
import { operate, type Operator, reject } from './operate.js';

/**
 * Passes on the records for which `keep` is true.
 *
 * *When to use*: to drop records early, before `keyBy`. *Details*: control signals pass unchanged; a batch of which nothing
 * remains is not emitted, its watermark still is. An expression runs on columns, a function on plain objects; both keep the
 * same records. *State*: none. *Errors*: an exception in `keep` follows the step's error policy.
 *
 * @example from(clicks).pipe(filter((c) => c.watchMs > 0))
 * @example from(clicks).pipe(filter(clicks.watchMs.over(0)))
 * @see map, split
 */
export function filter<T, K = unknown, S extends string = string>(keep: RowFunction<T, boolean> | Expression<T, boolean>, options: RowStepOptions = {}): Operator<T, T, K, K, S> {
  const details = { keep: keep instanceof Expression ? keep.text : 'function' };
  return operate({ kind: 'filter', ...options, details, keepsPartitioning: true }, (step) => {
    let context: TaskContext;
    return {
      onOpen(opened) {
        context = opened;
      },
      onBatch(batch, emit) {
        const rows = new Int32Array(batch.length);
        let n = 0;
        if (keep instanceof Expression) {
          const kept = mask(batch as never, keep as Expression<never, boolean>);
          for (let i = 0; i < kept.length; i++) if (kept[i]) rows[n++] = i;
        } else {
          for (let i = 0; i < batch.length; i++) {
            try {
              if (keep(batch.value(i))) rows[n++] = i;
            } catch (error) {
              reject(step, context, batch, i, error);
            }
          }
        }
        if (n > 0) emit(batch.select(rows.subarray(0, n)));
      },
    };
  });
}
