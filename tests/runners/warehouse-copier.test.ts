import { expect, test } from 'vitest';
import { HeadraceError } from '../../dataflow/errors.js';
import { createMetrics } from '../../dataflow/metrics.js';
import type { HeldTopic, Warehouse, WarehouseRecord } from '../../dataflow/ports/warehouse.js';
import { parseRecordSchema } from '../../schemas/avro-schema.js';
import { definition, topic } from '../../dataflow/topic.js';
import { memoryRuntime, virtualClock } from '../../runners/testing/index.js';
import { blockOfRecords } from '../../runners/testing/topic-records.js';
import { openWarehouseCopier } from '../../runners/warehouse-copier.js';

const points = topic('points', { value: { n: 'int' } });
const schema = parseRecordSchema(points[definition].schema);

/** A warehouse in memory; `away` says what happens to a request. */
function someWarehouse(away: () => HeadraceError | undefined = () => undefined) {
  const rows = new Map<string, WarehouseRecord>();
  const seen = { inserts: 0, requests: 0, times: [] as number[] };
  let held: HeldTopic | undefined;
  const ask = () => {
    seen.requests += 1;
    const failure = away();
    if (failure !== undefined) throw failure;
  };
  const warehouse: Warehouse = {
    async prepare() {
      ask();
      return held;
    },
    async claim(_, topicOfTable) {
      held = topicOfTable;
    },
    async positions() {
      ask();
      const next = new Map<number, number>();
      for (const { partition, offset } of rows.values()) next.set(partition, Math.max(next.get(partition) ?? 0, offset + 1));
      return next;
    },
    async insert(_, __, records) {
      ask();
      seen.inserts += 1;
      for (const record of records) rows.set(`${record.partition}/${record.offset}`, record);
    },
    async close() {},
  };
  return { warehouse, rows, seen, values: () => [...rows.values()].map((r) => r.value['n'] as number).sort((a, b) => a - b) };
}

async function setUp({ warehouse }: { readonly warehouse: Warehouse }) {
  const { log, registry } = memoryRuntime();
  const id = await registry.register('points-value', JSON.stringify(points[definition].schema));
  await log.createTopic('points', { partitions: 3 });
  const clock = virtualClock();
  const warnings: string[] = [];
  const metrics = createMetrics();
  const open = () => openWarehouseCopier({ log, registry, warehouse, targets: [{ topic: 'points', table: 'points', schema }], clock, metrics, warn: (_, message) => void warnings.push(message) });
  let n = 0;
  const outputs = (count: number, partition = n % 3) => [{ topic: 'points', partition, block: blockOfRecords(Array.from({ length: count }, () => ({ n: n++ })), points[definition], id) }];
  const copied = () => metrics.snapshot().find((m) => m.name === 'headrace_warehouse_records_total')?.value ?? 0;
  let epoch = 0;
  const commit = (copier: Awaited<ReturnType<typeof open>>, count: number) => copier.log.commit({ pipeline: 'p', epoch: ++epoch, outputs: outputs(count), state: [], positions: [], journal: [] });
  return { log, clock, warnings, open, outputs, commit, copied, written: () => Array.from({ length: n }, (_, i) => i), never: new AbortController().signal };
}
const gone = () => new HeadraceError('HR_WAREHOUSE', 'away');

test('what was there before, what epochs add at most once a second, and what others have written', async () => {
  const store = someWarehouse();
  const { log, clock, open, outputs, commit, written, never, copied } = await setUp(store);
  await log.append(outputs(5));
  const copier = await open();
  await clock.wait(10);
  expect(store.values()).toEqual(written());
  for (let second = 0; second < 20; second++) {
    for (let epoch = 0; epoch < 5; epoch++) {
      await commit(copier, 4);
      await clock.wait(200);
    }
  }
  await clock.wait(1_000);
  expect(store.values()).toEqual(written());
  expect(store.seen.inserts).toBeLessThanOrEqual(22);
  await log.append(outputs(7));
  await clock.wait(31_000);
  expect(store.values()).toEqual(written());
  await commit(copier, 3);
  await copier.drain(never);
  expect(store.values()).toEqual(written());
  expect(copied()).toBe(written().length);
  copier.stop();
});

test('a warehouse that is away, at the start and later, is told and waited for, and nothing is missing', async () => {
  let isAway = true;
  const store = someWarehouse(() => (isAway ? gone() : undefined));
  const { clock, open, commit, written, warnings, never } = await setUp(store);
  const copier = await open();
  expect(warnings[0]).toContain('HR_WAREHOUSE');
  await commit(copier, 10);
  await clock.wait(60_000);
  expect(store.rows.size).toBe(0);
  expect(store.seen.requests).toBeLessThan(40);
  isAway = false;
  await clock.wait(11_000);
  expect(store.values()).toEqual(written());
  isAway = true;
  await commit(copier, 10);
  await clock.wait(5_000);
  let drained = false;
  const drain = copier.drain(never).then(() => (drained = true));
  await clock.wait(30_000);
  expect(drained).toBe(false);
  isAway = false;
  await clock.wait(11_000);
  await drain;
  expect(store.values()).toEqual(written());
  copier.stop();
});

test('a run that is stopped does not wait for a warehouse that is away', async () => {
  const store = someWarehouse(gone);
  const { open, commit } = await setUp(store);
  const copier = await open();
  await commit(copier, 10);
  await copier.drain(AbortSignal.abort());
  copier.stop();
});

test('nor for one that has stopped to answer, before or after the signal', async () => {
  const store = someWarehouse();
  const { open, commit, clock } = await setUp({ warehouse: { ...store.warehouse, insert: () => new Promise(() => undefined) } });
  for (const early of [true, false]) {
    const copier = await open();
    await commit(copier, 10);
    const stop = new AbortController();
    if (early) stop.abort();
    let ended = false;
    const drain = copier.drain(stop.signal).then(() => (ended = true));
    await clock.wait(60_000);
    expect(ended).toBe(early);
    stop.abort();
    await clock.wait(3_100);
    await drain;
    copier.stop();
  }
});

test('what the warehouse refuses stops a run at its start, and its end', async () => {
  let refuses = true;
  const store = someWarehouse(() => (refuses ? new HeadraceError('HR_CLICKHOUSE_QUERY', 'no') : undefined));
  const { open, commit, never } = await setUp(store);
  await expect(open()).rejects.toMatchObject({ code: 'HR_CLICKHOUSE_QUERY' });
  refuses = false;
  const copier = await open();
  await commit(copier, 10);
  refuses = true;
  await expect(copier.drain(never)).rejects.toMatchObject({ code: 'HR_CLICKHOUSE_QUERY' });
  copier.stop();
  refuses = false;
  const other = await setUp(store);
  await expect(other.open()).rejects.toMatchObject({ code: 'HR_WAREHOUSE_TABLE' });
});
