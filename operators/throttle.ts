import type { Batch } from '../dataflow/batch.js';
import { type Duration, durationMs } from '../dataflow/duration.js';
import { HeadraceError } from '../dataflow/errors.js';
import { createFirstPerKey, type FirstPerKey } from '../dataflow/rows/first-per-key.js';
import { checkOptions } from '../dataflow/known-options.js';
import type { NewId } from '../dataflow/signal.js';
import { type Operator, operate } from './operate.js';
import type { Key } from './window.js';

/** Settings of `throttle`. */
export interface ThrottleOptions {
  /** Event time from a record that passes to the next one of its key that may. */
  readonly every: Duration;
}

/**
 * Passes at most one record of each key in every stretch of event time.
 *
 * *When to use*: for alerts and notifications, where one is enough for a while. *Details*: decided at once, record by record, in the order in which they come: a record
 * passes when its event time is `every` or more after that of its key's last record that passed. A record that passed is forgotten when the watermark is `every` past it.
 * *State*: the key and one time for each key that has passed, for
 * `every` behind the watermark and up to half of that more. *Errors*: HR_DURATION.
 *
 * @example from(alerts).pipe(keyBy(alerts.userId), throttle('calm', { every: '10m' }))
 * @see dedupe, window
 */
export function throttle<T, K extends Key, S extends string = string, const Id extends string = string>(id: Id & NewId<Id, S>, options: ThrottleOptions): Operator<T, T, K, K, S, S | Id> {
  checkOptions(options, ['every'], `throttle "${id}"`);
  const every = durationMs(options.every, `throttle "${id}": every`, 1);
  return operate<T, T, K>({ kind: 'throttle', id, details: { every: String(options.every) }, keepsPartitioning: true }, () => {
    let state: FirstPerKey;
    return {
      onOpen(context) {
        state = createFirstPerKey(context.table(id), context.task, every, `throttle ${every}`, (time, passed) => time < passed + every);
      },
      onBatch(batch, emit) {
        if (batch.key === undefined) throw new HeadraceError('HR_STEP_UNKEYED', `throttle "${id}" needs a keyed stream.`);
        const passed = state.pass(batch as Batch<unknown>);
        if (passed !== undefined) emit(passed as Batch<T>);
      },
      onWatermark: (time) => state.advance(time),
      onBarrier: () => state.save(),
    };
  });
}
