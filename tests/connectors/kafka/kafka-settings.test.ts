import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { kafkaSettings } from '../../../connectors/kafka/kafka-settings.js';
import { temporaryDirectory } from '../embedded/temporary-directory.js';

test('without brokers there are no settings, and defaults are filled in', () => {
  expect(kafkaSettings({})).toBeUndefined();
  expect(kafkaSettings({ KAFKA_BROKERS: ' ' })).toBeUndefined();
  expect(kafkaSettings({ KAFKA_BROKERS: 'a:9092, [::1]:9093' })).toEqual({
    client: 'columnar',
    brokers: [{ host: 'a', port: 9092 }, { host: '::1', port: 9093 }],
    compression: 'none', fetchBytes: 1_048_576, batchBytes: 1_000_000, patienceMs: 120_000, sessionMs: 10_000, standby: 0,
  });
  for (const copies of [0, 2]) expect(kafkaSettings({ KAFKA_BROKERS: 'a:1', KAFKA_STANDBY: String(copies) })!.standby).toBe(copies);
});

test('login and encryption', () => {
  const ca = join(temporaryDirectory(), 'ca.pem');
  writeFileSync(ca, 'a certificate');
  const common = { KAFKA_BROKERS: 'a:1' };
  expect(kafkaSettings({ ...common, KAFKA_TLS_CA: ca, KAFKA_SASL_MECHANISM: 'SCRAM-SHA-512', KAFKA_SASL_USERNAME: 'me', KAFKA_SASL_PASSWORD: 'secret' })).toMatchObject({
    tls: { ca: Buffer.from('a certificate'), rejectUnauthorized: true },
    login: { mechanism: 'SCRAM-SHA-512', username: 'me', password: 'secret' },
  });
  expect(kafkaSettings({ ...common, KAFKA_TLS: '1', KAFKA_TLS_INSECURE: '1' })!.tls).toEqual({ rejectUnauthorized: false });
  expect(kafkaSettings({ ...common, KAFKA_SASL_MECHANISM: 'OAUTHBEARER', KAFKA_SASL_TOKEN: 't' })!.login).toEqual({ mechanism: 'OAUTHBEARER', token: 't' });
});

test.each([
  [{ KAFKA_BROKERS: 'a' }, /KAFKA_BROKERS has "a"; give host:port/],
  [{ KAFKA_BROKERS: 'a:1,b:70000' }, /"b:70000"/],
  [{ KAFKA_SASL_MECHANISM: 'GSSAPI' }, /KAFKA_SASL_MECHANISM is "GSSAPI"; give PLAIN/],
  [{ KAFKA_SASL_MECHANISM: 'PLAIN', KAFKA_SASL_USERNAME: 'me' }, /KAFKA_SASL_PASSWORD is missing/],
  [{ KAFKA_TLS_CERT: '/none.pem' }, /KAFKA_TLS_CERT: \/none\.pem cannot be read/],
  [{ HEADRACE_KAFKA_CLIENT: 'rdkafka' }, /HEADRACE_KAFKA_CLIENT is "rdkafka"; give columnar, kafkajs/],
  [{ KAFKA_COMPRESSION: 'brotli' }, /give none, gzip, snappy, lz4, zstd/],
  [{ KAFKA_PATIENCE_MS: '1s' }, /KAFKA_PATIENCE_MS is "1s"/],
  [{ KAFKA_PATIENCE_MS: '0' }, /KAFKA_PATIENCE_MS is "0"; give a whole number over 0/],
  [{ KAFKA_STANDBY: '-1' }, /KAFKA_STANDBY is "-1"; give a whole number from 0 on/],
])('%j is refused', (env, message) => {
  const refused = () => kafkaSettings({ KAFKA_BROKERS: 'a:1', ...env });
  expect(refused).toThrow(message);
  expect(refused).toThrow(expect.objectContaining({ code: 'HR_KAFKA_SETTINGS' }) as Error);
});
