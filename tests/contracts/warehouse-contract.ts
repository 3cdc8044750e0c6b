import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type SqlSession, sqlWarehouse } from '../../connectors/clickhouse/sql-warehouse.js';
import type { Warehouse } from '../../dataflow/ports/warehouse.js';
import { BlockWriter } from '../../dataflow/record-block.js';
import { definition, topic } from '../../dataflow/topic.js';
import { copyTopic } from '../../runners/copy-topic.js';
import { memoryRuntime } from '../../runners/testing/index.js';
import { blockOfRecords } from '../../runners/testing/topic-records.js';

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
      { name: 'big', type: 'long' },
      { name: 'note', type: ['null', 'string'], default: null },
      { name: 'state', type: { type: 'enum', name: 'State', symbols: ['OPEN', 'PAID'] } },
      { name: 'lines', type: { type: 'array', items: { type: 'record', name: 'Line', fields: [{ name: 'item', type: 'string' }, { name: 'n', type: 'int' }] } } },
      { name: 'first', type: ['null', 'Line'], default: null },
      { name: 'tags', type: { type: 'map', values: 'long' } },
      { name: 'blob', type: 'bytes' },
    ],
  },
});

const order = (i: number) => ({ id: `o${i}`, time: 1_767_571_200_123 + i, amount: i / 3, big: 2 ** 52 - i, note: i % 2 === 0 ? null : `it's {x:Int8} "${i}"\n\\ ✓`, state: i % 3 === 0 ? 'PAID' : 'OPEN', lines: [{ item: 'a', n: i }], first: null, tags: { x: i }, blob: Buffer.from([i & 255]) });

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

/** What every ClickHouse has to do with the records of topics. */
export function warehouseContract(name: string, open: () => Promise<SqlSession>): void {
  describe(name, () => {
    let session: SqlSession;
    let warehouse: Warehouse;
    let tables = 0;
    beforeAll(async () => {
      session = await open();
      warehouse = sqlWarehouse(session);
    });
    afterAll(() => warehouse.close());
    const setUp = () => ({ warehouse, table: `orders_${process.pid}_${tables++}`, abort: new AbortController().signal, topic: 'orders' });
    const rowsOf = (table: string, select = '*') => session.rows(`SELECT ${select} FROM ${table} FINAL ORDER BY _partition, _offset SETTINGS output_format_json_quote_64bit_integers = 0`);

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
        _partition: 1, _offset: 16, _time: '2026-01-05 00:00:00.156', _key: 'o33', id: 'o33', time: '2026-01-05 00:00:00.156', amount: 11, big: 2 ** 52 - 33, note: 'it\'s {x:Int8} "33"\n\\ ✓', state: 'PAID', lines: [{ item: 'a', n: 33 }], first: { item: '', n: 0 }, tags: { x: 33 }, blob: 'IQ==',
      });
    });

    test('cut off after any insert, and started twice at once: each record once', async () => {
      const { log, registry, append } = await topicOf(60);
      const copy = { ...setUp(), log, registry };
      let inserts = 0;
      const flaky: Warehouse = {
        ...warehouse,
        async insert(...args) {
          const before = inserts++ % 3 === 1;
          if (before) throw new Error('cut off');
          await warehouse.insert(...args);
          if (inserts % 3 === 0) throw new Error('cut off');
        },
      };
      for (let to = 60, ended = false; !ended; to += 10) {
        ended = await copyTopic({ ...copy, warehouse: flaky }).then(() => to >= 120, () => false);
        if (to < 120) await append(to, to + 10);
      }
      expect(inserts).toBeGreaterThan(6);
      const twice = { ...copy, table: `${copy.table}_twice` };
      await warehouse.prepare(twice.table, { type: 'record', name: 'Order', fields: [] });
      await Promise.all([copyTopic(twice), copyTopic(twice)]);
      const end = (await log.bounds('orders', 0)).end * 2;
      for (const { table } of [copy, twice]) expect((await rowsOf(table, 'id')).map((r) => r['id']).sort()).toEqual(Array.from({ length: end }, (_, i) => `o${i}`).sort());
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
    });

    test('a table that holds another topic, or one of this name that is gone, is refused', async () => {
      const { log, registry } = await topicOf(5);
      const copy = { ...setUp(), log, registry };
      await copyTopic(copy);
      const anew = await topicOf(50);
      await expect(copyTopic({ ...copy, ...anew })).rejects.toMatchObject({ code: 'HR_WAREHOUSE_TABLE' });
      await registry.register('others-value', JSON.stringify(orders[definition].schema));
      await log.createTopic('others', { partitions: 1 });
      await expect(copyTopic({ ...copy, topic: 'others' })).rejects.toMatchObject({ code: 'HR_WAREHOUSE_TABLE' });
      // A log that cannot tell: the table is ahead of it.
      const { identity: _, ...untold } = anew.log;
      const ahead = { ...setUp(), log: untold, registry: anew.registry };
      await copyTopic(ahead);
      const { identity: __, ...short } = (await topicOf(6)).log;
      await expect(copyTopic({ ...ahead, log: short })).rejects.toMatchObject({ code: 'HR_WAREHOUSE_TABLE' });
    });

    test('a table of another make is refused in the words of ClickHouse', async () => {
      const { log, registry } = await topicOf(5);
      const copy = { ...setUp(), log, registry };
      await session.run(`CREATE TABLE ${copy.table} (id String) ENGINE = MergeTree ORDER BY id`);
      await expect(copyTopic(copy)).rejects.toMatchObject({ code: 'HR_CLICKHOUSE_QUERY' });
    });
  });
}
