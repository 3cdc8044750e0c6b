/* What every log has to keep, on brokers of each release: in calm weather, and where requests and answers are lost, late or refused. */
import { describe } from 'vitest';
import { createCluster } from '../../connectors/kafka/cluster.js';
import { columnarClient } from '../../connectors/kafka/columnar-client.js';
import { type KafkaLog, kafkaLog } from '../../connectors/kafka/kafka-log.js';
import { kafkaSettings } from '../../connectors/kafka/kafka-settings.js';
import { loadZstd } from '../../connectors/kafka/records/zstd.js';
import { logClientContract } from '../contracts/log-client-contract.js';
import { brokerReleases, type BrokerTraits } from './brokers/broker-traits.js';
import { simulatedBrokers } from './brokers/simulated-brokers.js';
import { calm, drawFate, type Weather } from './faults.js';
import { simulatedNetwork } from './simulated-network.js';
import { simulatedProcess } from './simulated-process.js';
import { type SimulatedTime, simulatedTime } from './simulated-time.js';

await loadZstd();
const limitMs = 600_000;
/** Before transactions of version 2, a commit whose end is in doubt may end a run with HR_EPOCH_FENCED (docs/guide-kafka.md): there, answers are only late. */
const weathers = ({ transactionVersion }: BrokerTraits): Readonly<Record<string, Weather>> => ({
  calm,
  rough: { ...calm, answerLate: 0.1, markerMs: 20, ...(transactionVersion === 2 ? { trouble: 0.05, requestLost: 0.03, answerLost: 0.03 } : {}) },
});

/** Lets simulated time pass while something is waited for. */
function timePasses(time: SimulatedTime): <R>(promise: Promise<R>) => Promise<R> {
  let waiting = 0;
  let passing: Promise<boolean> | undefined;
  return async (promise) => {
    waiting += 1;
    const over = promise.finally(() => (waiting -= 1));
    over.catch(() => undefined);
    passing ??= time.runUntil(() => waiting === 0, limitMs).finally(() => (passing = undefined));
    if (!(await passing)) throw new Error(`no answer came in ${limitMs / 1_000} s of simulated time`);
    return over;
  };
}

/** A log of which each call lets time pass until it is answered. */
function passing(log: KafkaLog, pass: ReturnType<typeof timePasses>): KafkaLog {
  return new Proxy(log, {
    get(target, name) {
      const found: unknown = Reflect.get(target, name);
      return typeof found === 'function' ? (...args: unknown[]) => pass(Promise.resolve(Reflect.apply(found, target, args) as unknown)) : found;
    },
  });
}

function openIn(traits: BrokerTraits, weather: Weather): () => Promise<{ log: KafkaLog; reader: () => Promise<KafkaLog>; dispose: () => Promise<void> }> {
  return async () => {
    const time = simulatedTime(1);
    const brokers = simulatedBrokers(time, traits, 3, () => time.between(0, 2 * weather.markerMs));
    const network = simulatedNetwork({ time, brokers, fate: (key) => drawFate(time, weather, key, traits), note: () => undefined });
    const settings = kafkaSettings({ KAFKA_BROKERS: 'broker-0:9092,broker-1:9092' })!;
    const pass = timePasses(time);
    let processes = 0;
    const open = (): KafkaLog => {
      const process = simulatedProcess(time, processes++, 0);
      return passing(kafkaLog({ client: columnarClient(createCluster({ settings, clock: process.clock, transport: network.transport(process) })) }), pass);
    };
    const log = open();
    return { log, reader: async () => open(), dispose: () => log.close() };
  };
}

for (const traits of brokerReleases) {
  for (const [name, weather] of Object.entries(weathers(traits))) {
    describe(`brokers as Kafka ${traits.release}, ${name}`, () => logClientContract('the log on simulated brokers', openIn(traits, weather), { contiguous: false }));
  }
}
