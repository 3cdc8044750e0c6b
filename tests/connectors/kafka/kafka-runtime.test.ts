import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { type ClusterOptions, createCluster } from '../../../connectors/kafka/cluster.js';
import { columnarClient } from '../../../connectors/kafka/columnar-client.js';
import { changelogTopic, epochsTopic } from '../../../connectors/kafka/internal-topics.js';
import { type KafkaLog, kafkaLog } from '../../../connectors/kafka/kafka-log.js';
import { kafkajsClient } from '../../../connectors/kafka/kafkajs/kafkajs-client.js';
import { kafkajsProducer } from '../../../connectors/kafka/kafkajs/kafkajs-producer.js';
import { loadKafkajs } from '../../../connectors/kafka/kafkajs/load-kafkajs.js';
import { kafkaRegistry } from '../../../connectors/kafka/kafka-registry.js';
import { type KafkaRuntime, openKafka } from '../../../connectors/kafka/kafka-runtime.js';
import { kafkaClients, kafkaSettings } from '../../../connectors/kafka/kafka-settings.js';
import type { EpochCommit, StateWrite } from '../../../dataflow/ports/log-client.js';
import { splitmix } from '../../../dataflow/splitmix.js';
import { blockOf, readAll } from '../../contracts/log-client-contract.js';
import { kafkaBrokers } from '../../services/kafka-brokers.js';
import { temporaryDirectory } from '../embedded/temporary-directory.js';
import { breakingProxy, type Fate } from './breaking-proxy.js';
import { deleteTopics } from './delete-topics.js';

const brokers = await kafkaBrokers();
const settings = kafkaSettings({ KAFKA_BROKERS: brokers ?? 'none:1' })!;
const pipeline = 'runtime-test';
const schemas = 'runtime-schemas';
const clean = () => deleteTopics(brokers!, ['runtime-out', 'runtime-other', schemas], [pipeline]);

const write = (step: string, key: string, value: string | null): StateWrite => ({ step, key: Buffer.from(key), value: value === null ? null : Buffer.from(value) });
const epoch = (n: number, change: Partial<EpochCommit> = {}): EpochCommit => ({ pipeline, epoch: n, outputs: [], state: [], positions: [], journal: [], ...change });
const stateOf = ({ state }: KafkaRuntime) => ['a', 'b'].map((step) => [...state.range(pipeline, step, new Uint8Array(0))].map(({ key, value }) => `${Buffer.from(key)}=${Buffer.from(value)}`));

describe.skipIf(brokers === undefined).each(kafkaClients)('a runtime on Kafka (%s)', (name) => {
  beforeAll(clean);
  afterAll(clean);

  const open = async (dataDir: string, mode: 'read' | 'write' = 'write') => {
    const runtime = await openKafka({ settings: { ...settings, client: name }, dataDir, mode, pipeline });
    onTestFinished(() => runtime.close());
    return runtime;
  };

  test('state is the same from its copy, from an old copy and from none', async () => {
    const [here, there] = [temporaryDirectory(), temporaryDirectory()];
    const first = await open(here);
    expect(stateOf(first)).toEqual([[], []]);
    const random = splitmix(5);
    const expected = new Map<string, string>();
    let last = 0;
    const commit = async (runtime: KafkaRuntime, epochs: number) => {
      for (const to = last + epochs; last < to; ) {
        last += 1;
        const state = Array.from({ length: random.below(8) }, () => write(random.below(2) === 0 ? 'a' : 'b', `k${10 + random.below(20)}`, random.below(4) === 0 ? null : `v${last}`));
        for (const { step, key, value } of state) {
          if (value === null) expected.delete(`${step} ${key}`);
          else expected.set(`${step} ${key}`, `${value}`);
        }
        await runtime.log.commit(epoch(last, { state }));
        runtime.state.refresh();
      }
    };
    const shown = () => ['a', 'b'].map((step) => [...expected].filter(([key]) => key.startsWith(`${step} `)).map(([key, value]) => `${key.slice(2)}=${value}`).sort());
    await commit(first, 12);
    expect(stateOf(first)).toEqual(shown());
    await first.close();

    const second = await open(there);
    expect(stateOf(second)).toEqual(shown());
    await commit(second, 7);
    await second.close();

    const third = await open(here);
    expect(stateOf(third)).toEqual(shown());
    expect(await third.log.committed(pipeline)).toMatchObject({ epoch: 19 });
    // a reader has the copy, and nothing where there is none
    expect(stateOf(await open(here, 'read'))).toEqual(shown());
    expect(stateOf(await open(temporaryDirectory(), 'read'))).toEqual([[], []]);
  });

  test('who opens a pipeline fences the one before, which takes nothing with it', async () => {
    const old = await open(temporaryDirectory());
    await old.log.createTopic('runtime-out', { partitions: 1 });
    const { epoch: at = 0 } = (await old.log.committed(pipeline)) ?? {};
    await old.log.commit(epoch(at + 1));
    const young = await open(temporaryDirectory());
    const outputs = [{ topic: 'runtime-out', partition: 0, block: blockOf([{ key: 'k', value: 'from the zombie', timestamp: 1 }]) }];
    await expect(old.log.commit(epoch(at + 2, { outputs }))).rejects.toMatchObject({ code: 'HR_EPOCH_FENCED' });
    await young.log.commit(epoch(at + 2));
    await expect(old.log.commit(epoch(at + 3, { outputs }))).rejects.toMatchObject({ code: 'HR_EPOCH_FENCED' });
    await young.log.commit(epoch(at + 3));
    expect(await readAll(young.log, 'runtime-out', 0)).toEqual([]);
  });

  test('schemas get one id each, however many processes register at once', async () => {
    const clients = await Promise.all(Array.from({ length: 3 }, async () => {
      const client = name === 'kafkajs' ? await kafkajsClient({ settings }) : columnarClient(createCluster({ settings }));
      onTestFinished(() => client.close());
      return kafkaRegistry(client, { topic: schemas });
    }));
    const texts = Array.from({ length: 4 }, (_, i) => `"schema ${i} of ${schemas} ${process.pid} ${name}"`);
    const ids = await Promise.all(clients.map(async (registry) => {
      const mine = [];
      for (const text of texts) mine.push(await registry.register(`runtime-test-${text}`, text));
      return mine;
    }));
    expect(ids[1]).toEqual(ids[0]);
    expect(ids[2]).toEqual(ids[0]);
    expect(new Set(ids[0]).size).toBe(4);
    for (const [i, id] of ids[0]!.entries()) {
      expect(await clients[2]!.schemaById(id)).toBe(texts[i]);
      expect(await clients[1]!.latest(`runtime-test-${texts[i]}`)).toEqual({ id, schemaText: texts[i] });
    }
    expect(await clients[0]!.schemaById(1_000_000)).toBeUndefined();
    expect(await clients[0]!.latest('runtime-test-none')).toBeUndefined();
  });
});

describe.skipIf(brokers === undefined)('before a proxy that breaks connections', () => {
  afterAll(clean);

  test.each([
    ['columnar, transactions of version 1', async (options: ClusterOptions) => columnarClient(createCluster(options), 1)],
    ['columnar, transactions of version 2', async (options: ClusterOptions) => columnarClient(createCluster(options), 2)],
    ['kafkajs', kafkajsClient],
  ])('requests and answers that are lost: every epoch and append is there once (%s)', async (name, client) => {
    await clean();
    const random = splitmix(name.length);
    const kinds: readonly Fate[] = ['is lost', 'answer is lost', 'answer is late'];
    // Produce, InitProducerId, AddPartitions, AddOffsets, EndTxn, TxnOffsetCommit
    const hit = new Set([0, 22, 24, 25, 26, 28]);
    let faults = 0;
    let on = false;
    const proxy = await breakingProxy(settings.brokers[0]!, (api) => {
      if (!on || !hit.has(api) || random.below(6) !== 0) return 'arrives';
      faults += 1;
      return kinds[random.below(kinds.length)]!;
    });
    onTestFinished(() => proxy.close());
    const log = kafkaLog({ client: await client({ settings, route: ({ host }) => ({ host, port: proxy.port }) }) });
    onTestFinished(() => log.close());
    await log.createTopic('runtime-out', { partitions: 2 });
    await log.createTopic('runtime-other', { partitions: 1 });
    on = true;
    for (let n = 1; n <= 40; n++) {
      const outputs = [0, 1].map((partition) => ({ topic: 'runtime-out', partition, block: blockOf([{ key: null, value: `${n}`, timestamp: n }]) }));
      await log.commit(epoch(n, { outputs, positions: [{ topic: 'runtime-other', partition: 0, offset: n }], state: [write('a', 'k', `${n}`)] }));
      await log.append([{ topic: 'runtime-other', partition: 0, block: blockOf([{ key: null, value: `${n}`, timestamp: n }]) }]);
    }
    on = false;
    const all = Array.from({ length: 40 }, (_, i) => `${i + 1}`);
    for (const [topic, partition] of [['runtime-out', 0], ['runtime-out', 1], ['runtime-other', 0], [epochsTopic(pipeline), 0]] as const) {
      expect((await readAll(log, topic, partition)).map((r) => (topic === epochsTopic(pipeline) ? r.key : r.value)), topic).toEqual(all);
    }
    expect((await readAll(log, changelogTopic(pipeline), 0)).map((r) => r.key)).toEqual(all.map((n) => `${n}/0`));
    expect(await log.committed(pipeline)).toEqual({ epoch: 40, positions: [{ topic: 'runtime-other', partition: 0, offset: 40 }] });
    expect(faults).toBeGreaterThan(20);
  });

  test.each([
    ['columnar', async (options: ClusterOptions) => columnarClient(createCluster(options))],
    ['kafkajs', kafkajsClient],
  ])('who was replaced and does not know what became of its commit leaves the other in peace (%s)', async (_, client) => {
    let isCut = false;
    // the answers to Produce and AddPartitionsToTxn
    const proxy = await breakingProxy(settings.brokers[0]!, (api) => (isCut && (api === 0 || api === 24) ? 'answer is lost' : 'arrives'));
    onTestFinished(() => proxy.close());
    const clients = await Promise.all([client({ settings, route: ({ host }) => ({ host, port: proxy.port }) }), client({ settings })]);
    onTestFinished(async () => void (await Promise.all(clients.map((c) => c.close()))));
    const [old, young] = clients.map((c) => kafkaLog({ client: c })) as [KafkaLog, KafkaLog];
    const { epoch: at = 0 } = (await old.claim(pipeline)).get(0) ?? {};
    await old.commit(epoch(at + 1));
    await young.claim(pipeline);
    isCut = true;
    await expect(old.commit(epoch(at + 2))).rejects.toMatchObject({ code: 'HR_EPOCH_FENCED' });
    await young.commit(epoch(at + 2));
    await young.commit(epoch(at + 3));
  });
});

test.skipIf(brokers === undefined)('kafkajs: epochs that the other client has committed meanwhile are not written again', async () => {
  await clean();
  const [client, other] = [await kafkajsClient({ settings }), columnarClient(createCluster({ settings }))];
  onTestFinished(async () => void (await Promise.all([client.close(), other.close()])));
  const [old, young] = [kafkaLog({ client }), kafkaLog({ client: other })];
  await old.createTopic('runtime-out', { partitions: 1 });
  await old.claim(pipeline);
  const write = (n: number, value: string) => epoch(n, { outputs: [{ topic: 'runtime-out', partition: 0, block: blockOf([{ key: null, value, timestamp: 1 }]) }] });
  await old.commit(write(1, 'old'));
  await young.claim(pipeline);
  await young.commit(write(2, 'young'));
  // the columnar client makes no claim that kafkajs could find
  await expect(old.commit(write(2, 'old'))).rejects.toMatchObject({ code: 'HR_EPOCH_FENCED' });
  expect((await readAll(young, 'runtime-out', 0)).map((r) => r.value)).toEqual(['old', 'young']);
});

test.skipIf(brokers === undefined)('kafkajs: who shuts the owner out before it can know of it gives way, and the owner goes on', async () => {
  const library = await loadKafkajs();
  const client = await kafkajsClient({ settings });
  const cluster = createCluster({ settings });
  onTestFinished(() => cluster.close());
  onTestFinished(() => client.close());
  const topic = 'runtime-out';
  await client.ensureTopic(topic, 1, {});
  let claims: [string, string] = ['none', 'none'];
  let look = async (): Promise<void> => {};
  const producer = () =>
    kafkajsProducer({
      library, settings, cluster: { ...cluster, patiently: (_what, attempt) => attempt() }, transactionalId: `runtime-test-${process.pid}`, reader: client.reader,
      claims: {
        write: async (_id, claim) => void (claims = [claims[1], claim]),
        owner: async () => {
          const seen = claims[1];
          await look();
          return seen;
        },
      },
    });
  const [old, young] = [producer(), producer()];
  onTestFinished(() => void [old, young].map((p) => p.cut()));
  const outputs = [{ topic, partition: 0, block: blockOf([{ key: null, value: 'x', timestamp: 1 }]) }];
  await old.claim();
  await old.commit({ outputs });
  // the old one has looked for its claim when the young one makes its own, and initialises after it
  look = async () => {
    look = async () => {};
    await young.claim();
  };
  old.cut();
  await expect(old.commit({ outputs })).rejects.toMatchObject({ code: 'HR_EPOCH_FENCED' });
  // shut out by the old one: settled, to be written anew
  await expect(young.commit({ outputs })).rejects.toMatchObject({ number: 13 });
  await young.commit({ outputs });
  await expect(old.commit({ outputs })).rejects.toMatchObject({ code: 'HR_EPOCH_FENCED' });
});

test.each(kafkaClients)('where no broker is, it says so after a while (%s)', async (client) => {
  const opening = openKafka({ settings: kafkaSettings({ KAFKA_BROKERS: '127.0.0.1:1', KAFKA_PATIENCE_MS: '200', HEADRACE_KAFKA_CLIENT: client })!, dataDir: temporaryDirectory(), mode: 'read' });
  await expect(opening).rejects.toMatchObject({ code: 'HR_KAFKA_UNREACHABLE', message: expect.stringContaining('127.0.0.1:1') as unknown });
});
