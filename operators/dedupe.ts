import type { Batch } from '../dataflow/batch.js';
import { type Duration, durationMs } from '../dataflow/duration.js';
import { HeadraceError } from '../dataflow/errors.js';
import { createFirstPerKey, type FirstPerKey } from '../dataflow/rows/first-per-key.js';
import { checkOptions } from '../dataflow/known-options.js';
import type { NewId } from '../dataflow/signal.js';
import { type Operator, operate } from './operate.js';
import type { Key } from './window.js';

/** Settings of `dedupe`. */
export interface DedupeOptions {
  /** A record of a key whose event time is this close to that of the last one that passed is a duplicate, before it or after it. */
  readonly within: Duration;
}

/**
 * Passes the first record of each key and drops its duplicates.
 *
 * *When to use*: for records that are sent more than once: key them by what makes them the same, such as an event id. *Details*: decided at once, record by record, in the
 * order in which they come: a record is dropped when its event time lies within `within`, ends included, of that of its key's last record that passed. The
 * first to come passes, which out of order need not be the earliest. A record that passed is forgotten when the watermark is `within` past it.
 * *State*: the key and one time for each key that has passed, for `within` behind the watermark and up to half of that more. *Errors*: HR_DURATION.
 *
 * @example from(clicks).pipe(keyBy(clicks.eventId), dedupe('once', { within: '1h' }))
 * @see throttle, latest
 */
export function dedupe<T, K extends Key, S extends string = string, const Id extends string = string>(id: Id & NewId<Id, S>, options: DedupeOptions): Operator<T, T, K, K, S, S | Id> {
  checkOptions(options, ['within'], `dedupe "${id}"`);
  const within = durationMs(options.within, `dedupe "${id}": within`, 1);
  return operate<T, T, K>({ kind: 'dedupe', id, details: { within: String(options.within) }, keepsPartitioning: true }, () => {
    let state: FirstPerKey;
    return {
      onOpen(context) {
        state = createFirstPerKey(context.table(id), context.task, within, `dedupe ${within}`, (time, passed) => Math.abs(time - passed) <= within);
      },
      onBatch(batch, emit) {
        if (batch.key === undefined) throw new HeadraceError('HR_STEP_UNKEYED', `dedupe "${id}" needs a keyed stream.`);
        const passed = state.pass(batch as Batch<unknown>);
        if (passed !== undefined) emit(passed as Batch<T>);
      },
      onWatermark: (time) => state.advance(time),
      onBarrier: () => state.save(),
    };
  });
}
