import { describe, expect, test } from 'vitest';
import { clickHouseSettings } from '../../connectors/clickhouse/clickhouse-settings.js';
import { clickHouseWarehouse } from '../../connectors/clickhouse/clickhouse-warehouse.js';
import type { Warehouse } from '../../dataflow/ports/warehouse.js';
import { BlockWriter } from '../../dataflow/record-block.js';
import { definition, topic } from '../../dataflow/topic.js';
import { copyTopic } from '../../runners/copy-topic.js';
import { memoryRuntime } from '../../runners/testing/index.js';
import { blockOfRecords } from '../../runners/testing/topic-records.js';
import { headrace, workplace } from './commands/headrace-process.js';
import { clickHouseUrl } from '../services/clickhouse-url.js';

const url = await clickHouseUrl();
let tables = 0;

const orders = topic('orders', {
  key: 'id',
  time: 'time',
  value: {
    type: 'record',
    name: 'Order',
    fields: [
      { name: 'id', type: 'string' },
      { name: 'time', type: { type: 'long', logicalType: 'timestamp-millis' } },
      { name: 'amount', type: 'double' },
      { name: 'note', type: ['null', 'string'], default: null },
      { name: 'state', type: { type: 'enum', name: 'State', symbols: ['OPEN', 'PAID'] } },
      { name: 'lines', type: { type: 'array', items: { type: 'record', name: 'Line', fields: [{ name: 'item', type: 'string' }, { name: 'n', type: 'int' }] } } },
      { name: 'first', type: ['null', 'Line'], default: null },
      { name: 'tags', type: { type: 'map', values: 'long' } },
      { name: 'blob', type: 'bytes' },
    ],
  },
});

const order = (i: number) => ({ id: `o${i}`, time: 1_767_571_200_123 + i, amount: i / 3, note: i % 2 === 0 ? null : `it's "${i}"\n\\`, state: i % 3 === 0 ? 'PAID' : 'OPEN', lines: [{ item: 'a', n: i }], first: null, tags: { x: i }, blob: Buffer.from([i & 255]) });

async function topicOf(n: number) {
  const runtime = memoryRuntime();
  const schemaId = await runtime.registry.register('orders-value', JSON.stringify(orders[definition].schema));
  await runtime.log.createTopic('orders', { partitions: 2 });
  const append = async (from: number, to: number) => {
    for (const partition of [0, 1]) {
      const rows = Array.from({ length: to - from }, (_, i) => order(from + i)).filter((_, i) => (from + i) % 2 === partition);
      for (let at = 0; at < rows.length; at += 7) await runtime.log.append([{ topic: 'orders', partition, block: blockOfRecords(rows.slice(at, at + 7), orders[definition], schemaId) }]);
    }
  };
  await append(0, n);
  return { ...runtime, append };
}

async function rowsOf(table: string, select = '*', final = 'FINAL'): Promise<Record<string, unknown>[]> {
  const response = await fetch(`${url}/?output_format_json_quote_64bit_integers=0`, { method: 'POST', body: `SELECT ${select} FROM ${table} ${final} ORDER BY _partition, _offset FORMAT JSONEachRow` });
  expect(response.ok).toBe(true);
  return (await response.text()).split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe.skipIf(url === undefined)('a topic in ClickHouse', () => {
  const setUp = () => ({ warehouse: clickHouseWarehouse(clickHouseSettings({ CLICKHOUSE_URL: url! })!), table: `orders_${process.pid}_${tables++}`, abort: new AbortController().signal, topic: 'orders' });

  test('every value as it was, and what is added later', async () => {
    const { log, registry, append } = await topicOf(40);
    const copy = { ...setUp(), log, registry };
    expect(await copyTopic(copy)).toEqual({ records: 40, unreadable: 0 });
    expect(await copyTopic(copy)).toEqual({ records: 0, unreadable: 0 });
    await append(40, 60);
    expect((await copyTopic(copy)).records).toBe(20);
    const rows = await rowsOf(copy.table);
    expect(rows.length).toBe(60);
    expect(rows.find((r) => r['id'] === 'o33')).toEqual({
      _partition: 1, _offset: 16, _time: '2026-01-05 00:00:00.156', _key: 'o33', id: 'o33', time: '2026-01-05 00:00:00.156', amount: 11, note: 'it\'s "33"\n\\', state: 'PAID', lines: [{ item: 'a', n: 33 }], first: { item: '', n: 0 }, tags: { x: 33 }, blob: 'IQ==',
    });
    await copy.warehouse.close();
  });

  test('cut off after any insert, and started twice at once: each record once', async () => {
    const { log, registry } = await topicOf(60);
    const copy = { ...setUp(), log, registry };
    let inserts = 0;
    const flaky: Warehouse = {
      ...copy.warehouse,
      async insert(...args) {
        await copy.warehouse.insert(...args);
        if (inserts++ % 3 === 2) throw new Error('cut off');
      },
    };
    for (let ended = false; !ended; ) ended = await copyTopic({ ...copy, warehouse: flaky }).then(() => true, () => false);
    expect(inserts).toBeGreaterThan(6);
    const twice = { ...copy, table: `${copy.table}_twice` };
    await Promise.all([copyTopic(twice), copyTopic(twice)]);
    for (const { table } of [copy, twice]) expect((await rowsOf(table, 'id')).map((r) => r['id']).sort()).toEqual(Array.from({ length: 60 }, (_, i) => `o${i}`).sort());
    await copy.warehouse.close();
  });

  test('bytes that are no value are counted and left out; a new field gets its column', async () => {
    const { log, registry } = await topicOf(5);
    const copy = { ...setUp(), log, registry };
    await copyTopic(copy);
    const writer = new BlockWriter();
    writer.append(Buffer.from('k'), Buffer.from('nonsense'), 1);
    writer.append(null, null, 1);
    await log.append([{ topic: 'orders', partition: 0, block: writer.take() }]);
    const { schema } = orders[definition];
    const wider = { ...schema, fields: [...schema.fields, { name: 'coupon', type: 'string', default: 'none' }] };
    const id = await registry.register('orders-value', JSON.stringify(wider));
    await log.append([{ topic: 'orders', partition: 1, block: blockOfRecords([{ ...order(9), coupon: 'SPRING' }], { ...orders[definition], schema: wider } as never, id) }]);
    expect(await copyTopic(copy)).toEqual({ records: 1, unreadable: 2 });
    expect((await rowsOf(copy.table, 'id, coupon')).at(-1)).toEqual({ id: 'o9', coupon: 'SPRING' });
    await copy.warehouse.close();
  });

  test('the command copies a topic of a data directory', async () => {
    const cwd = workplace();
    await headrace(['simulate', '--events', '2000'], { cwd });
    const table = `clicks_${process.pid}`;
    const copied = await headrace(['copy', 'clicks', '--table', table, '--json'], { cwd, env: { CLICKHOUSE_URL: url! } });
    expect(copied.json()).toEqual([{ topic: 'clicks', table, records: 2_000, unreadable: 0 }]);
    expect((await rowsOf(table, 'uniqExact(eventId) AS n, any(_partition) AS _partition, any(_offset) AS _offset'))[0]!['n']).toBe(2_000);
  });
});

test.each([
  [{}, 'Say where to: CLICKHOUSE_URL'],
  [{ CLICKHOUSE_URL: 'ftp://x' }, 'HR_CLICKHOUSE_SETTINGS'],
  [{ CLICKHOUSE_URL: 'http://127.0.0.1:1' }, 'ClickHouse at http://127.0.0.1:1 does not answer'],
])('copy with %o is refused', async (env, message) => {
  const cwd = workplace();
  await headrace(['simulate', '--events', '200'], { cwd });
  const ended = await headrace(['copy', 'clicks'], { cwd, env: { CLICKHOUSE_URL: '', ...env } });
  expect(ended.stderr).toContain(message);
  expect(ended.code).not.toBe(0);
});
