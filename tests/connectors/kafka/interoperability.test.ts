/* What Headrace writes to Kafka, kafkajs and Apache's own console tools read, and the other way round. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { CompressionTypes, Kafka, logLevel, type RecordMetadata } from 'kafkajs';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { compressions } from '../../../connectors/kafka/compression.js';
import { createCluster } from '../../../connectors/kafka/cluster.js';
import { columnarClient } from '../../../connectors/kafka/columnar-client.js';
import { kafkaLog } from '../../../connectors/kafka/kafka-log.js';
import { kafkaSettings } from '../../../connectors/kafka/kafka-settings.js';
import { loadZstd } from '../../../connectors/kafka/zstd.js';
import { blockOf, readAll, type TestRecord } from '../../contracts/log-client-contract.js';
import { kafkaBrokers } from '../../services/kafka-brokers.js';
import { kafkaClassPath } from '../../services/kafka.js';
import { deleteTopics } from './delete-topics.js';

const brokers = await kafkaBrokers();
const topics = [...compressions.map((c) => `interop-${c}`), 'interop-theirs'];
const records: readonly TestRecord[] = [
  { key: 'k', value: 'v', timestamp: 1_790_000_000_000 },
  { key: null, value: 'no key', timestamp: 1_790_000_000_005, headers: [{ key: 'a', value: '1' }, { key: 'ключ', value: '' }] },
  { key: 'tombstone', value: null, timestamp: 1_789_999_999_999 },
  ...Array.from({ length: 300 }, (_, i) => ({ key: `key-${i}`, value: `value ${i} ${'x'.repeat(i)}`, timestamp: 1_790_000_000_000 + i })),
];
const asText = ({ key, value }: TestRecord) => `${key} ${value}`;

describe.skipIf(brokers === undefined)('interoperability', () => {
  const clean = () => deleteTopics(brokers!, topics);
  beforeAll(async () => {
    await loadZstd();
    await clean();
  });
  afterAll(clean);
  const ours = (compression: string) => {
    const log = kafkaLog({ client: columnarClient(createCluster({ settings: kafkaSettings({ KAFKA_BROKERS: brokers, KAFKA_COMPRESSION: compression, KAFKA_BATCH_BYTES: '20000' })! })) });
    onTestFinished(() => log.close());
    return log;
  };
  const theirs = () => new Kafka({ brokers: brokers!.split(','), logLevel: logLevel.NOTHING, retry: { initialRetryTime: 20 } });
  const java = ['-Xmx128m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-cp', kafkaClassPath];

  test('what is written in each compression, the console consumer reads; kafkajs as well where it can unpack it', async () => {
    for (const compression of compressions) {
      const log = ours(compression);
      await log.createTopic(`interop-${compression}`, { partitions: 1 });
      await log.append([{ topic: `interop-${compression}`, partition: 0, block: blockOf(records) }]);
    }
    const consumer = ['org.apache.kafka.tools.consumer.ConsoleConsumer', '--bootstrap-server', brokers!, '--include', `interop-(${compressions.join('|')})`, '--from-beginning', '--isolation-level', 'read_committed'];
    const format = ['--formatter-property', 'print.key=true', '--formatter-property', 'key.separator= ', '--max-messages', String(records.length * compressions.length), '--timeout-ms', '30000'];
    const { stdout } = await promisify(execFile)('java', [...java, ...consumer, ...format], { maxBuffer: 1 << 26 });
    const read = stdout.trimEnd().split('\n').sort();
    expect(read).toEqual(compressions.flatMap(() => records.map(asText)).sort());

    const reader = theirs().consumer({ groupId: `interop-${process.pid}-${Date.now()}` });
    onTestFinished(() => reader.disconnect());
    await reader.connect();
    await reader.subscribe({ topics: ['interop-none', 'interop-gzip'], fromBeginning: true });
    const got: Record<string, TestRecord[]> = { 'interop-none': [], 'interop-gzip': [] };
    await new Promise<void>((resolve, reject) => {
      reader
        .run({
          eachMessage: async ({ topic, message: { key, value, timestamp, headers } }) => {
            const named = Object.entries(headers ?? {}).map(([name, v]) => ({ key: name, value: String(v) }));
            got[topic]!.push({ key: key === null ? null : key.toString(), value: value === null ? null : value.toString(), timestamp: Number(timestamp), ...(named.length === 0 ? {} : { headers: named }) });
            if (Object.values(got).every((list) => list.length >= records.length)) resolve();
          },
        })
        .catch(reject);
    });
    expect(got['interop-none']).toEqual(records);
    expect(got['interop-gzip']).toEqual(records);
  }, 120_000);

  test('what kafkajs and the console producer write is read, aborted transactions left out', async () => {
    const log = ours('none');
    await log.createTopic('interop-theirs', { partitions: 1 });
    const producer = theirs().producer({ transactionalId: `interop-${process.pid}-${Date.now()}`, idempotent: true, maxInFlightRequests: 1 });
    onTestFinished(() => producer.disconnect());
    await producer.connect();
    const send = (sender: { send: typeof producer.send }, value: string, compression = CompressionTypes.None): Promise<RecordMetadata[]> =>
      sender.send({ topic: 'interop-theirs', compression, messages: [{ key: 'k', value, timestamp: '1790000000001', headers: { h: 'x' } }, { key: null, value: null, timestamp: '1790000000002' }] });
    for (const [value, commit] of [['first', true], ['aborted', false], ['second', true], ['aborted too', false]] as const) {
      const transaction = await producer.transaction();
      await send(transaction, value);
      await send(transaction, `${value} packed`, CompressionTypes.GZIP);
      await (commit ? transaction.commit() : transaction.abort());
    }
    for (const codec of ['snappy', 'lz4', 'zstd']) {
      const child = spawn('java', [...java, 'org.apache.kafka.tools.ConsoleProducer', '--bootstrap-server', brokers!, '--topic', 'interop-theirs', '--compression-codec', codec, '--reader-property', 'parse.key=true', '--reader-property', 'key.separator=|'], { stdio: ['pipe', 'ignore', 'inherit'] });
      child.stdin.end(Array.from({ length: 50 }, (_, i) => `${codec}-${i}|${'value '.repeat(i + 1)}\n`).join(''));
      expect((await once(child, 'close'))[0]).toBe(0);
    }
    const nothing = { key: null, value: null, timestamp: 1_790_000_000_002 };
    const both = (value: string) => [{ key: 'k', value, timestamp: 1_790_000_000_001, headers: [{ key: 'h', value: 'x' }] }, nothing];
    const read = (await readAll(log, 'interop-theirs', 0)).map(({ offset: _offset, headers, ...record }) => (headers === undefined ? record : { ...record, headers }));
    expect(read.slice(0, 8)).toEqual(['first', 'first packed', 'second', 'second packed'].flatMap(both));
    expect(read.slice(8).map(asText)).toEqual(['snappy', 'lz4', 'zstd'].flatMap((codec) => Array.from({ length: 50 }, (_, i) => `${codec}-${i} ${'value '.repeat(i + 1)}`)));
  }, 120_000);
});
