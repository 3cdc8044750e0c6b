import { describe, expect, test } from 'vitest';
import { createCluster, type Cluster } from '../../../connectors/kafka/cluster.js';
import { encodeRecords } from '../../../connectors/kafka/records/encode-records.js';
import { brokerErrorOf } from '../../../connectors/kafka/kafka-errors.js';
import { kafkaSettings } from '../../../connectors/kafka/kafka-settings.js';
import { produceRequest } from '../../../connectors/kafka/protocol/record-requests.js';
import { keptFor, topicAdmin } from '../../../connectors/kafka/topic-admin.js';
import { addPartitionsRequest, endTransactionRequest, initProducerRequest, type ProducerIdentity } from '../../../connectors/kafka/protocol/transaction-requests.js';
import { BlockWriter } from '../../../dataflow/record-block.js';
import { kafkaBrokers } from '../../services/kafka-brokers.js';
import { calm, drawFate } from '../faults.js';
import { simulatedNetwork } from '../simulated-network.js';
import { simulatedProcess } from '../simulated-process.js';
import { simulatedTime } from '../simulated-time.js';
import { brokerReleases } from './broker-traits.js';
import { simulatedBrokers } from './simulated-brokers.js';

/** What brokers answer to producers that go on after errors, come back as zombies and ask twice: epochs, or the number of the error. */
async function probe(cluster: Cluster, version: 1 | 2, topic: string): Promise<string[]> {
  const said: string[] = [];
  const id = `${topic}-${version}`;
  /** Waits until nothing is being ended: markers take their time. */
  const ask = async (what: string, attempt: () => Promise<unknown>): Promise<ProducerIdentity> => {
    for (;;) {
      try {
        const answer = (await attempt()) as ProducerIdentity | undefined;
        said.push(`${what}: ${answer?.epoch ?? 'done'}`);
        return answer ?? { id: -1n, epoch: -1 };
      } catch (error) {
        const refused = brokerErrorOf(error);
        if (refused === undefined) throw error;
        if (refused.number !== 51 && (refused.number < 14 || refused.number > 16)) {
          said.push(`${what}: error ${refused.number}`);
          return { id: -1n, epoch: -1 };
        }
        cluster.forget();
        await cluster.clock.wait(20);
      }
    }
  };
  const init = (before?: ProducerIdentity) => ask(`init ${before?.epoch ?? 'anew'}`, () => cluster.coordinator('transaction', id, initProducerRequest(id, 60_000, before)));
  const end = (owner: ProducerIdentity, isCommit: boolean) => ask(`${isCommit ? 'commit' : 'abort'} ${owner.epoch}`, () => cluster.coordinator('transaction', id, endTransactionRequest(version === 2 ? 5 : 3, id, owner, isCommit)));
  const produce = async (owner: ProducerIdentity, sequence: number) => {
    if (version === 1) await ask(`add ${owner.epoch}`, () => cluster.coordinator('transaction', id, addPartitionsRequest(id, owner, [{ topic, partition: 0 }])));
    const writer = new BlockWriter();
    writer.append(null, Buffer.from(`${sequence}`), 5);
    const [batch] = [...encodeRecords([writer.take()], { producer: { ...owner, transactional: true }, sequence, compression: 'none', batchBytes: 1e6 })];
    for (;;) {
      const [answer] = await cluster.node(await cluster.leader({ topic, partition: 0 }), 'write', produceRequest(version === 2 ? 12 : 9, id, [{ topic, partition: 0, batch: batch!.bytes }], 30_000));
      // 19: a busy broker has not verified a transaction of version 1 yet (KIP-890)
      if (answer!.error === 51 || answer!.error === 19) await cluster.clock.wait(20);
      else return void said.push(`write ${sequence} in ${owner.epoch}: ${answer!.error}`);
    }
  };
  const first = await init();
  await produce(first, 0);
  // recovers with its own identity, with a transaction open; then asks again
  const second = await init(first);
  await init(first);
  await init(second);
  const third = await init();
  await init(second);
  await produce(third, 0);
  const fourth = await end(third, true);
  // the end is asked for again, and the other end
  await end(third, true);
  await end(third, false);
  if (version === 2) await produce(third, 1);
  await produce(version === 2 ? fourth : third, version === 2 ? 0 : 1);
  await end(version === 2 ? fourth : third, false);
  // a zombie recovers while the new owner has a transaction open
  const zombie = await init();
  const owner = await init();
  await produce(owner, 0);
  await init(zombie);
  await end(owner, true);
  await init(owner);
  await end(zombie, true);
  return said;
}

const brokers = await kafkaBrokers();

describe.skipIf(brokers === undefined)('the simulated brokers of release 4.2 answer as a real one does', () => {
  test.each([1, 2] as const)('transactions of version %i', async (version) => {
    const settings = kafkaSettings({ KAFKA_BROKERS: brokers ?? 'none:1' })!;
    const real = createCluster({ settings });
    const topic = `broker-probe-${process.pid}`;
    await topicAdmin(real).ensureTopic(topic, 1, keptFor(60_000));
    const expected = await probe(real, version, topic);
    await real.close();

    const time = simulatedTime(1);
    const traits = brokerReleases.find((t) => t.release === '4.2')!;
    const simulated = simulatedBrokers(time, traits, 1, () => 2);
    simulated.createTopic(topic, 1, new Map());
    const asking = simulatedProcess(time, 0, 0);
    const network = simulatedNetwork({ time, brokers: simulated, fate: (key) => drawFate(time, calm, key, traits), note: () => undefined });
    let found: string[] | undefined;
    void probe(createCluster({ settings: { ...settings, brokers: [{ host: 'broker-0', port: 9092 }] }, clock: asking.clock, transport: network.transport(asking) }), version, topic).then((said) => (found = said));
    await time.runUntil(() => found !== undefined, 100_000);
    expect(found).toEqual(expected);
  });
});
