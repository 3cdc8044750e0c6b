import { randomUUID } from 'node:crypto';
import { checkEpoch, checkNewTopic, checkSameTopic } from '../../dataflow/check-log.js';
import { HeadraceError } from '../../dataflow/errors.js';
import type { EpochCommit, JournalEntry, LogClient, Position } from '../../dataflow/ports/log-client.js';
import { changelogBlock } from './changelog.js';
import { type EpochRecord, epochBlock, epochRecord, withPositions } from './epochs.js';
import { changelogTopic, epochsTopic, internalPrefix } from './internal-topics.js';
import type { KafkaClient } from './kafka-client.js';
import type { TopicPartition } from './requests.js';
import { type RoundSizes, type SnapshotRounds, snapshotRounds } from './snapshot-rounds.js';
import type { StateCopy } from './state-copy.js';
import { keptFor } from './topic-admin.js';
import type { TransactionalProducer } from './transactional-producer.js';

/** The log on Kafka, with what its runtime needs beyond the port. */
export interface KafkaLog extends LogClient {
  /** Takes a pipeline over: another process that runs it is fenced, and its last transaction settled. Gives the last epoch. */
  claim(pipeline: string): Promise<EpochRecord | undefined>;
  /** The record of the last epoch, whoever committed it. */
  lastEpoch(pipeline: string): Promise<EpochRecord | undefined>;
  /** Keeps the copy of a claimed pipeline's state up to date from now on, and its changelog short. */
  attach(pipeline: string, copy: StateCopy): void;
}

export interface KafkaLogOptions {
  readonly client: KafkaClient;
  /** Epoch milliseconds, for the timestamps of internal records. */
  readonly now?: () => number;
  /** Names that are unique among processes, for producers outside of a pipeline. @default random UUIDs */
  readonly uniqueName?: () => string;
  /** How long the changelog gets before the state is written again. */
  readonly rounds?: RoundSizes;
}

/** A pipeline that this process writes. */
interface Writing {
  readonly producer: TransactionalProducer;
  last: EpochRecord | undefined;
  copy?: StateCopy;
  rounds?: SnapshotRounds;
  /** Offset up to which the changelog was deleted, and one past its last record. */
  deletedTo: number;
  changelogEnd: number;
}

/**
 * Topics, epochs and positions on Kafka. A commit is one transaction: outputs, a record of the epoch with positions and journal, the changes of
 * state, and the positions as offsets of the group that is named as the pipeline, for the tools that show them. Records of aborted and open transactions are
 * never seen. Retention goes by the broker's clock.
 */
export function kafkaLog({ client, now = Date.now, uniqueName = randomUUID, rounds }: KafkaLogOptions): KafkaLog {
  const { reader } = client;
  const pipelines = new Map<string, Promise<Writing>>();
  let appending: Promise<TransactionalProducer> | undefined;

  const checkPartition = async ({ topic, partition }: TopicPartition): Promise<TopicPartition> => {
    const count = await client.partitions(topic);
    if (Number.isInteger(partition) && partition >= 0 && partition < count) return { topic, partition };
    throw new HeadraceError('HR_ARGUMENT', `${topic} has the partitions 0 to ${count - 1}, and not ${partition}.`, { place: { topic, partition } });
  };
  const lastEpoch = async (pipeline: string): Promise<EpochRecord | undefined> => {
    const topic = epochsTopic(pipeline);
    if (!(await client.hasTopic(topic))) return undefined;
    const block = await reader.last({ topic, partition: 0 }, 8);
    return block === undefined ? undefined : epochRecord(block, block.count - 1);
  };
  const begin = async (pipeline: string): Promise<Writing> => {
    for (const name of [epochsTopic(pipeline), changelogTopic(pipeline)]) await client.ensureTopic(name, 1, keptFor(Number.POSITIVE_INFINITY));
    const producer = client.producer(`headrace.${pipeline}`, { exclusive: true });
    await producer.claim();
    const changelog = await reader.bounds({ topic: changelogTopic(pipeline), partition: 0 });
    return { producer, last: await lastEpoch(pipeline), deletedTo: changelog.start, changelogEnd: changelog.end };
  };
  const writing = (pipeline: string): Promise<Writing> => {
    const known = pipelines.get(pipeline);
    if (known !== undefined) return known;
    const made = begin(pipeline);
    made.catch(() => pipelines.delete(pipeline));
    pipelines.set(pipeline, made);
    return made;
  };
  const log: KafkaLog = {
    async topics() {
      return (await client.topics()).filter(({ name }) => !name.startsWith(internalPrefix)).sort((a, b) => (a.name < b.name ? -1 : 1));
    },
    async createTopic(name, settings) {
      checkNewTopic(name, settings);
      const { partitions, retentionMs = Number.POSITIVE_INFINITY } = settings;
      await client.ensureTopic(name, partitions, keptFor(retentionMs));
      checkSameTopic({ name, partitions: await client.partitions(name), retentionMs: await client.retention(name) }, settings);
    },
    identity: (topic) => client.topicId(topic),
    async bounds(topic, partition) {
      return reader.bounds(await checkPartition({ topic, partition }));
    },
    async read(topic, partition, offset) {
      return reader.read(await checkPartition({ topic, partition }), offset);
    },
    async seek(topic, partition, time) {
      return reader.seek(await checkPartition({ topic, partition }), time);
    },
    async append(outputs) {
      await checkAll(outputs);
      if (outputs.every(({ block }) => block.count === 0)) return;
      appending ??= (async () => {
        const producer = client.producer(`headrace-append-${uniqueName()}`);
        await producer.claim();
        return producer;
      })();
      appending.catch(() => (appending = undefined));
      await (await appending).commit({ outputs });
    },
    async commit(change) {
      const { pipeline, epoch, outputs, state, positions, journal, times } = change;
      await checkAll(outputs);
      await checkAll(positions);
      const own = await writing(pipeline);
      checkEpoch(own.last?.epoch ?? 0, epoch, pipeline);
      const rewritten = own.rounds?.slice(state) ?? [];
      const changes = changelogBlock(epoch, [...rewritten, ...state], now());
      const record: EpochRecord = { epoch, positions: withPositions(own.last?.positions ?? [], positions), journal, changelogFrom: own.rounds?.from ?? own.last?.changelogFrom ?? 0, ...(times && { times }) };
      const changelog = { topic: changelogTopic(pipeline), partition: 0 };
      const first = await own.producer.commit({
        // the first is what is looked for when the end of the transaction is not known
        outputs: [{ topic: epochsTopic(pipeline), partition: 0, block: epochBlock(record, now()) }, ...(changes === undefined ? [] : [{ ...changelog, block: changes }]), ...outputs],
        offsets: { member: { group: pipeline, generation: -1, member: '' }, positions },
        stillNext: async () => checkEpoch((await lastEpoch(pipeline))?.epoch ?? 0, epoch, pipeline),
      });
      own.last = record;
      if (changes !== undefined) {
        const offset = first.get(`${changelog.topic}/0`)!;
        own.changelogEnd = offset + changes.count;
        own.copy?.apply(state, { epoch, next: own.changelogEnd });
        own.rounds?.written(offset);
      } else own.copy?.apply([], { epoch, next: own.changelogEnd });
      if (record.changelogFrom > own.deletedTo) {
        await client.deleteRecords(changelog, record.changelogFrom);
        own.deletedTo = record.changelogFrom;
      }
    },
    async committed(pipeline) {
      const last = pipelines.has(pipeline) ? (await writing(pipeline)).last : await lastEpoch(pipeline);
      return last === undefined ? undefined : { epoch: last.epoch, positions: last.positions, ...(last.times && { times: last.times }) };
    },
    async journal(pipeline) {
      const at = { topic: epochsTopic(pipeline), partition: 0 };
      if (!(await client.hasTopic(at.topic))) return [];
      const entries: JournalEntry[] = [];
      for await (const block of reader.all(at, (await reader.bounds(at)).start)) {
        for (let row = 0; row < block.count; row++) entries.push(...epochRecord(block, row).journal);
      }
      return entries;
    },
    lastEpoch,
    claim: async (pipeline) => (await writing(pipeline)).last,
    attach(pipeline, copy) {
      const attached = writing(pipeline).then((own) => {
        own.copy = copy;
        own.rounds = snapshotRounds(copy.state, pipeline, own.last?.changelogFrom ?? 0, rounds);
        return own;
      });
      attached.catch(() => pipelines.delete(pipeline));
      pipelines.set(pipeline, attached);
    },
    close: () => client.close(),
  };
  const checkAll = async (places: readonly (TopicPartition | Position | EpochCommit['outputs'][number])[]): Promise<void> => {
    const seen = new Set<string>();
    for (const at of places) {
      const name = `${at.topic}/${at.partition}`;
      if (!seen.has(name)) await checkPartition(at);
      seen.add(name);
    }
  };
  return log;
}
