import { Batch, objectRows, type Unkeyed } from '../../dataflow/batch.js';
import { mask } from '../../dataflow/expression.js';
import { keySample } from '../../dataflow/key-sample.js';
import type { NewId } from '../../dataflow/signal.js';
import type { StateTable } from '../../dataflow/state/state-table.js';
import { textColumn } from '../../dataflow/text-column.js';
import { operate, type Operator } from '../../operators/operate.js';
import type { Seen } from './recompute-served.js';
import type { ServedFeatures, ServedSet } from './served-features.js';

/**
 * The events of a feature set for `recomputeServed`, each with the newest event time of its partition when it came: a look-up that knew of nothing newer did not know of it, however early it happened.
 *
 * *When to use*: behind the topic that the set is declared of. *Details*: only the plan's share of the entities goes on. *State*: one number a task.
 *
 * @example from(labelledClicks).pipe(seenEvents('events-user', served, served.sets[0]!))
 */
export function seenEvents<T, S extends string = string, const Id extends string = string>(id: Id & NewId<Id, S>, plan: ServedFeatures, { set }: ServedSet): Operator<T, Seen, unknown, Unkeyed, S, S | Id> {
  const isIn = keySample(plan.share);
  return operate<T, Seen>({ kind: 'seenEvents', id, details: { set: set.name, share: String(plan.share) }, keepsPartitioning: false }, () => {
    let table: StateTable;
    let key: Uint8Array;
    let newest = Number.NEGATIVE_INFINITY;
    return {
      onOpen(context) {
        table = context.table(id);
        table.declare('newest event time');
        key = Buffer.of(context.task >> 8, context.task & 255);
        const stored = table.get(key);
        if (stored !== undefined) newest = Buffer.from(stored).readDoubleLE(0);
      },
      onBatch(batch, emit) {
        const counts = set.of.condition === undefined ? undefined : mask(batch as unknown as Batch<never>, set.of.condition as never);
        const entities = textColumn(batch.column(set.key as never), batch.length);
        const out: Seen[] = [];
        const origin: number[] = [];
        for (let i = 0; i < batch.length; i++) {
          if (counts !== undefined && counts[i] !== 1) continue;
          const time = batch.times[i]!;
          if (time > newest) newest = time;
          if (!isIn(entities.bytes, entities.offset[i]!, entities.length[i]!)) continue;
          const at = entities.offset[i]!;
          out.push({ entity: Buffer.from(entities.bytes.subarray(at, at + entities.length[i]!)).toString(), time, came: newest, event: { ...(batch.value(i) as Readonly<Record<string, unknown>>) } });
          origin.push(i);
        }
        if (out.length > 0) emit(new Batch(objectRows(out, { rows: batch.rows, origin: Int32Array.from(origin) }), Float64Array.from(out, ({ time }) => time)));
      },
      onBarrier() {
        if (newest === Number.NEGATIVE_INFINITY) return;
        const value = Buffer.alloc(8);
        value.writeDoubleLE(newest);
        table.put(key, value);
      },
    };
  }) as Operator<T, Seen, unknown, Unkeyed, S, S | Id>;
}
