import type { Committed, EpochTimes, JournalEntry, Position } from '../../../dataflow/ports/log-client.js';
import { BlockWriter, type RecordBlock } from '../../../dataflow/record-block.js';

/** What the record of an epoch says. Positions are all that are known, not only those that changed. */
export interface EpochRecord extends Committed {
  readonly journal: readonly JournalEntry[];
  /** Offset in the changelog from which on it makes up the whole state. */
  readonly changelogFrom: number;
  /** Transactional id of the producer that wrote it: who takes the task over ends what that one has left open. */
  readonly by: string;
}

type Written = { epoch: number; positions: [string, number, number][]; journal?: readonly JournalEntry[]; changelogFrom: number; by: string; times?: EpochTimes };

/** The record of an epoch as a block: JSON, so that any tool shows it. */
export function epochBlock({ epoch, positions, journal, changelogFrom, by, times }: EpochRecord, now: number): RecordBlock {
  const written: Written = { epoch, positions: positions.map((p) => [p.topic, p.partition, p.offset]), ...(journal.length === 0 ? {} : { journal }), changelogFrom, by, ...(times && { times }) };
  const writer = new BlockWriter();
  writer.append(Buffer.from(String(epoch)), Buffer.from(JSON.stringify(written)), now);
  return writer.take();
}

/** The record in a row of a block. */
export function epochRecord(block: RecordBlock, row: number): EpochRecord {
  const start = block.valueOffset[row]!;
  const { epoch, positions, journal, changelogFrom, by, times } = JSON.parse(Buffer.from(block.bytes.buffer, block.bytes.byteOffset + start, block.valueLength[row]!).toString()) as Written;
  return { epoch, positions: positions.map(([topic, partition, offset]) => ({ topic, partition, offset })), journal: journal ?? [], changelogFrom, by, ...(times && { times }) };
}

/** Positions with others put over them, in the order of topic and partition. */
export function withPositions(before: readonly Position[], changed: readonly Position[]): Position[] {
  const all = new Map([...before, ...changed].map((p) => [`${p.topic}/${p.partition}`, p]));
  return [...all.values()].sort((a, b) => (a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1));
}
