import fc from 'fast-check';
import { expect, test } from 'vitest';
import { layoutOf } from '../../../dataflow/accumulators/layout.js';
import { groupLabels, Pane } from '../../../dataflow/accumulators/pane.js';
import { resultColumns } from '../../../dataflow/accumulators/results.js';
import { count, histogram, max, mean, min, quantiles, ratio, sum } from '../../../dataflow/aggregates/index.js';
import { quantileName } from '../../../dataflow/aggregates/quantiles.js';
import { Batch, objectRows } from '../../../dataflow/batch.js';
import { type EntityTiles, featuresAt, featuresJson, noTiles } from '../../../dataflow/features/feature-values.js';
import { features, type FeatureSet, paneMs, windowStart } from '../../../dataflow/features/features.js';
import { packTile } from '../../../dataflow/features/tile-codec.js';
import { topic } from '../../../dataflow/topic.js';
import { cell, stringColumn } from '../../../schemas/column.js';

const input = topic('input', { key: 'who', time: 't', value: { who: 'string', cat: 'string?', floor: 'int', ms: 'double?', t: 'timestamp' } });
interface Row {
  readonly who: string;
  readonly cat: string | null;
  readonly floor: number;
  readonly ms: number | null;
  readonly t: number;
}
const values = {
  n: count(), low: count().where(input.floor.is(0)), cats: count().by(input.cat), low_cats: count().where(input.floor.is(0)).by(input.cat), cat_ms: sum(input.ms).by(input.cat), least: min(input.ms).by(input.cat),
  each: ratio(sum(input.ms), count()).by(input.cat), floors: count().by(input.floor, { size: 3 }), most: max(input.ms).by(input.floor, { size: 3 }), stays: histogram(input.ms, [10, 100]),
  time: quantiles(input.ms, [0, 0.5, 0.99]), low_time: quantiles(input.ms, [0.9]).where(input.floor.is(0)), mean: mean(input.ms), last: max(input.t), total: sum(input.ms),
};
const set = features('visits', { of: input, key: input.who, windows: ['7d', '1h', '24h', '2h'], values }) as unknown as FeatureSet;
const layout = layoutOf(values as never);
const end = Date.parse('2026-03-05T13:35:00Z');
const hour = 3_600_000;

const aRow: fc.Arbitrary<Row> = fc.record({
  who: fc.constant('ann'),
  cat: fc.oneof(fc.constantFrom('x', 'y', 'ü', '', '"{}', null), fc.integer({ min: 0, max: 40 }).map((n) => `g${n}`)),
  floor: fc.integer({ min: 0, max: 3 }),
  ms: fc.oneof(fc.constantFrom(null, 0, 50, -50, 2.5, 1e300), fc.integer({ min: 1, max: 100_000 })),
  t: fc.oneof(fc.integer({ min: 1, max: 2 * hour }), fc.integer({ min: 1, max: 8 * 24 * hour })).map((ago) => end - ago),
});

function paneOf(rows: readonly Row[], of = layout): Pane {
  const pane = new Pane(of, groupLabels(of), 0);
  const { length } = rows;
  if (length > 0) pane.add(new Batch<Row>(objectRows(rows), Float64Array.from(rows, (row) => row.t), stringColumn(rows.map(() => 'k')), { name: 'k', kind: 'string' }), new Int32Array(length));
  return pane;
}

/** Tiles of both sizes, in the order of time. */
function tilesOf(rows: readonly Row[], of = layout): EntityTiles {
  const tiles = [paneMs.small, paneMs.large].flatMap((pane) => {
    const starts = [...new Set(rows.map(({ t }) => Math.floor(t / pane) * pane))].sort((a, b) => a - b);
    return starts.map((start) => ({ pane, start, bytes: packTile(paneOf(rows.filter(({ t }) => Math.floor(t / pane) * pane === start), of), 0) }));
  });
  return {
    each(pane, from, to, take) {
      for (const tile of tiles) if (tile.pane === pane && tile.start >= from && tile.start < to) take(Buffer.concat([Buffer.of(7), tile.bytes]), 1);
    },
  };
}

/** What the records of a window come to, by the way of windows: groups come last. */
function expected(rows: readonly Row[]): Record<string, number | null> {
  const found: Record<string, number | null> = {};
  const ofGroups: Record<string, number | null> = {};
  for (const window of set.windows) {
    const pane = paneOf(rows.filter(({ t }) => t >= windowStart(window, end) && t < end));
    if (pane.size === 0) pane.keys.intern(Buffer.from('k'), 0, 1);
    pane.layout.tables.forEach(({ group }, t) => group?.kind !== 'labels' && group?.kind !== 'buckets' && pane.slabs[t]!.ensure(group?.size ?? 1));
    for (const [name, column] of resultColumns(pane, Int32Array.of(0))) {
      const value = cell(column, 0) as number | null | readonly number[] | Record<string, number | null>;
      const feature = `${name}_${window.name}`;
      if (value === null || typeof value === 'number') found[feature] = value;
      else if (name.endsWith('time')) for (const q of name === 'time' ? [0, 0.5, 0.99] : [0.9]) found[`${feature}{${quantileName(q)}}`] = (value as Record<string, number | null>)[quantileName(q)]!;
      else {
        const isExtreme = name === 'least' || name === 'most';
        const groups = Object.entries(value).filter(([, x]) => x !== null && !Number.isNaN(x) && (isExtreme || name === 'each' || x !== 0)) as [string, number][];
        const numbers = groups.map(([, x]) => x);
        if (isExtreme) found[feature] = numbers.length === 0 ? null : name === 'least' ? Math.min(...numbers) : Math.max(...numbers);
        else if (name !== 'each') found[feature] = numbers.reduce((sum, x) => sum + x, 0);
        for (const [group, x] of groups) ofGroups[`${feature}{${group}}`] = x;
      }
    }
  }
  return { ...found, ...ofGroups };
}

test('a look-up gives what the records of each window come to, in the order of the declaration with groups last, and the same as text', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof({ arbitrary: fc.array(aRow, { maxLength: 6 }), weight: 4 }, { arbitrary: fc.array(aRow, { minLength: 60, maxLength: 90 }), weight: 1 }), { maxLength: 3 }), (entities) => {
      // one after the other, since look-ups share what they are made with
      for (const rows of entities) {
        const tiles = tilesOf(rows);
        const found = featuresAt(set, tiles, end);
        const wanted = expected(rows);
        expect(Object.keys(found)).toEqual(Object.keys(wanted));
        for (const [name, value] of Object.entries(wanted)) {
          if (value === null || found[name] === null) expect(found[name], name).toBe(value);
          else expect(Math.abs(found[name]! - value), name).toBeLessThanOrEqual(1e-12 * Math.max(Math.abs(value), rows.reduce((most, { ms }) => Math.max(most, Math.abs(ms ?? 0)), 0)));
        }
        expect(featuresJson(set, tiles, end)).toBe(JSON.stringify(found));
      }
    }),
    { numRuns: 60 },
  );
});

test('as text, what is derived comes last or takes the place of a value, and what is no number of JSON is null', () => {
  const infinite = tilesOf([{ who: 'ann', cat: 'x', floor: 0, ms: Number.POSITIVE_INFINITY, t: end - 1 }]);
  const derivations: FeatureSet['derive'][] = [undefined, () => ({}), (f) => ({ twice: f['n_1h']! * 2, none: null }), (f) => ({ n_1h: f['n_1h']! + 1, 'a "quoted" one': 0.5 })];
  for (const derive of derivations) {
    for (const tiles of [infinite, noTiles]) expect(featuresJson({ ...set, derive }, tiles, end)).toBe(JSON.stringify(featuresAt({ ...set, derive }, tiles, end)));
  }
  const byGroup = features('empty', { of: input, key: input.who, windows: ['1h'], values: { each: ratio(sum(input.ms), count()).by(input.cat) }, derive: () => ({ one: 1 }) }) as unknown as FeatureSet;
  expect(featuresJson(byGroup, noTiles, end)).toBe('{"one":1}');
  expect(featuresJson({ ...byGroup, derive: undefined }, noTiles, end)).toBe('{}');
});

test('an answer has the names of its features and no others, however many there are', () => {
  const byGroup = features('many', { of: input, key: input.who, windows: ['1h'], values: { cats: count().by(input.cat) } }) as unknown as FeatureSet;
  for (const groups of [0, 1, 2, 41, 42, 43, 85, 86, 700, 2_000]) {
    const tiles = tilesOf(Array.from({ length: groups }, (_, i) => ({ who: 'ann', cat: `g${10_000 + i}`, floor: 0, ms: null, t: end - 1 })), byGroup.layout);
    for (let times = 0; times < 3; times++) {
      const found = featuresAt(byGroup, tiles, end);
      expect(Object.keys(found)).toEqual(['cats_1h', ...Array.from({ length: groups }, (_, i) => `cats_1h{g${10_000 + i}}`)]);
      expect(found['cats_1h']).toBe(groups);
    }
  }
  const found = featuresAt(byGroup, noTiles, end);
  expect(Object.getPrototypeOf(found)).toBe(Object.prototype);
  const again = features('again', { of: input, key: input.who, windows: ['1h'], values: { n: count() }, derive: () => ({ n_1h: 7, more: null }) }) as unknown as FeatureSet;
  expect(Object.entries(featuresAt(again, noTiles, end))).toEqual([['n_1h', 7], ['more', null]]);
});

test('what tiles do not add up is refused', () => {
  const custom = { init: () => 0, add: (n: number) => n + 1, merge: (a: number, b: number) => a + b, result: (n: number) => n };
  expect(() => features('f', { of: input, key: input.who, windows: ['1h'], values: { custom: custom as never } })).toThrow(expect.objectContaining({ code: 'HR_AGGREGATE' }));
});
