import type { EpochCommit, LogClient, Position } from '../../dataflow/ports/log-client.js';
import type { RecordBlock } from '../../dataflow/record-block.js';
import { objectRows } from '../../dataflow/batch.js';
import type { EventKind, Nexmark } from './generator.js';
import type { Query } from './query.js';

const blockRows = 8_192;
const none = new Int32Array(0);

/**
 * A log whose input topics are made up as they are read, as columns and without bytes, and whose outputs go to `sink`. Event `n` of a kind is in
 * partition `n % partitions`.
 *
 * @param topics the kinds that the query reads
 */
export function generatedLog(options: {
  readonly events: Nexmark;
  readonly count: number;
  readonly partitions: number;
  readonly topics: readonly EventKind[];
  /** A topic of given rows; they are in its first partition. */
  readonly table: Query['table'];
  readonly sink: (outputs: EpochCommit['outputs']) => void;
  readonly onState: (epoch: EpochCommit) => void;
}): LogClient {
  const { events, partitions, table } = options;
  const names = [...options.topics, ...(table === undefined ? [] : [table.topic])];
  const outputs = new Map<string, number>();
  const positions = new Map<string, Position>();
  let epoch = 0;
  const sizeOf = (topic: string, partition: number): number => {
    if (topic === table?.topic) return partition === 0 ? table.rows.length : 0;
    if (!options.topics.includes(topic as EventKind)) return 0;
    const all = events.count(topic as EventKind, options.count);
    return Math.ceil(Math.max(all - partition, 0) / partitions);
  };
  const info = (name: string, n: number) => ({ name, partitions: n, retentionMs: Number.POSITIVE_INFINITY });
  return {
    topics: async () => [...names.map((name) => info(name, partitions)), ...[...outputs].map(([name, n]) => info(name, n))],
    async createTopic(name, settings) {
      outputs.set(name, settings.partitions);
    },
    bounds: async (topic, partition) => ({ start: 0, end: sizeOf(topic, partition) }),
    async read(topic, partition, offset): Promise<RecordBlock | undefined> {
      const count = Math.min(blockRows, sizeOf(topic, partition) - offset);
      if (count <= 0) return undefined;
      const isTable = topic === table?.topic;
      const rows = isTable ? objectRows(table!.rows.slice(offset, offset + count)) : events.rows(topic as EventKind, offset * partitions + partition, partitions, count);
      const times = rows.field(isTable ? 'since' : 'dateTime');
      return { count, baseOffset: offset, timestamps: times.kind === 'number' ? Float64Array.from(times.data) : new Float64Array(count), bytes: new Uint8Array(0), keyOffset: none, keyLength: none, valueOffset: none, valueLength: none, rows };
    },
    seek: async () => 0,
    append: async (written) => options.sink(written),
    async commit(commit) {
      options.sink(commit.outputs);
      options.onState(commit);
      epoch = commit.epoch;
      for (const p of commit.positions) positions.set(`${p.topic}/${p.partition}`, p);
    },
    committed: async () => (epoch === 0 ? undefined : { epoch, positions: [...positions.values()] }),
    journal: async () => [],
    close: async () => undefined,
  };
}
