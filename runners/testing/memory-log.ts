import { randomUUID } from 'node:crypto';
import { checkEpoch, checkNewTopic, checkSameTopic } from '../../dataflow/check-log.js';
import { HeadraceError } from '../../dataflow/errors.js';
import type { EpochCommit, EpochTimes, JournalEntry, LogClient, Position, StateWrite, TopicInfo } from '../../dataflow/ports/log-client.js';
import type { RecordBlock } from '../../dataflow/record-block.js';
import { offsetAt } from '../../dataflow/record-block.js';
import { sliceBlock } from '../engine/record-rows.js';

interface Partition {
  start: number;
  end: number;
  newest: number;
  blocks: RecordBlock[];
}

interface Committing {
  epoch: number;
  times?: EpochTimes;
  readonly positions: Map<string, Position>;
  readonly journal: JournalEntry[];
}

/**
 * A log of topics that lives in memory; each block that is written stays one block.
 *
 * @param writeState takes the state changes of an epoch, as part of its commit
 */
export function memoryLog(writeState: (pipeline: string, writes: readonly StateWrite[]) => void): LogClient {
  const topics = new Map<string, { readonly info: TopicInfo; readonly identity: string; readonly partitions: readonly Partition[] }>();
  const pipelines = new Map<string, Committing>();
  const partitionOf = (topic: string, partition: number): Partition => {
    const known = topics.get(topic);
    if (known === undefined) throw new HeadraceError('HR_TOPIC_MISSING', `There is no topic ${topic} in memory.`, { place: { topic } });
    const found = known.partitions[partition];
    if (found === undefined) {
      throw new HeadraceError('HR_ARGUMENT', `${topic} has the partitions 0 to ${known.info.partitions - 1}, and not ${partition}.`, { place: { topic, partition } });
    }
    return found;
  };
  const write = (outputs: EpochCommit['outputs']) => {
    const targets = outputs.map(({ topic, partition }) => partitionOf(topic, partition));
    outputs.forEach(({ topic, block }, i) => {
      if (block.count === 0) return;
      const target = targets[i]!;
      target.blocks.push({ ...block, baseOffset: target.end, offsets: undefined });
      target.end += block.count;
      for (const time of block.timestamps) target.newest = Math.max(target.newest, time);
      expire(target, topics.get(topic)!.info.retentionMs);
    });
  };
  return {
    async topics() {
      return [...topics.values()].map((t) => t.info).sort((a, b) => (a.name < b.name ? -1 : 1));
    },
    async createTopic(name, settings) {
      checkNewTopic(name, settings);
      const { partitions, retentionMs = Number.POSITIVE_INFINITY } = settings;
      const known = topics.get(name)?.info;
      if (known !== undefined) return checkSameTopic(known, settings);
      const empty = (): Partition => ({ start: 0, end: 0, newest: Number.NEGATIVE_INFINITY, blocks: [] });
      topics.set(name, { info: { name, partitions, retentionMs }, identity: randomUUID(), partitions: Array.from({ length: partitions }, empty) });
    },
    async identity(topic) {
      partitionOf(topic, 0);
      return topics.get(topic)!.identity;
    },
    async bounds(topic, partition) {
      const { start, end } = partitionOf(topic, partition);
      return { start, end };
    },
    async read(topic, partition, offset) {
      const { start, end, blocks } = partitionOf(topic, partition);
      if (offset === end) return undefined;
      if (!(offset >= start && offset < end)) {
        throw new HeadraceError('HR_OFFSET_GONE', `${topic}/${partition} holds the offsets from ${start} to ${end}, and not ${offset}.`, { place: { topic, partition, offset } });
      }
      const block = blocks.findLast((b) => b.baseOffset <= offset)!;
      return offset === block.baseOffset ? block : sliceBlock(block, offset - block.baseOffset, block.count);
    },
    async seek(topic, partition, time) {
      const { end, blocks } = partitionOf(topic, partition);
      return blocks.find((b) => b.timestamps.some((t) => t >= time))?.baseOffset ?? end;
    },
    async append(outputs) {
      write(outputs);
    },
    async commit({ pipeline, epoch, outputs, state, positions, journal, times }) {
      const known = pipelines.get(pipeline);
      checkEpoch(known?.epoch ?? 0, epoch, pipeline);
      for (const { topic, partition } of outputs) partitionOf(topic, partition);
      writeState(pipeline, state);
      write(outputs);
      const now: Committing = known ?? { epoch, positions: new Map(), journal: [] };
      now.epoch = epoch;
      if (times !== undefined) now.times = times;
      for (const p of positions) now.positions.set(`${p.topic}/${p.partition}`, { ...p });
      now.journal.push(...journal);
      pipelines.set(pipeline, now);
    },
    async committed(pipeline) {
      const known = pipelines.get(pipeline);
      if (known === undefined) return undefined;
      const positions = [...known.positions.values()].sort((a, b) => (a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1));
      return { epoch: known.epoch, positions, ...(known.times && { times: known.times }) };
    },
    async journal(pipeline) {
      return [...(pipelines.get(pipeline)?.journal ?? [])];
    },
    async close() {},
  };
}

function expire(partition: Partition, retentionMs: number): void {
  if (retentionMs === Number.POSITIVE_INFINITY) return;
  const horizon = partition.newest - retentionMs;
  while (partition.blocks.length > 0 && partition.blocks[0]!.timestamps.every((t) => t < horizon)) partition.blocks.shift();
  const first = partition.blocks[0];
  partition.start = first === undefined ? partition.end : offsetAt(first, 0);
}
