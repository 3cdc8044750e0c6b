/* What either client of Headrace writes to Kafka, the other, kafkajs by itself and Apache's own console tools read; and the other way round. */
import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { CompressionTypes, Kafka, logLevel, type RecordMetadata } from 'kafkajs';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { compressions } from '../../../connectors/kafka/records/compression.js';
import { openKafka } from '../../../connectors/kafka/kafka-runtime.js';
import { kafkaClients, kafkaSettings } from '../../../connectors/kafka/kafka-settings.js';
import { blockOf, readAll, type TestRecord } from '../../contracts/log-client-contract.js';
import { kafkaBrokers } from '../../services/kafka-brokers.js';
import { kafkaClassPath } from '../../services/kafka.js';
import { temporaryDirectory } from '../embedded/temporary-directory.js';
import { deleteTopics } from './delete-topics.js';

const brokers = await kafkaBrokers();
const topicOf = (client: string, compression: string) => `interop-${client}-${compression}`;
const written = kafkaClients.flatMap((client) => compressions.map((compression) => topicOf(client, compression)));
const topics = [...written, 'interop-theirs'];
const records: readonly TestRecord[] = [
  { key: 'k', value: 'v', timestamp: 1_790_000_000_000 },
  { key: null, value: 'no key', timestamp: 1_790_000_000_005, headers: [{ key: 'a', value: '1' }, { key: 'ключ', value: '' }] },
  { key: 'tombstone', value: null, timestamp: 1_789_999_999_999 },
  ...Array.from({ length: 300 }, (_, i) => ({ key: `key-${i}`, value: `value ${i} ${'x'.repeat(i)}`, timestamp: 1_790_000_000_000 + i })),
];
/** More than a broker takes, however it is packed. */
const incompressible = randomBytes(1_600_000).toString('base64');
const asText = ({ key, value }: TestRecord) => `${key} ${value}`;

describe.skipIf(brokers === undefined)('interoperability', () => {
  const clean = () => deleteTopics(brokers!, topics);
  beforeAll(clean);
  afterAll(clean);
  const ours = async (client: (typeof kafkaClients)[number], compression = 'none') => {
    const { log, close } = await openKafka({ settings: kafkaSettings({ KAFKA_BROKERS: brokers, HEADRACE_KAFKA_CLIENT: client, KAFKA_COMPRESSION: compression, KAFKA_BATCH_BYTES: '20000' })!, dataDir: temporaryDirectory(), mode: 'read' });
    onTestFinished(close);
    return log;
  };
  const asWritten = ({ key, value, timestamp, headers }: TestRecord): TestRecord => ({ key, value, timestamp, ...(headers === undefined ? {} : { headers }) });
  const theirs = () => new Kafka({ brokers: brokers!.split(','), logLevel: logLevel.NOTHING, retry: { initialRetryTime: 20 } });
  const java = ['-Xmx128m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-cp', kafkaClassPath];

  test('what is written in each compression both clients read, the console consumer and kafkajs by itself; what was aborted none of them', async () => {
    for (const client of kafkaClients) {
      for (const compression of compressions) {
        const log = await ours(client, compression);
        const topic = topicOf(client, compression);
        await log.createTopic(topic, { partitions: 1 });
        await log.append([{ topic, partition: 0, block: blockOf(records) }]);
        // the first is written when the second is refused
        const unwanted = [{ key: null, value: 'aborted', timestamp: 1 }];
        await expect(log.append([{ topic, partition: 0, block: blockOf([...unwanted, { key: null, value: incompressible, timestamp: 1 }]) }])).rejects.toMatchObject({ code: 'HR_RECORD_TOO_LARGE' });
        await log.append([{ topic, partition: 0, block: blockOf(records.slice(0, 1)) }]);
      }
    }
    const expected = [...records, records[0]!];
    for (const client of kafkaClients) {
      const log = await ours(client);
      for (const topic of written) {
        const read = await readAll(log, topic, 0);
        expect(read.map(asWritten), `${topic} by ${client}`).toEqual(expected);
        // a commit, what was aborted, its end
        expect(read.at(-1)!.offset - read.at(-2)!.offset).toBeGreaterThanOrEqual(4);
      }
    }

    const consumer = ['org.apache.kafka.tools.consumer.ConsoleConsumer', '--bootstrap-server', brokers!, '--include', `interop-(${kafkaClients.join('|')})-(${compressions.join('|')})`, '--from-beginning', '--isolation-level', 'read_committed'];
    const format = ['--formatter-property', 'print.key=true', '--formatter-property', 'key.separator= ', '--formatter-property', 'print.timestamp=true', '--formatter-property', 'print.headers=true', '--max-messages', String(expected.length * written.length), '--timeout-ms', '30000'];
    const { stdout } = await promisify(execFile)('java', [...java, ...consumer, ...format], { maxBuffer: 1 << 26 });
    const asPrinted = ({ key, value, timestamp, headers }: TestRecord) => `CreateTime:${timestamp} ${headers?.map((h) => `${h.key}:${h.value}`).join(',') ?? 'NO_HEADERS'} ${key} ${value}`;
    expect(stdout.trimEnd().split('\n').sort()).toEqual(written.flatMap(() => expected.map(asPrinted)).sort());

    const reader = theirs().consumer({ groupId: `interop-${process.pid}-${Date.now()}` });
    onTestFinished(() => reader.disconnect());
    await reader.connect();
    await reader.subscribe({ topics: written, fromBeginning: true });
    const got = new Map<string, TestRecord[]>(written.map((topic) => [topic, []]));
    await new Promise<void>((resolve, reject) => {
      reader
        .run({
          eachMessage: async ({ topic, message: { key, value, timestamp, headers } }) => {
            const named = Object.entries(headers ?? {}).map(([name, v]) => ({ key: name, value: String(v) }));
            got.get(topic)!.push({ key: key === null ? null : key.toString(), value: value === null ? null : value.toString(), timestamp: Number(timestamp), ...(named.length === 0 ? {} : { headers: named }) });
            if ([...got.values()].every((list) => list.length >= expected.length)) resolve();
          },
        })
        .catch(reject);
    });
    for (const topic of written) expect(got.get(topic), topic).toEqual(expected);
  }, 120_000);

  test('what kafkajs and the console producer write is read, aborted transactions left out', async () => {
    const logs = await Promise.all(kafkaClients.map((client) => ours(client)));
    await logs[0]!.createTopic('interop-theirs', { partitions: 1 });
    const producer = theirs().producer({ transactionalId: `interop-${process.pid}-${Date.now()}`, idempotent: true, maxInFlightRequests: 1 });
    onTestFinished(() => producer.disconnect());
    await producer.connect();
    const send = (sender: { send: typeof producer.send }, value: string, compression = CompressionTypes.None): Promise<RecordMetadata[]> =>
      sender.send({ topic: 'interop-theirs', compression, messages: [{ key: 'k', value, timestamp: '1790000000001', headers: { h: 'x' } }, { key: null, value: null, timestamp: '1790000000002' }] });
    // what looks like the end of an aborted transaction is a record
    const misleading = await producer.transaction();
    await misleading.send({ topic: 'interop-theirs', messages: [{ key: Buffer.alloc(4), value: 'aborted' }, { key: 'k', value: 'aborted' }] });
    await misleading.abort();
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
    const read = await Promise.all(logs.map(async (log) => (await readAll(log, 'interop-theirs', 0)).map(asWritten)));
    expect(read[1]).toEqual(read[0]);
    expect(read[0]!.slice(0, 8)).toEqual(['first', 'first packed', 'second', 'second packed'].flatMap(both));
    expect(read[0]!.slice(8).map(asText)).toEqual(['snappy', 'lz4', 'zstd'].flatMap((codec) => Array.from({ length: 50 }, (_, i) => `${codec}-${i} ${'value '.repeat(i + 1)}`)));
  }, 120_000);
});
