import type { Cluster } from './cluster.js';
import { BrokerError, kafkaError } from './kafka-errors.js';
import { createTopicRequest, topicSettingRequest } from './requests.js';

const createTimeoutMs = 30_000;
/** Event times may be ahead of the broker's clock; by default it refuses more than an hour. */
const anyTime = { 'message.timestamp.after.max.ms': '9223372036854775807' };

/** Whether a topic is there now. */
export async function hasTopic(cluster: Cluster, name: string): Promise<boolean> {
  return (await cluster.patiently(`topic ${name}`, () => cluster.metadata([name]))).topics.length > 0;
}

/** Makes a topic unless it is there, and waits until all of its partitions have a leader. */
export async function ensureTopic(cluster: Cluster, name: string, partitions: number, configs: Readonly<Record<string, string>>): Promise<void> {
  if (await hasTopic(cluster, name)) return;
  await cluster.patiently(`making topic ${name}`, async () => {
    const make = (settings: Readonly<Record<string, string>>) => cluster.controller(createTopicRequest({ name, partitions, configs: settings }, -1, createTimeoutMs));
    try {
      await make({ ...configs, ...anyTime }).catch((error: unknown) => {
        // a broker before 3.6 does not know that setting, and takes any time
        if (error instanceof BrokerError && error.number === kafkaError.invalidConfig) return make(configs);
        throw error;
      });
    } catch (error) {
      if (!(error instanceof BrokerError) || error.number !== kafkaError.topicExists) throw error;
    }
    // brokers learn of it one after the other
    const found = (await cluster.metadata([name])).topics[0];
    if (found === undefined || found.leaders.length === 0 || found.leaders.some((leader) => leader < 0)) throw new BrokerError(5, `topic ${name}`);
  });
}

/** Retention of topics in milliseconds by the broker's clock; Infinity keeps all. Topics that are not there are left out. */
export async function retentionOf(cluster: Cluster, names: readonly string[]): Promise<ReadonlyMap<string, number>> {
  if (names.length === 0) return new Map();
  const values = await cluster.patiently('the settings of topics', () => cluster.any(topicSettingRequest(names, 'retention.ms')));
  return new Map([...values].map(([name, text]) => [name, text === undefined || Number(text) < 0 ? Number.POSITIVE_INFINITY : Number(text)]));
}

/** Settings of a topic that keeps its records for `retentionMs`. */
export function keptFor(retentionMs: number): Readonly<Record<string, string>> {
  return { 'cleanup.policy': 'delete', 'retention.ms': retentionMs === Number.POSITIVE_INFINITY ? '-1' : String(Math.ceil(retentionMs)) };
}
