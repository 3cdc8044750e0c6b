/*
 * A broker that is killed (SIGKILL) while epochs are committed, and started again: each epoch is there once. HEADRACE_FAULTS=long kills twenty times.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, describe, expect, test } from 'vitest';
import { openKafka } from '../../connectors/kafka/kafka-runtime.js';
import { kafkaClients, kafkaSettings } from '../../connectors/kafka/kafka-settings.js';
import { splitmix } from '../../dataflow/splitmix.js';
import { blockOf, readAll } from '../contracts/log-client-contract.js';
import { temporaryDirectory } from '../connectors/embedded/temporary-directory.js';
import { kafkaBrokers } from '../services/kafka-brokers.js';
import { kafkaNamed } from '../services/kafka.js';
import { servicesDir, start, stop } from '../services/service.js';

const kills = process.env['HEADRACE_FAULTS'] === 'long' ? 20 : 1;
const available = (await kafkaBrokers()) !== undefined;
const service = kafkaNamed('kafka-that-is-killed');

describe.skipIf(!available)('a broker that is killed', () => {
  afterAll(async () => {
    await stop(service);
    rmSync(join(servicesDir, service.name), { recursive: true, force: true });
  });

  test.each(kafkaClients)('commits go on where they were, and nothing is there twice (%s)', async (client) => {
    const { port } = await start(service);
    const out = `out-${client}`;
    const warnings: string[] = [];
    const { log, close } = await openKafka({ settings: kafkaSettings({ KAFKA_BROKERS: `127.0.0.1:${port}`, HEADRACE_KAFKA_CLIENT: client })!, dataDir: temporaryDirectory(), mode: 'write', pipeline: client, warn: (message) => warnings.push(message) });
    await log.createTopic(out, { partitions: 2 });
    const random = splitmix(11);
    let epoch = 0;
    const commit = async () => {
      epoch += 1;
      const outputs = [0, 1].map((partition) => ({ topic: out, partition, block: blockOf([{ key: null, value: `${epoch}`, timestamp: epoch }]) }));
      await log.commit({ pipeline: client, epoch, outputs, state: [{ step: 's', key: Buffer.from('k'), value: Buffer.from(`${epoch}`) }], positions: [{ topic: out, partition: 0, offset: epoch }], journal: [] });
    };
    for (let kill = 0; kill < kills; kill++) {
      let isBack = false;
      const outage = delay(random.below(60)).then(async () => {
        await stop(service, 'SIGKILL');
        expect((await start(service)).port).toBe(port);
        isBack = true;
      });
      while (!isBack) await commit();
      await outage;
      for (let more = 0; more < 5; more++) await commit();
    }
    const all = Array.from({ length: epoch }, (_, i) => `${i + 1}`);
    for (const partition of [0, 1]) expect((await readAll(log, out, partition)).map((r) => r.value)).toEqual(all);
    expect(await log.committed(client)).toEqual({ epoch, positions: [{ topic: out, partition: 0, offset: epoch }] });
    expect(epoch).toBeGreaterThan(5);
    expect(warnings.every((w) => w.startsWith('Waiting for Kafka'))).toBe(true);
    await close();
  }, 1_200_000);
});
