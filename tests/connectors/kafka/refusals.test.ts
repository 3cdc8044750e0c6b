/*
 * What a cluster refuses, and what is not as a pipeline needs it: each is one error with a code that names the place, before or instead of a commit.
 * A broker of its own has ACLs and OAUTHBEARER with tokens that are not signed (RFC 7515, alg none).
 */
import { Kafka, logLevel } from 'kafkajs';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openKafka } from '../../../connectors/kafka/kafka-runtime.js';
import { kafkaClients, type KafkaSettings, kafkaSettings } from '../../../connectors/kafka/kafka-settings.js';
import type { HeadraceError } from '../../../dataflow/errors.js';
import { openTopicEncoder } from '../../../dataflow/topic-encoder.js';
import { keyBy, lookup, map, type Pipeline, pipeline, to, topic } from '../../../index.js';
import { runOnKafka } from '../../../runners/run-on-kafka.js';
import { topicRecords } from '../../../runners/testing/topic-records.js';
import { blockOf, readAll } from '../../contracts/log-client-contract.js';
import { kafkaBrokers } from '../../services/kafka-brokers.js';
import { certificateOf, kafkaNamed, secureKafka } from '../../services/kafka.js';
import { servicesDir, start, stop } from '../../services/service.js';
import { temporaryDirectory } from '../embedded/temporary-directory.js';

const available = (await kafkaBrokers()) !== undefined;
const service = kafkaNamed('kafka-that-refuses', [
  'listener.name.secure.sasl.enabled.mechanisms=PLAIN,OAUTHBEARER',
  'listener.name.secure.oauthbearer.sasl.jaas.config=org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required;',
  'authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer',
  'allow.everyone.if.no.acl.found=true',
  'super.users=User:ANONYMOUS',
]);

/** A token without a signature: who, and for how long from now (seconds). */
function tokenOf(sub: string, seconds: number): string {
  const part = (of: unknown) => Buffer.from(JSON.stringify(of)).toString('base64url');
  const now = Math.floor(Date.now() / 1_000);
  return `${part({ alg: 'none' })}.${part({ sub, iat: now - 10, exp: now + seconds })}.`;
}

const orders = topic('orders', { key: 'id', time: 'time', value: { id: 'string', text: 'string', time: 'timestamp' } });
const copies = topic('copies', { key: 'id', value: { id: 'string', text: 'string' } });
const prices = topic('prices', { key: 'id', time: 'time', value: { id: 'string', price: 'int', time: 'timestamp' } });
const priced = topic('priced', { key: 'id', value: { id: 'string', price: 'int?' } });

const copying = (name: string, size = 1): Pipeline => pipeline(name, ({ from }) => from(orders).pipe(map((o) => ({ id: o.id, text: o.text.repeat(size) })), to(copies)));

describe.skipIf(!available)('what Kafka refuses', () => {
  let plain: KafkaSettings;
  let as: (who: string, seconds?: number) => KafkaSettings;
  let admin: ReturnType<Kafka['admin']>;
  const plainOpen = () => openKafka({ settings: plain, dataDir: 'not used', mode: 'read' });

  beforeAll(async () => {
    const { port } = await start(service);
    plain = kafkaSettings({ KAFKA_BROKERS: `127.0.0.1:${port}` })!;
    as = (who, seconds = 600) =>
      kafkaSettings({ KAFKA_BROKERS: `127.0.0.1:${port + secureKafka.portAbove}`, KAFKA_TLS_CA: certificateOf(service), KAFKA_SASL_MECHANISM: 'OAUTHBEARER', KAFKA_SASL_TOKEN: tokenOf(who, seconds), KAFKA_PATIENCE_MS: '3000' })!;
    admin = new Kafka({ brokers: [`127.0.0.1:${port}`], logLevel: logLevel.NOTHING }).admin();
    await admin.connect();
    const { log, registry, close } = await plainOpen();
    const encoder = await openTopicEncoder(orders, { log, registry, partitions: 2 });
    for (let i = 0; i < 40; i++) encoder.add({ id: `o${i % 8}`, text: 'abcdefgh', time: 1_700_000_000_000 + i });
    await log.append(encoder.take());
    await log.createTopic('copies', { partitions: 2 });
    await close();
  });
  afterAll(async () => {
    await admin?.disconnect();
    await stop(service);
    rmSync(join(servicesDir, service.name), { recursive: true, force: true });
  });

  const run = (definition: Pipeline, kafka: KafkaSettings) => runOnKafka(definition, { kafka, dataDir: temporaryDirectory(), bounded: true });
  const refusal = (running: Promise<unknown>) => running.then(() => undefined, (error: HeadraceError) => ({ code: error.code, text: error.format() }));
  /** Only `owner` may do anything with the topic. */
  const keepFor = (owner: string, resourceName: string, isPrefix = false) =>
    admin.createAcls({ acl: [{ resourceType: 2, resourceName, resourcePatternType: isPrefix ? 4 : 3, principal: `User:${owner}`, host: '*', operation: 2, permissionType: 3 }] });
  const release = (owner: string, resourceName: string, isPrefix = false) =>
    admin.deleteAcls({ filters: [{ resourceType: 2, resourceName, resourcePatternType: isPrefix ? 4 : 3, principal: `User:${owner}`, host: '*', operation: 2, permissionType: 3 }] });

  test.each(kafkaClients)('OAUTHBEARER: a token lets in, one that is over does not, and is not printed (%s)', async (client) => {
    const name = `of-anna-${client}`;
    const { log, close } = await openKafka({ settings: { ...as('anna'), client }, dataDir: temporaryDirectory(), mode: 'read' });
    await log.createTopic(name, { partitions: 1 });
    await log.append([{ topic: name, partition: 0, block: blockOf([{ key: null, value: 'hello', timestamp: 1 }]) }]);
    expect((await readAll(log, name, 0)).map((r) => r.value)).toEqual(['hello']);
    await close();
    const over = { ...as('anna', -5), client };
    const refused = await refusal(openKafka({ settings: over, dataDir: temporaryDirectory(), mode: 'read' }));
    expect(refused).toMatchObject({ code: 'HR_KAFKA_DENIED', text: expect.stringMatching(/authentication|expired|token/i) as unknown });
    expect(refused!.text).not.toContain(over.login!.token);
    expect(await run(copying(name), { ...as('anna'), client })).toMatchObject({ records: 40 });
  });

  test.each(
    kafkaClients.flatMap((client) => [
      [client, 'an input that may not be read', 'orders', false] as const,
      [client, 'an output that may not be written', 'copies', false] as const,
      [client, 'internal topics that may not be made', '_headrace.', true] as const,
    ]),
  )('%s, %s: HR_KAFKA_DENIED names it', async (client, _, name, isPrefix) => {
    await keepFor('somebody', name, isPrefix);
    const refused = await refusal(run(copying(`of-bob-${client}`), { ...as('bob'), client }));
    expect(refused).toMatchObject({ code: 'HR_KAFKA_DENIED', text: expect.stringContaining(name) as unknown });
    await release('somebody', name, isPrefix);
  });

  test.each(kafkaClients)('a record that is larger than its topic takes: HR_RECORD_TOO_LARGE, nothing of its epoch is there, and a run that writes less goes on (%s)', async (client) => {
    const name = `too-large-${client}`;
    const kafka = { ...plain, client };
    const { log, close } = await plainOpen();
    const before = (await Promise.all([0, 1].map((p) => readAll(log, 'copies', p)))).flat().length;
    expect(await refusal(run(copying(name, 400_000), kafka))).toMatchObject({ code: 'HR_RECORD_TOO_LARGE', text: expect.stringContaining('copies') as unknown });
    expect((await Promise.all([0, 1].map((p) => readAll(log, 'copies', p)))).flat()).toHaveLength(before);
    expect(await run(copying(name), kafka)).toMatchObject({ records: 40 });
    await close();
  });

  test('an input that has other partitions than the state: HR_STATE_MISMATCH', async () => {
    const { log, registry, close } = await plainOpen();
    const grown = topic('grown', { key: 'id', time: 'time', value: { id: 'string', price: 'int', time: 'timestamp' } });
    const encoder = await openTopicEncoder(grown, { log, registry, partitions: 2 });
    for (let i = 0; i < 8; i++) encoder.add({ id: `o${i}`, price: i, time: 1_700_000_000_000 });
    await log.append(encoder.take());
    await close();
    const definition = pipeline('of-grown', ({ from }) => from(grown).pipe(map((p) => ({ id: p.id, text: String(p.price) })), to(copies)));
    await run(definition, plain);
    await admin.createPartitions({ topicPartitions: [{ topic: 'grown', count: 3 }] });
    expect(await refusal(run(definition, plain))).toMatchObject({ code: 'HR_STATE_MISMATCH', text: expect.stringMatching(/2 .*3|3 .*2/) as unknown });
  });

  test('inputs that are partitioned unlike one another: records find their partners all the same', async () => {
    const { log, registry, close } = await plainOpen();
    const encoder = await openTopicEncoder(prices, { log, registry, partitions: 3 });
    for (let i = 0; i < 8; i++) encoder.add({ id: `o${i}`, price: i, time: 1_600_000_000_000 });
    await log.append(encoder.take());
    const joining = pipeline('of-prices', ({ from }) =>
      lookup('price', from(orders).pipe(keyBy(orders.id)), from(prices).pipe(keyBy(prices.id)), { columns: { price: prices.price } }).pipe(map((o) => ({ id: o.id, price: o.price })), to(priced as never)),
    );
    expect(await run(joining, plain)).toMatchObject({ records: 48 });
    const found = (await topicRecords(log, registry, 'priced')).map(({ value }) => value as { id: string; price: number });
    expect(found).toHaveLength(40);
    expect(found.every(({ id, price }) => id === `o${price}`)).toBe(true);
    await close();
  });
});

test.each([
  ['a host that there is not', 'no-such-host.invalid:9092', /no-such-host\.invalid/],
  ['a port where nobody listens', '127.0.0.1:1', /127\.0\.0\.1:1/],
])('%s: HR_KAFKA_UNREACHABLE after the patience, with a line while it waits', async (_, address, message) => {
  const settings = kafkaSettings({ KAFKA_BROKERS: address, KAFKA_PATIENCE_MS: '5000' })!;
  const told: string[] = [];
  await expect(openKafka({ settings, dataDir: temporaryDirectory(), mode: 'read', warn: (line) => told.push(line) })).rejects.toMatchObject({ code: 'HR_KAFKA_UNREACHABLE', message: expect.stringMatching(message) as unknown });
  expect(told).toEqual([expect.stringMatching(/^Waiting for Kafka \(the first answer\)/)]);
});
