import type { LogClient } from '../dataflow/ports/log-client.js';
import { offsetAt, type RecordBlock } from '../dataflow/record-block.js';

/** One record as it is shown. */
export interface ShownRecord {
  readonly offset: number;
  readonly timestamp: number;
  readonly key: string | null;
  /** Value bytes in base64. */
  readonly value: string | null;
}

/** How two histories of a topic compare. */
export interface TopicComparison {
  readonly topic: string;
  /** Records compared on each side. */
  readonly emitted: number;
  readonly replayed: number;
  readonly differences: number;
  /** The first differences, by partition. */
  readonly first: readonly { readonly partition: number; readonly emitted: ShownRecord | undefined; readonly replayed: ShownRecord | undefined }[];
}

/** Differences that are shown. */
const shownDifferences = 5;

/**
 * Compares a topic in two logs, record by record: key, value, timestamp and headers, in the order of each partition. Only records with
 * timestamps in [from, to) count. A topic that is in neither is equal. Where others write to the topic too, what was emitted may have records between those that were replayed.
 */
export async function compareTopics(topic: string, emitted: LogClient, replayed: LogClient, range: { readonly from: number; readonly to: number; readonly othersWrite?: boolean }): Promise<TopicComparison> {
  const partitions = async (log: LogClient) => (await log.topics()).find((t) => t.name === topic)?.partitions ?? 0;
  const count = Math.max(await partitions(emitted), await partitions(replayed));
  const result = { topic, emitted: 0, replayed: 0, differences: 0, first: [] as TopicComparison['first'][number][] };
  for (let partition = 0; partition < count; partition++) {
    const a = records(emitted, topic, partition, range);
    const b = records(replayed, topic, partition, range);
    for (;;) {
      const y = await b.next();
      let x = await a.next();
      while (range.othersWrite && !x.done && (y.done || !same(x.value, y.value))) x = await a.next();
      if (x.done && y.done) break;
      if (!x.done) result.emitted += 1;
      if (!y.done) result.replayed += 1;
      if (!x.done && !y.done && same(x.value, y.value)) continue;
      result.differences += 1;
      if (result.first.length < shownDifferences) result.first.push({ partition, emitted: x.done ? undefined : shown(x.value), replayed: y.done ? undefined : shown(y.value) });
    }
  }
  return result;
}

interface Row {
  readonly block: RecordBlock;
  readonly row: number;
}

async function* records(log: LogClient, topic: string, partition: number, range: { readonly from: number; readonly to: number }): AsyncGenerator<Row, void> {
  const known = (await log.topics()).find((t) => t.name === topic);
  if (known === undefined || partition >= known.partitions) return;
  let { start: offset } = await log.bounds(topic, partition);
  for (;;) {
    const block = await log.read(topic, partition, offset);
    if (block === undefined) return;
    for (let row = 0; row < block.count; row++) {
      const t = block.timestamps[row]!;
      // Refused lines of an import share the dead-letter topic of their input; no pipeline emitted them.
      if (block.headers?.get(row)?.some((h) => h.key === 'hr-step' && Buffer.from(h.value).toString() === 'import')) continue;
      if (t >= range.from && t < range.to) yield { block, row };
    }
    offset = offsetAt(block, block.count - 1) + 1;
  }
}

function same(a: Row, b: Row): boolean {
  if (a.block.timestamps[a.row] !== b.block.timestamps[b.row]) return false;
  if (!sameBytes(part(a, 'key'), part(b, 'key')) || !sameBytes(part(a, 'value'), part(b, 'value'))) return false;
  const [x, y] = [a.block.headers?.get(a.row) ?? [], b.block.headers?.get(b.row) ?? []];
  return x.length === y.length && x.every((h, i) => h.key === y[i]!.key && Buffer.compare(h.value, y[i]!.value) === 0);
}

function part({ block, row }: Row, of: 'key' | 'value'): Uint8Array | null {
  const length = of === 'key' ? block.keyLength[row]! : block.valueLength[row]!;
  const offset = of === 'key' ? block.keyOffset[row]! : block.valueOffset[row]!;
  return length < 0 ? null : block.bytes.subarray(offset, offset + length);
}

function sameBytes(a: Uint8Array | null, b: Uint8Array | null): boolean {
  return a === null || b === null ? a === b : Buffer.compare(a, b) === 0;
}

function shown(at: Row): ShownRecord {
  const key = part(at, 'key');
  const value = part(at, 'value');
  return { offset: offsetAt(at.block, at.row), timestamp: at.block.timestamps[at.row]!, key: key && Buffer.from(key).toString(), value: value && Buffer.from(value).toString('base64') };
}
