import { describe, expect, test } from 'vitest';
import { count, ratio, sum } from '../../dataflow/aggregates/index.js';
import { featureSql } from '../../dataflow/features/feature-sql.js';
import { features, type FeatureSet, hourKey, tilesStep } from '../../dataflow/features/features.js';
import { packHour, placeTiles, tilePlaces } from '../../dataflow/features/hour-tiles.js';
import { pipeline } from '../../dataflow/pipeline.js';
import { topic } from '../../dataflow/topic.js';
import { tiles } from '../../operators/tiles.js';
import { toFeatureStore } from '../../operators/to-feature-store.js';
import { checkFeatures } from '../../runners/check-features.js';
import { runPipeline } from '../../runners/testing/index.js';
import { hasChdb } from '../connectors/clickhouse/with-chdb.js';

interface Sale {
  readonly shop: string;
  readonly kind: string;
  readonly price: number;
  readonly at: number;
}

const sales = topic<Sale>('sales', {
  key: 'shop', time: 'at',
  value: {
    type: 'record', name: 'Sale',
    fields: [
      { name: 'shop', type: 'string' },
      { name: 'kind', type: 'string' },
      { name: 'price', type: 'double' },
      { name: 'at', type: { type: 'long', logicalType: 'timestamp-millis' } },
    ],
  },
});
const declared = features('shop', { of: sales, key: sales.shop, windows: ['1h', '24h'], values: { n: count(), kinds: count().by(sales.kind), sold: sum(sales.price), mean: ratio(sum(sales.price), count()) } });
const set = declared as unknown as FeatureSet;
const job = pipeline('shops', ({ from }) => from(sales).pipe(tiles(declared), toFeatureStore(declared)));
const start = Date.parse('2026-03-01T00:00:00Z');
const minute = 60_000;
const sale = (shop: string, at: number, price = 1, kind = 'a'): Sale => ({ shop, kind, price, at: start + at * minute });
const run = (rows: readonly Sale[], more: Parameters<typeof runPipeline>[1] = {}) => runPipeline(job, { inputs: { sales: rows }, partitions: 2, ...more });

describe.skipIf(!hasChdb)('the check of features', () => {
  const rows = [sale('s1', 0, 0.1), sale('s1', 10, 0.2, 'b'), sale('s2', 20, 5), sale('s2', 61, 7), sale('s3', 130, 1)];

  test('counts values that differ, are missing and are too many', async () => {
    const { runtime } = await run(rows);
    const before = await checkFeatures(set, { runtime, pipeline: 'shops', times: [start + 60 * minute] });
    expect(before).toMatchObject({ equal: true, entities: 3, records: 5, times: [start + 60 * minute], differences: [] });

    const taskOf = (shop: string) => runtime.state.tasks('shops').find((task) => runtime.state.of(task).get('shops', tilesStep(set), hourKey(Buffer.from(shop), start)) !== undefined) ?? 0;
    const places = tilePlaces();
    const stored = (shop: string) => runtime.state.get('shops', tilesStep(set), hourKey(Buffer.from(shop), start));
    const tile = (shop: string, at: number) => {
      placeTiles(stored(shop), places);
      return stored(shop)!.slice(places.from[at / 5], places.to[at / 5]);
    };
    /** The hour of a shop as these tiles, by their minute, with that of the hour where there are several. */
    const hour = (shop: string, tiles: Readonly<Record<number, Uint8Array>>, sum?: Uint8Array) => {
      const panes: Uint8Array[] = [];
      for (const [at, bytes] of Object.entries(tiles)) panes[Number(at) / 5] = bytes;
      return { task: taskOf(shop), step: tilesStep(set), key: hourKey(Buffer.from(shop), start), value: packHour(undefined, tilePlaces(), panes, sum) };
    };
    // s1 lost its first tile, s2 has the first one twice (its kinds too), and s4 has one that nobody sold.
    const [ofS1, ofS2] = [tile('s1', 10), tile('s2', 20)];
    runtime.writeState('shops', [hour('s1', { 10: ofS1 }), hour('s2', { 20: ofS2, 40: ofS2 }, ofS2), hour('s4', { 10: ofS1 })]);
    const after = await checkFeatures(set, { runtime, pipeline: 'shops', times: [start + 60 * minute] });
    expect(after.equal).toBe(false);
    expect(after.entities).toBe(4);
    const of = (feature: string) => after.features.find((f) => f.feature === feature);
    expect(of('n_1h')).toMatchObject({ compared: 4, mismatch: 3, missing: 0, extra: 0 });
    expect(of('kinds_1h{}')).toMatchObject({ compared: 2, mismatch: 1, missing: 1, extra: 1 });
    expect(of('mean_1h')).toMatchObject({ compared: 2, mismatch: 1, missing: 0, extra: 1 });
    // |1 - 2| of 1.5, |2 - 1| of 1.5, |1 - 0| of 0.5, and s3 has none.
    expect(of('n_1h')!.smape).toBeCloseTo((1 / 1.5 + 1 / 1.5 + 2) / 4, 12);
    expect(after.differences).toContainEqual({ entity: 's1', at: start + 60 * minute, feature: 'n_1h', stream: 1, sql: 2 });
    expect(after.differences).toContainEqual({ entity: 's1', at: start + 60 * minute, feature: 'kinds_1h{a}', stream: null, sql: 1 });
  });

  test('another definition in SQL does not pass', async () => {
    const { runtime } = await run(rows);
    const other = { ...set, of: sales.where(sales.price.over(0.15)) as unknown as FeatureSet['of'] };
    const result = await checkFeatures(other, { runtime, pipeline: 'shops', times: { count: 20, seed: 1 } });
    expect(result.equal).toBe(false);
  });

  test('a sample is the same entities at every time, and the same seed gives the same times', async () => {
    const { runtime } = await run(Array.from({ length: 400 }, (_, i) => sale(`s${i % 200}`, i)));
    const check = (share: number, seed: number) => checkFeatures(set, { runtime, pipeline: 'shops', share, times: { count: 5, seed } });
    const [a, b, c] = [await check(0.2, 7), await check(0.2, 7), await check(0.2, 8)];
    expect(a.times).toEqual(b.times);
    expect(a.times).not.toEqual(c.times);
    expect(a.entities).toBe(b.entities);
    expect(a.entities).toBeGreaterThan(20);
    expect(a.entities).toBeLessThan(70);
    expect([a.equal, b.equal, c.equal]).toEqual([true, true, true]);
    expect(a.records).toBe(400);
  });

  test('records that the pipeline has not taken yet are not counted, bad ones neither', async () => {
    const { runtime } = await run([...rows, sale('s1', 1e9)]);
    await run([sale('s1', 30)], { runtime });
    const { log } = runtime;
    const taken = (await log.committed('shops'))!.positions.find((p) => p.partition === 0)!.offset;
    const ahead = { ...runtime, log: { ...log, committed: async () => ({ epoch: 1, positions: [0, 1].map((partition) => ({ topic: 'sales', partition, offset: partition === 0 ? taken - 1 : 0 })) }) } };
    expect((await checkFeatures(set, { runtime, pipeline: 'shops' })).equal).toBe(true);
    expect((await checkFeatures(set, { runtime: ahead, pipeline: 'shops', times: [start + 60 * minute] })).equal).toBe(false);
  });

  test('windows of which retention has deleted records cannot be checked', async () => {
    const { runtime } = await run(rows);
    const { log } = runtime;
    const bounds = async (name: string, partition: number) => ({ ...(await log.bounds(name, partition)), start: 1 });
    const cut = { ...runtime, log: { ...log, bounds } };
    await expect(checkFeatures(set, { runtime: cut, pipeline: 'shops', times: [start + 60 * minute] })).rejects.toMatchObject({ code: 'HR_OFFSET_GONE' });
    expect((await checkFeatures(set, { runtime: cut, pipeline: 'shops', times: [start + 3 * 24 * 60 * minute] })).equal).toBe(true);
  });

  test('where the event time is no field, the timestamp of the record is a column', async () => {
    const plain = topic('plain', { key: 'shop', value: { shop: 'string', n: 'int?' } });
    const ofPlain = features('plain', { of: plain, key: plain.shop, windows: ['1h', '24h'], values: { n: count(), sum: sum(plain.n), kinds: count().by(plain.shop) } });
    const { runtime } = await runPipeline(pipeline('plains', ({ from }) => from(plain).pipe(tiles(ofPlain), toFeatureStore(ofPlain))), {
      inputs: { plain: Array.from({ length: 50 }, (_, i) => ({ shop: `s${i % 3}`, n: i % 4 === 0 ? null : i, timestamp: start + i * 7 * minute })) },
    });
    const result = await checkFeatures(ofPlain, { runtime, pipeline: 'plains', times: { count: 10, seed: 1 } });
    expect(result).toMatchObject({ equal: true, records: 50, entities: 3 });
    expect(result.features.find((f) => f.feature === 'sum_24h')).toMatchObject({ compared: 30 });
    expect(featureSql(ofPlain, { at: start }).columns).toMatchObject({ _timestamp_ms: "DateTime64(3, 'UTC')" });
  });

  test('more groups than a step tells apart cannot be compared', async () => {
    const { runtime } = await run(Array.from({ length: 10_002 }, (_, i) => sale('s1', 0, 1, `kind ${i}`)));
    await expect(checkFeatures(set, { runtime, pipeline: 'shops' })).rejects.toMatchObject({ code: 'HR_FEATURE_SQL', message: expect.stringContaining('~other') as string });
  });
});

test('a table may have another name, and times are rounded down to the pane', () => {
  const { text, columns } = featureSql(set, { at: start + 7 * minute, table: 'db`x' });
  expect(text).toContain('FROM `db\\`x`');
  expect(text).toContain("toDateTime64('2026-03-01 00:05:00.000', 3, 'UTC') AS as_of");
  expect(text).toContain("toDateTime64('2026-02-28 23:05:00.000', 3, 'UTC') AS from_1h");
  expect(text).toContain("toDateTime64('2026-02-28 00:00:00.000', 3, 'UTC') AS from_24h");
  expect(columns).toEqual({ shop: 'String', at: "DateTime64(3, 'UTC')", kind: 'String', price: 'Float64' });
});
