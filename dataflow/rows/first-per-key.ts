import type { Batch } from '../batch.js';
import { createKeyTimes } from './key-times.js';
import type { StepMeta } from '../state/pane-store.js';
import type { StateTable } from '../state/state-table.js';

/** Lets some records of each key pass and drops those that come too soon after one that has passed. */
export interface FirstPerKey {
  /** The records that pass, decided one after the other. Cost: one dictionary look-up a record. */
  pass(batch: Batch<unknown>): Batch<unknown> | undefined;
  advance(time: number): void;
  /** Puts what has changed into the table; answers how many rows are held. */
  save(): number;
}

/**
 * @param expire milliseconds after which a passed record no longer matters
 * @param isDropped whether a record at `time` is dropped after the one of its key that passed last, at `passed`
 */
export function createFirstPerKey(table: StateTable, task: number, expire: number, text: string, isDropped: (time: number, passed: number) => boolean): FirstPerKey {
  const passed = createKeyTimes<StepMeta>(table, task, expire, text);
  let watermark = passed.meta.watermark ?? Number.NEGATIVE_INFINITY;
  let ids = new Int32Array(1024);
  return {
    pass(batch) {
      const n = batch.length;
      if (ids.length < n) ids = new Int32Array(n * 2);
      passed.intern(batch.key!, n, ids);
      const { values, horizon } = passed;
      const rows = new Int32Array(n);
      const touched = new Int32Array(n);
      let count = 0;
      for (let i = 0; i < n; i++) {
        const key = ids[i]!;
        const time = batch.times[i]!;
        const last = values[key]! < horizon ? Number.NEGATIVE_INFINITY : values[key]!;
        if (isDropped(time, last)) continue;
        values[key] = Math.max(time, last);
        touched[count] = key;
        rows[count++] = i;
      }
      passed.touch(touched, count);
      return count === 0 ? undefined : batch.select(rows.subarray(0, count));
    },
    advance(time) {
      if (time <= watermark || !Number.isFinite(time)) return;
      watermark = time;
      passed.advance(time);
    },
    save() {
      passed.save({ watermark: Number.isFinite(watermark) ? watermark : undefined });
      return passed.size;
    },
  };
}
