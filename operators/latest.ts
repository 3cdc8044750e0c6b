import type { Batch } from '../dataflow/batch.js';
import { enlarged } from '../dataflow/enlarged.js';
import { type Duration, durationMs } from '../dataflow/duration.js';
import { HeadraceError } from '../dataflow/errors.js';
import { type KeyTimes, createKeyTimes } from '../dataflow/rows/key-times.js';
import { checkOptions } from '../dataflow/known-options.js';
import type { StepMeta } from '../dataflow/state/pane-store.js';
import { pendingRows } from '../dataflow/rows/pending-rows.js';
import type { NewId } from '../dataflow/signal.js';
import type { StateTable } from '../dataflow/state/state-table.js';
import { type Operator, operate } from './operate.js';
import type { Key } from './window.js';

/** Settings of `latest`. */
export interface LatestOptions {
  /** A key without records for so long, in event time, is forgotten: what comes later counts as new, however old. @default 'never' */
  readonly expire?: Duration | 'never';
}

/**
 * Keeps the newest record of each key, by event time; of equal times the one that comes later.
 *
 * *When to use*: for the current state of things that report themselves: the last bid, the last position, a table from a stream of changes. *Details*: when the
 * watermark moves, the newest record of each key that has a new one goes out: an upsert by the stream's key. Records that are older than what has been
 * seen are dropped. For retractions use `topN` with n 1. *State*: the key and one time a key, until `expire` and up to half of that more; without it, state grows with the keys. *Errors*: HR_DURATION.
 *
 * @example from(bids).pipe(keyBy('pair', text(bids.bidder, '/', bids.auction)), latest('last-bid', { expire: '1d' }))
 * @see topN, dedupe, aggregate
 */
export function latest<T, K extends Key, S extends string = string, const Id extends string = string>(id: Id & NewId<Id, S>, options: LatestOptions = {}): Operator<T, T, K, K, S, S | Id> {
  checkOptions(options, ['expire'], `latest "${id}"`);
  const expire = options.expire === undefined || options.expire === 'never' ? Number.POSITIVE_INFINITY : durationMs(options.expire, `latest "${id}": expire`, 1);
  return operate<T, T, K>({ kind: 'latest', id, details: { expire: String(options.expire ?? 'never') }, keepsPartitioning: true }, () => {
    let table: StateTable;
    let pendingKey: Uint8Array;
    let times: KeyTimes<StepMeta>;
    let watermark = Number.NEGATIVE_INFINITY;
    let lastFinite = watermark;
    const pending = pendingRows();
    // By key id: number of the pending row that is its newest, -1 for none. By row number: its key id, and whether it is that key's newest.
    let newest = new Int32Array(1024).fill(-1);
    let keyOf = new Int32Array(1024);
    let isNewest = new Uint8Array(1024);
    let ids = new Int32Array(1024);
    const take = (batch: Batch<unknown>) => {
      const n = batch.length;
      const first = pending.next;
      if (ids.length < n) ids = new Int32Array(n * 2);
      if (first + n > keyOf.length) {
        keyOf = enlarged(keyOf, first + n);
        isNewest = enlarged(isNewest, first + n);
      }
      times.intern(batch.key!, n, ids);
      const { values, horizon } = times;
      if (values.length > newest.length) {
        const known = newest.length;
        newest = enlarged(newest, values.length).fill(-1, known);
      }
      for (let i = 0; i < n; i++) {
        const key = ids[i]!;
        keyOf[first + i] = key;
        isNewest[first + i] = 0;
        if (batch.times[i]! < values[key]! && values[key]! >= horizon) continue;
        values[key] = batch.times[i]!;
        if (newest[key]! >= 0) isNewest[newest[key]!] = 0;
        newest[key] = first + i;
        isNewest[first + i] = 1;
      }
      times.touch(ids, n);
      pending.push(batch);
    };
    return {
      onOpen(context) {
        table = context.table(id);
        pendingKey = Buffer.from([context.task >> 8, context.task & 255, 255]);
        times = createKeyTimes(table, context.task, expire, `latest ${expire}`);
        watermark = lastFinite = times.meta.watermark ?? Number.NEGATIVE_INFINITY;
        const saved = table.get(pendingKey);
        if (saved !== undefined) for (const batch of pending.restore(saved)) take(batch);
      },
      onBatch(batch) {
        if (batch.key === undefined) throw new HeadraceError('HR_STEP_UNKEYED', `latest "${id}" needs a keyed stream.`);
        take(batch as Batch<unknown>);
      },
      onWatermark(time, emit) {
        if (time <= watermark) return;
        watermark = time;
        if (time !== Number.POSITIVE_INFINITY) lastFinite = time;
        for (let row = 0; row < pending.next; row++) newest[keyOf[row]!] = -1;
        for (const batch of pending.take((row) => isNewest[row] === 1)) emit(batch as Batch<T>);
        times.advance(time);
      },
      onBarrier() {
        const waiting = pending.save((row) => isNewest[row] === 1);
        if (waiting !== undefined) table.put(pendingKey, waiting);
        else if (table.get(pendingKey) !== undefined) table.delete(pendingKey);
        times.save({ watermark: Number.isFinite(lastFinite) ? lastFinite : undefined });
        return times.size;
      },
    };
  });
}
