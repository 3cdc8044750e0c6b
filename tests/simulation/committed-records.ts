import { decodeRecords } from '../../connectors/kafka/records/decode-records.js';
import { epochRecord } from '../../connectors/kafka/state/epochs.js';
import { epochsTopic } from '../../connectors/kafka/internal-topics.js';
import type { Position } from '../../dataflow/ports/log-client.js';
import { offsetAt, type RecordBlock } from '../../dataflow/record-block.js';
import type { PartitionLog, StoredBatch } from './brokers/partition-log.js';
import type { SimulatedBrokers } from './brokers/simulated-brokers.js';

/** A record that is committed, by the broker's own account. */
export interface CommittedRecord {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly offset: number;
  /** Where it is, with the rest of it. */
  readonly block: RecordBlock;
  readonly row: number;
}

/** What is stored never changes, so each batch is decoded once. */
const decoded = new WeakMap<StoredBatch, readonly CommittedRecord[]>();

function recordsOf(batch: StoredBatch): readonly CommittedRecord[] {
  let records = decoded.get(batch);
  if (records === undefined) {
    const { block } = decodeRecords(batch.bytes, { from: 0 });
    const part = (at: number, size: number): Uint8Array => block!.bytes.subarray(at, at + Math.max(0, size));
    records = Array.from({ length: block?.count ?? 0 }, (_, row) => ({
      key: part(block!.keyOffset[row]!, block!.keyLength[row]!),
      value: part(block!.valueOffset[row]!, block!.valueLength[row]!),
      offset: offsetAt(block!, row),
      block: block!,
      row,
    }));
    decoded.set(batch, records);
  }
  return records;
}

/** The committed records of a partition. No answer to a client has a part in this: each batch has been told its fate by its marker. */
export function committedRecords(log: PartitionLog): CommittedRecord[] {
  const records: CommittedRecord[] = [];
  for (const batch of log.batches) if (!batch.isControl && batch.fate === 'committed') for (const record of recordsOf(batch)) if (record.offset >= log.start) records.push(record);
  return records;
}

/** The positions that the last epochs tell. */
export function committedPositions(brokers: SimulatedBrokers, pipeline: string): Position[] {
  return (brokers.topic(epochsTopic(pipeline))?.partitions ?? []).flatMap((log) => {
    const last = committedRecords(log).at(-1);
    return last === undefined ? [] : epochRecord(last.block, last.row).positions;
  });
}

/** Bytes as text. */
export function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString();
}
