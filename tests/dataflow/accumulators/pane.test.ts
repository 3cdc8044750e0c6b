import fc from 'fast-check';
import { expect, test } from 'vitest';
import { layoutOf } from '../../../dataflow/accumulators/layout.js';
import { maxGroupLabels } from '../../../dataflow/accumulators/group-values.js';
import { groupLabels, Pane } from '../../../dataflow/accumulators/pane.js';
import { resultColumns } from '../../../dataflow/accumulators/results.js';
import { count, max, mean, min, quantiles, sum } from '../../../dataflow/aggregates/index.js';
import { cell } from '../../../schemas/column.js';
import { batchOf, type Row } from './pane-rows.js';

const v = (r: Row) => r.v;
const layout = layoutOf({
  n: count(), cats: count().where((r: Row) => r.g !== 1).by((r: Row) => r.cat), dense: sum(v).by((r: Row) => r.g, { size: 3 }),
  min: min(v), max: max(v), mean: mean(v), q: quantiles(v, [0.5]),
  longest: { init: () => '', add: (s: string, r: Row) => (r.k > s ? r.k : s), merge: (a: string, b: string) => (a > b ? a : b), result: (s: string) => s },
});
const aRow = fc.record({ k: fc.constantFrom('a', 'b', 'c', 'd', 'ü', ''), v: fc.option(fc.integer({ min: -5, max: 50 })), cat: fc.constantFrom('x', 'y', 'z', null), g: fc.integer({ min: -1, max: 3 }) });
const someRows = fc.array(aRow, { minLength: 1, maxLength: 12 });

const add = (pane: Pane, rows: readonly Row[]) => pane.add(batchOf(rows), new Int32Array(rows.length));
const resultRow = (pane: Pane, row: number) => Object.fromEntries([...resultColumns(pane, Int32Array.of(row))].map(([name, column]) => [name, cell(column, 0)]));
const resultsOf = (pane: Pane) => Array.from({ length: pane.size }, (_, row) => [Buffer.from(pane.keys.key(row)).toString(), resultRow(pane, row)]);

test('deltas restore the pane that they were taken of, from the beginning or from a snapshot', () => {
  fc.assert(
    fc.property(fc.array(someRows, { maxLength: 6 }), fc.nat(6), (parts, snapshotAt) => {
      const labels = groupLabels(layout);
      const pane = new Pane(layout, labels, 0);
      let deltas: Uint8Array[] = [];
      parts.forEach((rows, i) => {
        add(pane, rows);
        const delta = pane.delta()!;
        if (i === snapshotAt) deltas = [pane.delta(true)!];
        else deltas.push(delta);
      });
      expect(pane.delta()).toBeUndefined();
      const restored = new Pane(layout, labels, 0);
      for (const delta of deltas) restored.restore(Buffer.from(delta));
      expect(resultsOf(restored)).toEqual(resultsOf(pane));
      // A restored pane goes on as the other one does.
      const more = [{ k: 'a', v: 7, cat: 'w', g: 0 }, { k: 'new', v: 1, cat: null, g: 2 }];
      add(pane, more);
      add(restored, more);
      expect(resultsOf(restored)).toEqual(resultsOf(pane));
      expect(restored.delta()).toEqual(pane.delta());
    }),
    { numRuns: 300 },
  );
});

test('merging panes is as adding all their records to one, and a pane that is used again is as a new one', () => {
  const labels = groupLabels(layout);
  const used = new Pane(layout, labels, 0);
  fc.assert(
    fc.property(fc.array(someRows, { minLength: 1, maxLength: 4 }), (parts) => {
      const merged = new Pane(layout, labels, 0);
      for (const rows of parts) {
        const part = new Pane(layout, labels, 0);
        add(part, rows);
        for (let row = 0; row < part.size; row++) merged.mergeRow(part, row);
      }
      const all = new Pane(layout, labels, 0);
      used.reuse(5);
      for (const rows of parts) {
        add(all, rows);
        add(used, rows);
      }
      expect(resultsOf(merged)).toEqual(resultsOf(all));
      expect(resultsOf(used)).toEqual(resultsOf(all));
      expect(used.delta()).toEqual(all.delta());
    }),
    { numRuns: 300 },
  );
});

test('counts are 32-bit numbers while they fit, and right when they do not', () => {
  const counts = layoutOf({ n: count(), dense: count().by((r: Row) => r.g, { size: 3 }) });
  const pane = new Pane(counts, groupLabels(counts), 0);
  const row = { k: 'a', v: 0, cat: 'x', g: 1 };
  add(pane, [row]);
  expect([...resultColumns(pane).values()].map((column) => (column.kind === 'number' || column.kind === 'vector' ? column.data : []))).toEqual([Int32Array.of(1), Int32Array.of(0, 1, 0)]);
  pane.slabs[0]!.data[0] = 2 ** 31 - 1;
  pane.slabs[1]!.data[1] = 2 ** 40;
  add(pane, [row]);
  expect(resultRow(pane, 0)).toEqual({ n: 2 ** 31, dense: [0, 2 ** 40 + 1, 0] });
});

test('more labels than a pane holds are counted together', () => {
  const many = layoutOf({ n: count().by((r: Row) => r.cat) });
  const pane = new Pane(many, groupLabels(many), 0);
  add(pane, Array.from({ length: maxGroupLabels + 50 }, (_, i) => ({ k: 'a', v: 0, cat: `c${i}`, g: 0 })));
  add(pane, [{ k: 'a', v: 0, cat: 'c0', g: 0 }]);
  const n = resultRow(pane, 0)['n'] as Record<string, number>;
  expect(Object.keys(n)).toHaveLength(maxGroupLabels + 1);
  expect([n['c0'], n['c1'], n['~other']]).toEqual([2, 1, 50]);
});

test('aggregates that are alike share their cells', () => {
  const one = layoutOf({ a: mean((r: Row) => r.v) });
  const same = count();
  const shared = layoutOf({ a: same, b: same, c: count() });
  expect(shared.tables[0]!.identity).toHaveLength(1);
  expect(one.tables[0]!.identity).toHaveLength(3);
  expect(() => layoutOf({})).toThrow(expect.objectContaining({ code: 'HR_AGGREGATE' }));
});

test('a narrow pane counts as a wide one, however far', () => {
  const counts = layoutOf({ n: count(), some: count().where((r: Row) => r.g === 0), cats: count().by((r: Row) => r.cat), dense: count().by((r: Row) => r.g, { size: 3 }), mean: mean(v), spread: sum(v).by((r: Row) => r.g, { size: 2 }) });
  const aStep = fc.oneof(
    fc.record({ do: fc.constant('add' as const), rows: someRows }),
    fc.record({ do: fc.constantFrom('merge' as const, 'mergeRows' as const), rows: someRows, times: fc.constantFrom(1, 200, 32_767, 2 ** 31 - 1, 2 ** 40) }),
    fc.record({ do: fc.constant('restore' as const) }),
  );
  const exact = (pane: Pane) => [resultsOf(pane), pane.delta(true)];
  const labels = groupLabels(counts);
  /** With each count so many times over. */
  const partOf = (rows: readonly Row[], times: number, isNarrow: boolean) => {
    const wide = new Pane(counts, labels, 0);
    add(wide, rows);
    wide.slabs.forEach((slab) => slab.floats().forEach((x, i, data) => (data[i] = x * times)));
    const part = new Pane(counts, labels, 0, isNarrow);
    part.restore(Buffer.from(wide.delta(true)!));
    return part;
  };
  fc.assert(
    fc.property(fc.array(aStep, { maxLength: 8 }), (steps) => {
      const panes = [false, true].map((isNarrow) => {
        const takenIn: { part: Pane; to: Int32Array }[] = [];
        let pane = new Pane(counts, labels, 0, isNarrow);
        expect(pane.slabs.map(({ limit }) => limit < Number.POSITIVE_INFINITY)).toEqual(pane.slabs.map((_, t) => isNarrow && counts.tables[t]!.leaves.every(({ leaf }) => leaf.op === 'count')));
        for (const step of steps) {
          if (step.do === 'add') add(pane, step.rows);
          else if (step.do === 'restore') {
            const restored = new Pane(counts, labels, 0, isNarrow);
            restored.restore(Buffer.from(pane.delta(true) ?? pane.delta()!));
            pane = restored;
          } else {
            const part = partOf(step.rows, step.times, isNarrow);
            if (step.do === 'mergeRows') for (let row = 0; row < part.size; row++) pane.mergeRow(part, row);
            else {
              const to = new Int32Array(part.size);
              pane.keys.internAll(part.keys.keys(), part.size, to);
              pane.mergeAll(part, to, 1);
              takenIn.push({ part, to });
            }
          }
        }
        const full = exact(pane);
        for (const { part, to } of takenIn) pane.mergeAll(part, to, -1);
        return [full, exact(pane)];
      });
      expect(panes[1]).toEqual(panes[0]);
    }),
    { numRuns: 200 },
  );
});
