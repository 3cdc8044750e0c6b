import { decodeRecords } from '../../../connectors/kafka/records/decode-records.js';
import { offsetAt } from '../../../dataflow/record-block.js';
import type { PartitionLog } from './partition-log.js';

/** Offset of the first record with a timestamp at or after `time`, or -1. */
export function offsetByTime(log: PartitionLog, time: number): number {
  for (const batch of log.batches) {
    if (batch.largestTime < time || batch.last < log.start) continue;
    if (batch.isControl) return batch.base;
    const { block } = decodeRecords(batch.bytes, { from: log.start });
    for (let row = 0; block !== undefined && row < block.count; row++) if (block.timestamps[row]! >= time) return offsetAt(block, row);
  }
  return -1;
}
