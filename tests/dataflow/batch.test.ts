import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Batch, columnRows, objectRows, type BatchRows } from '../../dataflow/batch.js';
import { columnFrom } from '../../dataflow/column-from.js';
import { cell, stringColumn } from '../../schemas/column.js';

interface Row {
  readonly n: number;
  readonly s: string | null;
}

const aRow = fc.record({ n: fc.integer(), s: fc.option(fc.string()) });
const columns = (rows: readonly Row[]) => columnRows(rows.length, new Map([['n', columnFrom(rows.map((r) => r.n))], ['s', columnFrom(rows.map((r) => r.s))]]));
const batchOf = (rows: readonly Row[], made: BatchRows) =>
  new Batch<Row>(made, Float64Array.from(rows, (_, i) => i), stringColumn(rows.map((r) => `k${r.n}`)), { name: 'k', kind: 'string' });

function expectRows(batch: Batch<Row>, rows: readonly Row[], times: readonly number[]) {
  expect(batch.length).toBe(rows.length);
  expect([...batch.times]).toEqual(times);
  expect(batch.values()).toEqual(rows);
  expect(rows.map((_, i) => batch.value(i))).toEqual(rows);
  expect(rows.map((_, i) => ({ n: cell(batch.field('n'), i), s: cell(batch.field('s'), i) }))).toEqual(rows);
  expect(rows.map((_, i) => batch.keyText(i))).toEqual(rows.map((r) => `k${r.n}`));
}

test('selected and sliced rows are those rows, however often, of objects and of columns', () => {
  const aCut = fc.array(fc.oneof(fc.record({ from: fc.nat(20), to: fc.nat(20) }), fc.record({ rows: fc.array(fc.nat(20), { minLength: 1 }) })), { maxLength: 4 });
  fc.assert(
    fc.property(fc.array(aRow, { minLength: 1, maxLength: 15 }), aCut, fc.boolean(), fc.boolean(), (rows, cuts, asColumns, valuesFirst) => {
      let batch = batchOf(rows, asColumns ? columns(rows) : objectRows(rows));
      if (valuesFirst) batch.values();
      let kept = [...rows];
      let times = rows.map((_, i) => i);
      for (const cut of cuts) {
        const n = kept.length;
        if ('rows' in cut) {
          const chosen = cut.rows.map((r) => r % n);
          batch = batch.select(Int32Array.from(chosen));
          kept = chosen.map((r) => kept[r]!);
          times = chosen.map((r) => times[r]!);
        } else {
          const [from, to] = [Math.min(cut.from, cut.to) % n, n];
          batch = batch.slice(from, to);
          kept = kept.slice(from, to);
          times = times.slice(from, to);
        }
      }
      expectRows(batch, kept, times);
    }),
    { numRuns: 500 },
  );
});

test('the same rows in the same order are the same batch', () => {
  const batch = batchOf([{ n: 1, s: null }, { n: 2, s: 'a' }], objectRows([{ n: 1, s: null }, { n: 2, s: 'a' }]));
  expect(batch.select(Int32Array.of(0, 1))).toBe(batch);
  expect(batch.slice(0, 2)).toBe(batch);
  expect(batch.select(Int32Array.of(1, 0))).not.toBe(batch);
});

test('another key leaves records and columns as they are', () => {
  const rows = [{ n: 1, s: 'x' }];
  const batch = batchOf(rows, columns(rows));
  const field = batch.field('n');
  const keyed = batch.withKey(stringColumn(['other']), { name: 'o', kind: 'string' });
  expect(keyed.keyText(0)).toBe('other');
  expect(keyed.field('n')).toBe(field);
  expect(keyed.values()).toEqual(rows);
  expect(batch.keyText(0)).toBe('k1');
});

test('objects that were made of others keep the place where those were read', () => {
  const rows = objectRows([{ n: 1 }, { n: 2 }, { n: 3 }]);
  const read: BatchRows = Object.assign(Object.create(rows) as BatchRows, {
    place: (i: number) => ({ offset: 10 + i }),
    record: (i: number) => ({ key: null, value: Uint8Array.of(i) }),
  });
  const made = new Batch(objectRows(['b', 'c', 'c'], { rows: read, origin: Int32Array.of(1, 2, 2) }), new Float64Array(3));
  expect(made.select(Int32Array.of(2, 0)).rows.place(0)).toEqual({ offset: 12 });
  expect(made.slice(0, 2).rows.record(0)).toEqual({ key: null, value: Uint8Array.of(1) });
  expect(new Batch(objectRows([1], { rows: read }), new Float64Array(1)).rows.place(0)).toEqual({ offset: 10 });
});

test('a field that no column row has is an error that names it; of objects it is null, whatever batch they are in', () => {
  const rows = [{ n: 1, s: null }];
  expect(() => batchOf(rows, columns(rows)).field('m')).toThrow(expect.objectContaining({ code: 'HR_COLUMN', message: expect.stringContaining('"m"') }));
  expect(cell(batchOf(rows, objectRows(rows)).field('m'), 0)).toBeNull();
  expect(() => new Batch(objectRows([1]), new Float64Array(2))).toThrow(/1 rows with 2 times/);
});
