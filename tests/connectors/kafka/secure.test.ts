import { afterAll, describe, expect, test } from 'vitest';
import { openKafka } from '../../../connectors/kafka/kafka-runtime.js';
import { kafkaClients, kafkaSettings } from '../../../connectors/kafka/kafka-settings.js';
import { blockOf, readAll } from '../../contracts/log-client-contract.js';
import { kafkaBrokers } from '../../services/kafka-brokers.js';
import { certificateOf, kafka, secureKafka } from '../../services/kafka.js';
import { temporaryDirectory } from '../embedded/temporary-directory.js';
import { deleteTopics } from './delete-topics.js';

const brokers = await kafkaBrokers();
const [host, port] = (brokers ?? 'none:1').split(':') as [string, string];
const { username, password, portAbove } = secureKafka;
const secure = `${host}:${Number(port) + portAbove}`;
const login = { KAFKA_SASL_USERNAME: username, KAFKA_SASL_PASSWORD: password };

const open = (client: string, env: Readonly<Record<string, string>>) => openKafka({ settings: kafkaSettings({ KAFKA_PATIENCE_MS: '1500', HEADRACE_KAFKA_CLIENT: client, ...env })!, dataDir: temporaryDirectory(), mode: 'read' });

describe.skipIf(brokers === undefined).each(kafkaClients)('with TLS and logins (%s)', (client) => {
  afterAll(() => deleteTopics(brokers!, ['secure']));

  test.each(['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'])('%s: records are written and read', async (KAFKA_SASL_MECHANISM) => {
    const { log, close } = await open(client, { ...login, KAFKA_BROKERS: secure, KAFKA_TLS_CA: certificateOf(kafka), KAFKA_SASL_MECHANISM });
    await log.createTopic('secure', { partitions: 1 });
    await log.append([{ topic: 'secure', partition: 0, block: blockOf([{ key: null, value: KAFKA_SASL_MECHANISM, timestamp: 1 }]) }]);
    expect((await readAll(log, 'secure', 0)).at(-1)!.value).toBe(KAFKA_SASL_MECHANISM);
    await close();
  });

  test.each([
    ['a wrong password', { KAFKA_BROKERS: secure, KAFKA_TLS_CA: certificateOf(kafka), KAFKA_SASL_MECHANISM: 'SCRAM-SHA-256', KAFKA_SASL_USERNAME: username, KAFKA_SASL_PASSWORD: 'wrong' }, 'HR_KAFKA_DENIED', /login|authentication|password|credentials/i],
    ['a wrong password, plain', { KAFKA_BROKERS: secure, KAFKA_TLS_CA: certificateOf(kafka), KAFKA_SASL_MECHANISM: 'PLAIN', KAFKA_SASL_USERNAME: username, KAFKA_SASL_PASSWORD: 'wrong' }, 'HR_KAFKA_DENIED', /login|authentication|password|credentials/i],
    ['a mechanism that the broker does not have', { ...login, KAFKA_BROKERS: secure, KAFKA_TLS_CA: certificateOf(kafka), KAFKA_SASL_MECHANISM: 'OAUTHBEARER', KAFKA_SASL_TOKEN: 'x' }, 'HR_KAFKA_DENIED', /mechanism/i],
    ['an unknown authority', { ...login, KAFKA_BROKERS: secure, KAFKA_TLS: '1', KAFKA_SASL_MECHANISM: 'PLAIN' }, 'HR_KAFKA_DENIED', /certificate/i],
    ['no TLS where the broker wants it', { ...login, KAFKA_BROKERS: secure, KAFKA_SASL_MECHANISM: 'PLAIN' }, 'HR_KAFKA_UNREACHABLE', /tried for/],
    ['TLS where the broker has none', { ...login, KAFKA_BROKERS: brokers ?? '', KAFKA_TLS: '1', KAFKA_SASL_MECHANISM: 'PLAIN' }, 'HR_KAFKA_UNREACHABLE', /tried for/],
  ] as const)('%s is an error that says so, and no secret is printed', async (_, env, code, message) => {
    const error = await open(client, env).then(
      () => undefined,
      (thrown: { code: string; message: string; format: () => string }) => thrown,
    );
    expect(error).toMatchObject({ code, message: expect.stringMatching(message) as unknown });
    expect(error!.format()).not.toContain(password);
  });
});
