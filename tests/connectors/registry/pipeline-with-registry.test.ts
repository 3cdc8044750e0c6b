/* A pipeline on Kafka whose schemas are in a registry: what it writes, Confluent's own deserializer reads. */
import { createServer, request as forward } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { openKafka } from '../../../connectors/kafka/kafka-runtime.js';
import { kafkaSettings } from '../../../connectors/kafka/kafka-settings.js';
import { pipeline } from '../../../dataflow/pipeline.js';
import { BlockWriter } from '../../../dataflow/record-block.js';
import { topic } from '../../../dataflow/topic.js';
import { openTopicEncoder } from '../../../dataflow/topic-encoder.js';
import { map } from '../../../operators/map.js';
import { to } from '../../../operators/to.js';
import { runOnKafka } from '../../../runners/run-on-kafka.js';
import { wirePrefix } from '../../../schemas/wire.js';
import { readAll } from '../../contracts/log-client-contract.js';
import { kafkaBrokers } from '../../services/kafka-brokers.js';
import { registryUrl } from '../../services/registry-url.js';
import { temporaryDirectory } from '../embedded/temporary-directory.js';
import { deleteTopics } from '../kafka/delete-topics.js';
import { hasRegistryClient } from './has-registry-client.js';

interface Deserializing {
  readonly SchemaRegistryClient: new (config: object) => object;
  readonly AvroDeserializer: new (client: object, type: 'VALUE', config: object) => { deserialize(topic: string, bytes: Buffer): Promise<unknown> };
}

const library = hasRegistryClient ? (createRequire(import.meta.url)('@confluentinc/schemaregistry') as Deserializing) : undefined;
const [brokers, url] = library === undefined ? [] : [await kafkaBrokers(), await registryUrl()];
const name = `registry-${process.pid}`;
const orders = topic(`${name}-orders`, { key: 'id', time: 'at', value: { id: 'string', amount: 'int', at: 'timestamp' } });
const doubled = topic(`${name}-doubled`, { key: 'id', value: { id: 'string', amount: 'int' } });
const job = pipeline(`${name}-job`, ({ from }) => from(orders).pipe(map(({ id, amount }) => ({ id, amount: 2 * amount })), to(doubled)));

describe.skipIf(brokers === undefined || url === undefined)('a pipeline with a schema registry', () => {
  const kafka = kafkaSettings({ KAFKA_BROKERS: brokers, SCHEMA_REGISTRY_URL: url });
  const clean = () => deleteTopics(brokers!, [`${name}-orders`, `${name}-doubled`, `${name}-orders.dlq`], [`${name}-job`]);
  const open = async () => {
    const runtime = await openKafka({ settings: kafka!, dataDir: temporaryDirectory(), mode: 'read' });
    onTestFinished(() => runtime.close());
    return runtime;
  };
  beforeAll(clean);
  afterAll(clean);

  test('values go out with ids of the registry, and a record of an unknown id is a dead letter', async () => {
    const { log, registry } = await open();
    const encoder = await openTopicEncoder(orders, { log, registry, partitions: 1 });
    for (let i = 0; i < 3; i++) encoder.add({ id: `o${i}`, amount: i, at: 1_790_000_000_000 + i });
    await log.append(encoder.take());
    const writer = new BlockWriter();
    writer.append(Buffer.from('stranger'), Buffer.concat([wirePrefix(2 ** 30), Buffer.from([0])]), 1_790_000_000_004);
    await log.append([{ topic: `${name}-orders`, partition: 0, block: writer.take() }]);
    await runOnKafka(job, { kafka: kafka!, dataDir: temporaryDirectory(), bounded: true });

    const deserializer = new library!.AvroDeserializer(new library!.SchemaRegistryClient({ baseURLs: [url] }), 'VALUE', {});
    const values: unknown[] = [];
    const block = (await log.read(`${name}-doubled`, 0, 0))!;
    for (let row = 0; row < block.count; row++) values.push(await deserializer.deserialize(`${name}-doubled`, Buffer.from(block.bytes.subarray(block.valueOffset[row]!, block.valueOffset[row]! + block.valueLength[row]!))));
    expect(values).toEqual([{ id: 'o0', amount: 0 }, { id: 'o1', amount: 2 }, { id: 'o2', amount: 4 }]);
    const [letter, ...more] = await readAll(log, `${name}-orders.dlq`, 0);
    expect(more).toEqual([]);
    expect(letter!.headers).toContainEqual({ key: 'hr-message', value: `The schema id ${2 ** 30} is not in the registry.` });
  });

  test('a registry that is away when it starts is waited for, and nothing is lost', async () => {
    let failures = 6;
    const server = createServer((request, response) => {
      if (failures-- > 0) return void response.writeHead(503).end();
      const { hostname, port, pathname } = new URL(url!);
      request.pipe(forward({ hostname, port, path: `${pathname}${request.url}`, method: request.method, headers: request.headers }, (answer) => answer.pipe(response.writeHead(answer.statusCode!, answer.headers))));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close().closeAllConnections());
    const before = kafkaSettings({ KAFKA_BROKERS: brokers, SCHEMA_REGISTRY_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}` })!;
    const { log, registry } = await open();
    const encoder = await openTopicEncoder(orders, { log, registry });
    encoder.add({ id: 'later', amount: 21, at: 1_790_000_000_010 });
    await log.append(encoder.take());
    await runOnKafka(job, { kafka: before, dataDir: temporaryDirectory(), bounded: true });
    expect((await readAll(log, `${name}-doubled`, 0)).map((r) => r.key)).toEqual(['o0', 'o1', 'o2', 'later']);
    expect(failures).toBeLessThan(0);
  });

  test('an incompatible schema stops it at the start, in the words of the registry', async () => {
    const { log } = await open();
    const { end } = await log.bounds(`${name}-doubled`, 0);
    const changed = topic(`${name}-doubled`, { key: 'id', value: { id: 'string', amount: 'string' } });
    const other = pipeline(`${name}-job`, ({ from }) => from(orders).pipe(map(({ id, amount }) => ({ id, amount: `${amount}` })), to(changed)));
    await expect(runOnKafka(other, { kafka: kafka!, dataDir: temporaryDirectory(), bounded: true })).rejects.toMatchObject({
      code: 'HR_SCHEMA_INCOMPATIBLE',
      message: expect.stringContaining('reader type: STRING not compatible with writer type: INT') as unknown,
    });
    expect((await log.bounds(`${name}-doubled`, 0)).end).toBe(end);
  });
});
