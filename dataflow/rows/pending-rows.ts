import type { StringColumn } from '../../schemas/column.js';
import { Batch, type KeyedBy } from '../batch.js';
import { byteReader, byteWriter } from '../bytes.js';
import { readColumn, writeColumn } from './row-cells.js';
import { RowStore } from './row-store.js';

/** Rows that wait for the watermark: references to batches, copied only where an epoch ends before it. */
export interface PendingRows {
  /** Number of rows put in so far: the next batch's first row has it as its number. */
  readonly next: number;
  push(batch: Batch<unknown>): void;
  /** The rows whose numbers `keep` takes, in order; none are left. */
  take(keep: (number: number) => boolean): Batch<unknown>[];
  /** The rows before `time`, in order of arrival; the others stay. */
  takeBefore(time: number): Batch<unknown>[];
  /** The rows whose numbers `keep` takes, as bytes for `restore`; undefined when there are none. */
  save(keep: (number: number) => boolean): Uint8Array | undefined;
  /** The rows that were saved. */
  restore(bytes: Uint8Array): readonly Batch<unknown>[];
}

/** No rows yet. Cost: nothing a row until they are taken. */
export function pendingRows(): PendingRows {
  let batches: { readonly first: number; readonly batch: Batch<unknown> }[] = [];
  let next = 0;
  const chosen = (keep: (number: number) => boolean): Batch<unknown>[] =>
    batches.flatMap(({ first, batch }) => {
      const rows = new Int32Array(batch.length);
      let n = 0;
      for (let i = 0; i < batch.length; i++) if (keep(first + i)) rows[n++] = i;
      return n === 0 ? [] : [batch.select(rows.subarray(0, n))];
    });
  return {
    get next() {
      return next;
    },
    push(batch) {
      batches.push({ first: next, batch });
      next += batch.length;
    },
    take(keep) {
      const kept = chosen(keep);
      batches = [];
      next = 0;
      return kept;
    },
    takeBefore(time) {
      const due: Batch<unknown>[] = [];
      const rest: Batch<unknown>[] = [];
      for (const { batch } of batches) {
        const rows = Int32Array.from({ length: batch.length }, (_, i) => i);
        const early = rows.filter((i) => batch.times[i]! < time);
        if (early.length > 0) due.push(batch.select(early));
        if (early.length < batch.length) rest.push(batch.select(rows.filter((i) => !(batch.times[i]! < time))));
      }
      batches = [];
      next = 0;
      for (const batch of rest) this.push(batch);
      return due;
    },
    save(keep) {
      const kept = chosen(keep);
      if (kept.length === 0) return undefined;
      const out = byteWriter();
      out.bytes(Buffer.from(JSON.stringify(kept[0]!.keyedBy)));
      out.u32(kept.length);
      for (const batch of kept) {
        const store = new RowStore(undefined);
        const slots = new Int32Array(batch.length);
        store.addAll(batch, slots);
        out.u32(batch.length);
        writeColumn(out, batch.key!, batch.length);
        out.array(batch.times);
        store.write(out, slots);
      }
      return Uint8Array.from(out.finish());
    },
    restore(bytes) {
      const reader = byteReader(bytes);
      const keyedBy = JSON.parse(Buffer.from(reader.bytes()).toString()) as KeyedBy;
      const store = new RowStore(undefined);
      return Array.from({ length: reader.u32() }, () => {
        const n = reader.u32();
        const key = readColumn(reader, n) as StringColumn;
        const times = reader.float64s(n);
        const slots = new Int32Array(n);
        store.read(reader, n, slots);
        return new Batch<unknown>(store.rows(slots), times, key, keyedBy);
      });
    },
  };
}
