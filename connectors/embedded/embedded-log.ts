import { randomUUID } from 'node:crypto';
import { checkEpoch, checkNewTopic, checkSameTopic } from '../../dataflow/check-log.js';
import { HeadraceError } from '../../dataflow/errors.js';
import type { Committed, EpochCommit, EpochTimes, JournalEntry, LogClient, Position, StateWrite, TopicInfo } from '../../dataflow/ports/log-client.js';
import type { RecordBlock } from '../../dataflow/record-block.js';
import { payloadSize } from './block-codec.js';
import { writeState } from './embedded-state.js';
import type { Environment } from './environment.js';
import { assignNumber, nextNumber, numberOf } from './numbering.js';
import { appendBlocks, deletePartition, extentOf, readBlock, seekBlock, type StoredPartition } from './partition-store.js';

/** The log in an embedded environment, with what the command line needs beyond the port. */
export interface EmbeddedLog extends LogClient {
  /** Names of all topics, in order. */
  topicNames(): Promise<readonly string[]>;
  /** Deletes a topic and its records. Errors: HR_TOPIC_MISSING. */
  deleteTopic(name: string): Promise<void>;
}

const pageSize = 4_096;

interface StoredTopic extends TopicInfo {
  readonly id: number;
  readonly identity?: string;
}

/**
 * The log of an embedded environment. A commit is one LMDB transaction with outputs, state, positions, journal and epoch number;
 * when it returns, all of it is on the disk. The first epoch of a pipeline is 1. Positions are kept until they are given again.
 * Closing the log closes the environment.
 */
export function embeddedLog(env: Environment): EmbeddedLog {
  const write = (outputs: EpochCommit['outputs']): void => {
    for (const [{ topic, partition }, blocks] of byPartition(outputs)) {
      const stored = topicNamed(env, topic);
      appendBlocks(env, partitionOf(stored, partition), blocks, stored.retentionMs);
    }
  };
  return {
    async topics() {
      env.refresh();
      return allTopics(env).map(({ name, partitions, retentionMs }) => ({ name, partitions, retentionMs }));
    },
    async topicNames() {
      env.refresh();
      return allTopics(env).map((t) => t.name);
    },
    async createTopic(name, settings) {
      checkNewTopic(name, settings);
      const { partitions, retentionMs = Infinity } = settings;
      env.transact(() => {
        const known = findTopic(env, name);
        if (known !== undefined) checkSameTopic(known, settings);
        else env.meta.putSync(topicKey(name), json({ id: nextNumber(env), identity: randomUUID(), partitions, retentionMs: retentionMs === Infinity ? null : retentionMs }));
      });
    },
    async deleteTopic(name) {
      env.transact(() => {
        const topic = topicNamed(env, name);
        for (let p = 0; p < topic.partitions; p++) deletePartition(env, partitionOf(topic, p));
        env.meta.removeSync(topicKey(name));
      });
    },
    async identity(topic) {
      env.refresh();
      return topicNamed(env, topic).identity;
    },
    async bounds(topic, partition) {
      env.refresh();
      const { start, end } = extentOf(env, partitionOf(topicNamed(env, topic), partition));
      return { start, end };
    },
    async read(topic, partition, offset) {
      env.refresh();
      return readBlock(env, partitionOf(topicNamed(env, topic), partition), offset);
    },
    async seek(topic, partition, time) {
      env.refresh();
      return seekBlock(env, partitionOf(topicNamed(env, topic), partition), time);
    },
    async append(outputs) {
      env.transact(() => write(outputs), sizeOf(outputs, []));
    },
    async commit({ pipeline, epoch, outputs, state, positions, journal, times }) {
      env.transact(() => {
        const id = assignNumber(env, 'pipeline', pipeline);
        checkEpoch(epochOf(env, id) ?? 0, epoch, pipeline);
        write(outputs);
        writeState(env, pipeline, state);
        for (const p of positions) env.meta.putSync(positionKey(id, p), json(p.offset));
        journal.forEach((entry, i) => env.meta.putSync(journalKey(id, epoch, i), json(entry)));
        env.meta.putSync(epochKey(id), json(epoch));
        if (times !== undefined) env.meta.putSync(timesKey(id), json(times));
      }, sizeOf(outputs, state));
    },
    async committed(pipeline): Promise<Committed | undefined> {
      env.refresh();
      const id = numberOf(env, 'pipeline', pipeline);
      const epoch = id === undefined ? undefined : epochOf(env, id);
      if (id === undefined || epoch === undefined) return undefined;
      const positions: Position[] = [];
      for (const { key, value } of entries(env, `position/${id}/`)) {
        const [topic, partition] = key.split('/') as [string, string];
        positions.push({ topic, partition: Number(partition), offset: fromJson<number>(value) });
      }
      const times = env.meta.get(timesKey(id));
      return { epoch, positions, ...(times && { times: fromJson<EpochTimes>(times) }) };
    },
    async journal(pipeline) {
      env.refresh();
      const id = numberOf(env, 'pipeline', pipeline);
      return id === undefined ? [] : Array.from(entries(env, `journal/${id}/`), ({ value }) => fromJson<JournalEntry>(value));
    },
    close: () => env.close(),
  };
}

/** Outputs by partition, in the order of their first block, so that each partition is written once. */
function byPartition(outputs: EpochCommit['outputs']): Iterable<[EpochCommit['outputs'][number], RecordBlock[]]> {
  const groups = new Map<string, [EpochCommit['outputs'][number], RecordBlock[]]>();
  for (const output of outputs) {
    const key = `${output.topic}/${output.partition}`;
    const group = groups.get(key);
    if (group) group[1].push(output.block);
    else groups.set(key, [output, [output.block]]);
  }
  return groups.values();
}

/** Bytes that a commit writes at most, about: blocks, and a page or more for each state entry. */
function sizeOf(outputs: EpochCommit['outputs'], state: readonly StateWrite[]): number {
  let size = 0;
  for (const { block } of outputs) size += payloadSize(block, 0, block.count) + 16 * block.count + 4 * pageSize;
  for (const { value } of state) size += pageSize + (value?.length ?? 0);
  return size;
}

function epochOf(env: Environment, pipelineId: number): number | undefined {
  const stored = env.meta.get(epochKey(pipelineId));
  return stored === undefined ? undefined : fromJson<number>(stored);
}

function allTopics(env: Environment): StoredTopic[] {
  return Array.from(entries(env, 'topic/'), ({ key, value }) => parseTopic(key, value));
}

function findTopic(env: Environment, name: string): StoredTopic | undefined {
  const stored = env.meta.get(topicKey(name));
  return stored === undefined ? undefined : parseTopic(name, stored);
}

function topicNamed(env: Environment, name: string): StoredTopic {
  const topic = findTopic(env, name);
  if (topic === undefined) throw new HeadraceError('HR_TOPIC_MISSING', `There is no topic ${name} in ${env.dataDir}.`, { place: { topic: name } });
  return topic;
}

function parseTopic(name: string, stored: Uint8Array): StoredTopic {
  const { id, identity, partitions, retentionMs } = fromJson<{ id: number; identity?: string; partitions: number; retentionMs: number | null }>(stored);
  return { id, ...(identity === undefined ? {} : { identity }), name, partitions, retentionMs: retentionMs ?? Infinity };
}

function partitionOf(topic: StoredTopic, partition: number): StoredPartition {
  if (!(Number.isInteger(partition) && partition >= 0 && partition < topic.partitions)) {
    throw new HeadraceError('HR_ARGUMENT', `${topic.name} has the partitions 0 to ${topic.partitions - 1}, and not ${partition}.`, { place: { topic: topic.name, partition } });
  }
  return { topic: topic.name, topicId: topic.id, partition };
}

/** Entries of `meta` whose key begins with `prefix`, in key order; the key without it. */
function* entries(env: Environment, prefix: string): Iterable<{ readonly key: string; readonly value: Uint8Array }> {
  const start = Buffer.from(prefix);
  for (const { key, value } of env.meta.getRange({ start, end: Buffer.concat([start, Buffer.from([0xff])]) })) {
    yield { key: Buffer.from(key).toString('utf8', start.length), value };
  }
}

const topicKey = (name: string): Buffer => Buffer.from(`topic/${name}`);
const epochKey = (pipelineId: number): Buffer => Buffer.from(`epoch/${pipelineId}`);
const timesKey = (pipelineId: number): Buffer => Buffer.from(`times/${pipelineId}`);
const positionKey = (pipelineId: number, { topic, partition }: Position): Buffer => Buffer.from(`position/${pipelineId}/${topic}/${String(partition).padStart(10, '0')}`);
const journalKey = (pipelineId: number, epoch: number, i: number): Buffer => Buffer.from(`journal/${pipelineId}/${String(epoch).padStart(16, '0')}/${String(i).padStart(10, '0')}`);

function json(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value));
}

function fromJson<T>(bytes: Uint8Array): T {
  return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString()) as T;
}
