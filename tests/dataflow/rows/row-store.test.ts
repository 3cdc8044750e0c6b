import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Batch, columnRows, objectRows } from '../../../dataflow/batch.js';
import { byteReader, byteWriter } from '../../../dataflow/bytes.js';
import { columnFrom } from '../../../dataflow/column-from.js';
import { RowStore } from '../../../dataflow/rows/row-store.js';
import type { Column } from '../../../schemas/column.js';

const aValue = fc.oneof(fc.constant(null), fc.integer(), fc.string(), fc.boolean(), fc.array(fc.integer(), { maxLength: 2 }));
const aRow = fc.record({ a: fc.oneof(fc.string(), fc.constant(null)), b: fc.oneof(fc.integer(), fc.constant(null)), c: aValue, e: fc.constantFrom('ONE', 'TWO', null) });
type Row = { a: string | null; b: number | null; c: unknown; e: string | null };

const enumOf = (values: readonly (string | null)[]): Column => {
  const symbols = [...new Set(values.filter((v) => v !== null))].reverse();
  return { kind: 'enum', symbols, data: Int32Array.from(values, (v) => Math.max(0, symbols.indexOf(v!))), nulls: Uint8Array.from(values, (v) => (v === null ? 1 : 0)) };
};
const asColumns = (rows: readonly Row[]) => {
  const columns = new Map<string, Column>((['a', 'b', 'c'] as const).map((name) => [name, columnFrom(rows.map((r) => r[name]))]));
  return new Batch(columnRows(rows.length, columns.set('e', enumOf(rows.map((r) => r.e)))), new Float64Array(rows.length));
};
const asObjects = (rows: readonly Row[]) => new Batch(objectRows(rows), new Float64Array(rows.length));

test.each([['columns', asColumns], ['objects', asObjects]] as const)('rows from %s come out as they went in, whatever is freed, written over and stored between', (_, batchOf) => {
  const anAction = fc.oneof(
    { weight: 4, arbitrary: fc.record({ add: fc.array(aRow, { minLength: 1, maxLength: 8 }) }) },
    { weight: 2, arbitrary: fc.record({ free: fc.nat(50) }) },
    { weight: 1, arbitrary: fc.record({ put: aRow, at: fc.nat(50) }) },
    { weight: 1, arbitrary: fc.constant({ reload: true }) },
  );
  fc.assert(
    fc.property(fc.array(anAction, { maxLength: 25 }), (actions) => {
      let store = new RowStore(undefined);
      let held: { slot: number; row: Row }[] = [];
      for (const action of actions) {
        if ('add' in action) {
          const slots = new Int32Array(action.add.length);
          store.addAll(batchOf(action.add), slots);
          action.add.forEach((row, i) => held.push({ slot: slots[i]!, row }));
        } else if ('free' in action && held.length > 0) {
          const [gone] = held.splice(action.free % held.length, 1);
          store.free(gone!.slot);
        } else if ('put' in action && held.length > 0) {
          const chosen = held[action.at % held.length]!;
          store.put(batchOf([action.put]), Int32Array.of(chosen.slot));
          chosen.row = action.put;
        } else if ('reload' in action && held.length > 0) {
          const out = byteWriter();
          store.write(out, Int32Array.from(held, (h) => h.slot));
          store = new RowStore(undefined);
          const slots = new Int32Array(held.length);
          store.read(byteReader(Uint8Array.from(out.finish())), held.length, slots);
          held = held.map(({ row }, i) => ({ slot: slots[i]!, row }));
        }
        expect(store.size).toBe(held.length);
        const rows = store.rows(Int32Array.from(held, (h) => h.slot));
        if (held.length > 0) expect(held.map((_, i) => rows.value(i))).toEqual(held.map((h) => h.row));
      }
    }),
    { numRuns: 200 },
  );
});

test('text that is replaced again and again does not pile up', () => {
  const store = new RowStore(undefined);
  const slots = new Int32Array(1);
  const batch = (i: number) => asColumns([{ a: `${'x'.repeat(1_000)}${i}`, b: i, c: null, e: 'ONE' }]);
  store.addAll(batch(0), slots);
  for (let i = 1; i < 5_000; i++) store.put(batch(i), slots);
  expect((store.rows(slots).value(0) as Row).b).toBe(4_999);
  expect(store.bytes).toBeLessThan(50_000);
});
