import { columnRows } from '../../dataflow/batch.js';
import type { EpochCommit, LogClient, Position } from '../../dataflow/ports/log-client.js';
import type { RecordBlock } from '../../dataflow/record-block.js';
import type { Column, StringColumn } from '../../schemas/column.js';

/** Events of one millisecond of event time each; each key has eight of them within 64 and never comes again. */
export const eventsPerSecond = 1_000;
export const keysPerSecond = eventsPerSecond / 8;
/** How far an event lies behind the newest one, at most (ms). */
export const disorderMs = 500;

const start = 1_700_000_000_000;
const blockRows = 8_192;
const none = new Int32Array(0);

/** The key of event `n`: 64 events share eight keys. */
const keyOf = (n: number): number => Math.floor(n / 64) * 8 + (n % 8);

/** A log whose input topics are made up as they are read, each with the same `count` events; `onCommit` gets what a run writes. */
export function growingLog(topics: readonly string[], count: number, onCommit: (commit: EpochCommit) => void): LogClient {
  const outputs = new Map<string, number>();
  const positions = new Map<string, Position>();
  let epoch = 0;
  const info = (name: string, partitions: number) => ({ name, partitions, retentionMs: Number.POSITIVE_INFINITY });
  return {
    topics: async () => [...topics.map((name) => info(name, 1)), ...[...outputs].map(([name, n]) => info(name, n))],
    async createTopic(name, { partitions }) {
      outputs.set(name, partitions);
    },
    bounds: async (topic) => ({ start: 0, end: topics.includes(topic) ? count : 0 }),
    async read(_topic, _partition, offset): Promise<RecordBlock | undefined> {
      const n = Math.min(blockRows, count - offset);
      if (n <= 0) return undefined;
      const at = Float64Array.from({ length: n }, (_, i) => start + offset + i - (((offset + i) * 7_919) % disorderMs));
      const v = Float64Array.from({ length: n }, (_, i) => ((offset + i) * 31) % 1_000);
      const rows = columnRows(n, new Map<string, Column>([['k', keys(offset, n)], ['v', { kind: 'number', data: v }], ['at', { kind: 'number', data: at }]]));
      return { count: n, baseOffset: offset, timestamps: at, bytes: new Uint8Array(0), keyOffset: none, keyLength: none, valueOffset: none, valueLength: none, rows };
    },
    seek: async () => 0,
    append: async () => undefined,
    async commit(commit) {
      onCommit(commit);
      epoch = commit.epoch;
      for (const p of commit.positions) positions.set(`${p.topic}/${p.partition}`, p);
    },
    committed: async () => (epoch === 0 ? undefined : { epoch, positions: [...positions.values()] }),
    journal: async () => [],
    close: async () => undefined,
  };
}

/** Keys as ten digits. */
function keys(from: number, n: number): StringColumn {
  const bytes = new Uint8Array(n * 10);
  for (let i = 0; i < n; i++) {
    let x = keyOf(from + i);
    for (let k = 9; k >= 0; k--) {
      bytes[i * 10 + k] = 48 + (x % 10);
      x = Math.floor(x / 10);
    }
  }
  return { kind: 'string', bytes, offset: Int32Array.from({ length: n }, (_, i) => i * 10), length: new Int32Array(n).fill(10) };
}
