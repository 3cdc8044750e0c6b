import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Aggregates, layoutOf } from '../../../dataflow/accumulators/layout.js';
import { groupLabels, Pane } from '../../../dataflow/accumulators/pane.js';
import { resultColumns } from '../../../dataflow/accumulators/results.js';
import { count, countDistinct, histogram, max, mean, quantiles, ratio, sum, topK, variance } from '../../../dataflow/aggregates/index.js';
import { createWindowSums, type WindowSum } from '../../../dataflow/windows/window-sums.js';
import { cell } from '../../../schemas/column.js';
import { batchOf, type Row } from '../accumulators/pane-rows.js';

const v = (r: Row) => r.v;
const clicks = count().where((r: Row) => r.g === 1);
const takesBack = {
  n: count(), clicks, sum: sum(v), mean: mean(v), ctr: ratio(clicks, count()), variance: variance(v), cats: count().by((r: Row) => r.cat), sums: sum(v).by((r: Row) => r.cat),
  dense: sum(v).by((r: Row) => r.g, { size: 3 }), distinct: countDistinct((r: Row) => r.cat), q: quantiles(v, [0.5]), bins: histogram(v, [0, 10]), top: topK((r: Row) => r.cat, 2),
};
const onlyAdds = { n: count(), sum: sum(v), max: max(v) };

const every = 5;
const aRow = (value: fc.Arbitrary<number | null>) => fc.record({ k: fc.constantFrom('a', 'b', 'c', 'd', 'e', ''), v: value, cat: fc.constantFrom('x', 'y', 'z', null), g: fc.integer({ min: -1, max: 3 }) });
/** Records that come before the window moves: by pane, counted back from the newest one. */
const aMove = (value: fc.Arbitrary<number | null>) => fc.array(fc.record({ back: fc.constantFrom(0, 0, 0, 1, 2, 3), rows: fc.array(aRow(value), { minLength: 1, maxLength: 6 }) }), { maxLength: 4 });
const whole = fc.option(fc.constantFrom(-7, 0, 1, 3, 60_000));
const fractions = fc.option(fc.constantFrom(0.1, 0.7, -3.3, 1e15, 5));
const huge = fc.constantFrom(2 ** 52, 2 ** 53, -(2 ** 52), 1, 3);
// Fractions come seldom, so that windows are moved, added up, and moved again.
const seldom = fc.oneof({ weight: 60, arbitrary: whole }, { weight: 1, arbitrary: fractions }, { weight: 1, arbitrary: huge });

/** The keys of a sum in their order, with what is shown of them. */
const shown = ({ pane, rows }: WindowSum) => {
  const columns = [...resultColumns(pane, rows)];
  return Array.from(rows, (row, i) => [Buffer.from(pane.keys.key(row)).toString(), ...columns.map(([name, column]) => [name, cell(column, i)])]);
};

/** Moves over panes as windows do, and compares with panes that are added up anew. */
function compare(aggregates: Aggregates<never>, perWindow: number, lateness: number, moves: readonly (readonly { back: number; rows: readonly Row[] }[])[]) {
  const layout = layoutOf(aggregates);
  const labels = groupLabels(layout);
  const size = perWindow * every;
  const panes = new Map<number, Pane>();
  const sums = createWindowSums({ layout, labels, shape: { every, size, offset: 0 }, panes });
  const naive = (end: number): WindowSum => {
    const pane = new Pane(layout, labels, 0);
    for (let start = end - size; start < end; start += every) {
      const part = panes.get(start);
      for (let row = 0; row < (part?.size ?? 0); row++) pane.mergeRow(part!, row);
    }
    return { pane, rows: Int32Array.from({ length: pane.size }, (_, i) => i) };
  };
  moves.forEach((parts, i) => {
    // The first windows end at 0: no time is special.
    const newest = (i - 1) * every;
    for (const { back, rows } of parts) {
      const start = newest - back * every;
      if (start + size + lateness <= newest) continue;
      let pane = panes.get(start);
      if (pane === undefined) panes.set(start, (pane = new Pane(layout, labels, start)));
      const batch = batchOf(rows);
      const ids = new Int32Array(rows.length);
      pane.add(batch, ids);
      sums.added(start, batch, ids);
    }
    const end = newest + every;
    if (i % 5 !== 3) expect(shown(sums.all(end))).toEqual(shown(naive(end)));
    const keys = ['e', 'none', 'a', 'c'].map((key) => Buffer.from(key));
    const all = shown(naive(end - every));
    expect(shown(sums.some(end - every, keys))).toEqual(all.filter(([key]) => key === 'e' || key === 'a' || key === 'c'));
    for (const start of panes.keys()) {
      if (start + size + lateness > end) continue;
      sums.drop(start);
      panes.delete(start);
    }
  });
}

test.each([
  ['whole numbers', takesBack, whole],
  ['fractions', takesBack, fractions],
  ['whole numbers with a fraction or a huge one here and there', takesBack, seldom],
  ['aggregates that only add', onlyAdds, seldom],
] as const)('a window that moves is its panes added up, to the last bit and in their order: %s', (_, aggregates, value) => {
  fc.assert(
    fc.property(fc.constantFrom(1, 2, 3, 6), fc.constantFrom(0, every, 3 * every), fc.array(aMove(value), { minLength: 1, maxLength: 25 }), (perWindow, lateness, moves) =>
      compare(aggregates as unknown as Aggregates<never>, perWindow, lateness, moves),
    ),
    { numRuns: 150 },
  );
});

test('what it holds is bounded by the keys and groups of its panes, while others come and go', () => {
  const layout = layoutOf({ n: count(), distinct: countDistinct((r: Row) => r.cat) } as unknown as Aggregates<never>);
  const labels = groupLabels(layout);
  const panes = new Map<number, Pane>();
  const sums = createWindowSums({ layout, labels, shape: { every, size: 3 * every, offset: 0 }, panes });
  for (let i = 0; i < 40; i++) {
    const start = i * every;
    // One key stays and has other values each time, the others are new.
    const rows = Array.from({ length: 1000 }, (_, r): Row => ({ k: r < 500 ? 'stays' : `${i} ${r}`, v: 1, cat: `${i} ${r}`, g: 0 }));
    const pane = new Pane(layout, labels, start);
    panes.set(start, pane);
    pane.add(batchOf(rows), new Int32Array(rows.length));
    const sum = sums.all(start + every);
    const windows = Math.min(i + 1, 3);
    expect(sum.rows.length).toBe(1 + 500 * windows);
    expect(shown({ pane: sum.pane, rows: sum.rows.subarray(0, 1) })).toEqual([['stays', ['n', 500 * windows], ['distinct', 500 * windows]]]);
    expect(sum.pane.size).toBeLessThan(2 * 1501 + 1024 + 1000);
    expect(sum.pane.pairs[1]!.size).toBeLessThan(2 * 3000 + 1024 + 1000);
    sums.drop(start - 2 * every);
    panes.delete(start - 2 * every);
  }
});
