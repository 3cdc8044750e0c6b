import fc from 'fast-check';
import { expect, test } from 'vitest';
import { layoutOf } from '../../../dataflow/accumulators/layout.js';
import { groupLabels, Pane } from '../../../dataflow/accumulators/pane.js';
import { resultColumns } from '../../../dataflow/accumulators/results.js';
import { count, max, mean, min, quantiles, ratio, sum } from '../../../dataflow/aggregates/index.js';
import { Batch, objectRows } from '../../../dataflow/batch.js';
import { addTile, packTile } from '../../../dataflow/features/tile-codec.js';
import { cell, stringColumn } from '../../../schemas/column.js';

interface Row {
  readonly v: number | null;
  readonly cat: string | null;
  readonly g: number;
}

const v = (r: Row) => r.v;
const layout = layoutOf({
  n: count(), low: count().where((r: Row) => r.g === 0), cats: count().by((r: Row) => r.cat), catSum: sum(v).by((r: Row) => r.cat), wide: sum(v).by((r: Row) => r.g, { size: 7 }), counts: count().by((r: Row) => r.g, { size: 5 }),
  min: min(v), max: max(v), mean: mean(v), sum: sum(v), q: quantiles(v, [0.5, 0.9]), share: ratio(sum(v), count()),
});
const numbers = fc.oneof(fc.integer({ min: -3, max: 400 }), fc.constantFrom(0, -0, 250, 251, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32, 1.5, 1e-300, 1.79e308, 1_790_000_000_000), fc.double({ noNaN: true, noDefaultInfinity: true }));
const aRow = fc.record({ v: fc.option(numbers), cat: fc.constantFrom('x', 'y', 'ü', '', 'a long one', null), g: fc.integer({ min: -1, max: 7 }) });
const someRows = fc.array(aRow, { minLength: 1, maxLength: 12 });

/** All of one key. */
function paneOf(rows: readonly Row[], labels = groupLabels(layout)): Pane {
  const pane = new Pane(layout, labels, 0);
  if (rows.length > 0) pane.add(new Batch<Row>(objectRows(rows), new Float64Array(rows.length), stringColumn(rows.map(() => 'k')), { name: 'k', kind: 'string' }), new Int32Array(rows.length));
  return pane;
}

const resultsOf = (pane: Pane) => [...resultColumns(pane)].map(([name, column]) => [name, cell(column, 0)]);

/** What the tiles of some parts add up to, as a look-up finds it: with labels of its own. */
function added(tiles: readonly Uint8Array[]): Pane {
  const pane = new Pane(layout, groupLabels(layout), 0);
  pane.keys.intern(Buffer.from('k'), 0, 1);
  for (const tile of tiles) addTile(pane, 0, tile);
  return pane;
}

test('a tile has what its row has, to the last bit but for the sign of zero, wherever its bytes lie', () => {
  fc.assert(
    fc.property(someRows, fc.nat(9), (rows, before) => {
      const pane = paneOf(rows);
      const tile = packTile(pane, 0);
      const elsewhere = Buffer.concat([Buffer.alloc(before, 0xab), tile, Buffer.of(0xcd)]);
      const found = new Pane(layout, groupLabels(layout), 0);
      found.keys.intern(Buffer.from('k'), 0, 1);
      addTile(found, 0, elsewhere, before);
      expect(resultsOf(found)).toEqual(resultsOf(pane));
      expect(packTile(found, 0)).toEqual(tile);
    }),
  );
});

test('tiles add up as panes do', () => {
  fc.assert(
    fc.property(fc.array(someRows, { minLength: 1, maxLength: 5 }), (parts) => {
      const labels = groupLabels(layout);
      const panes = parts.map((rows) => paneOf(rows, labels));
      const merged = new Pane(layout, labels, 0);
      for (const pane of panes) merged.mergeRow(pane, 0);
      expect(resultsOf(added(panes.map((pane) => packTile(pane, 0))))).toEqual(resultsOf(merged));
    }),
  );
});

test('the bytes do not tell in which order groups came', () => {
  const row = (cat: string) => ({ v: 1, cat, g: 1 });
  expect(packTile(paneOf([row('y'), row('x')]), 0)).toEqual(packTile(paneOf([row('x'), row('y')]), 0));
});

test('a tile of few events is a few bytes', () => {
  const pane = paneOf([{ v: 12, cat: 'x', g: 2 }, { v: 3, cat: 'x', g: 2 }]);
  const cells = pane.slabs.reduce((bytes, slab) => bytes + slab.data.byteLength, 0);
  expect(packTile(pane, 0).length).toBeLessThan(60);
  expect(packTile(pane, 0).length).toBeLessThan(cells / 4);
});
