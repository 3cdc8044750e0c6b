import { BlockWriter, offsetAt, type RecordBlock } from './record-block.js';

/*
 * A run of bytes that may be longer than a record, cut into records of one key. Each has, little-endian, u32 its number within the run and u32 how many there are, then its part.
 */
const head = 8;
/** Bytes of one record: well below what brokers take by default. */
const recordBytes = 512 * 1_024;

/** Appends a run as records. @param key names the run: no other in the partition has it */
export function appendRun(writer: BlockWriter, key: Uint8Array, run: Uint8Array, time: number): void {
  const room = recordBytes - head;
  const count = Math.max(1, Math.ceil(run.length / room));
  for (let i = 0; i < count; i++) {
    const part = run.subarray(i * room, (i + 1) * room);
    const record = Buffer.allocUnsafe(head + part.length);
    record.writeUInt32LE(i, 0);
    record.writeUInt32LE(count, 4);
    record.set(part, head);
    writer.append(key, record, time);
  }
}

/** A run as it was written, and the offset of its first record. */
export interface WholeRun {
  readonly key: string;
  readonly bytes: Uint8Array;
  readonly offset: number;
}

/** Puts runs together again. */
export interface RunAssembler {
  /** The runs that are whole with the records of this block: blocks come in order, and records of several runs may alternate. */
  take(block: RecordBlock): WholeRun[];
  /** Offset of the first record of what is not whole yet, or Infinity. */
  readonly pending: number;
}

/** @throws RangeError when a record is no part of a run */
export function createRunAssembler(): RunAssembler {
  const parts = new Map<string, { readonly offset: number; readonly parts: Uint8Array[] }>();
  return {
    get pending() {
      let least = Number.POSITIVE_INFINITY;
      for (const { offset } of parts.values()) least = Math.min(least, offset);
      return least;
    },
    take(block) {
      const whole: WholeRun[] = [];
      for (let row = 0; row < block.count; row++) {
        const key = Buffer.from(block.bytes.buffer, block.bytes.byteOffset + block.keyOffset[row]!, Math.max(0, block.keyLength[row]!)).toString();
        const record = Buffer.from(block.bytes.buffer, block.bytes.byteOffset + block.valueOffset[row]!, Math.max(0, block.valueLength[row]!));
        const number = record.readUInt32LE(0);
        const count = record.readUInt32LE(4);
        // reading may begin within a run: what it begins with is not needed then
        if (number === 0) parts.set(key, { offset: offsetAt(block, row), parts: [] });
        const run = parts.get(key);
        if (run === undefined || run.parts.length !== number) continue;
        run.parts.push(record.subarray(head));
        if (run.parts.length < count) continue;
        parts.delete(key);
        whole.push({ key, bytes: run.parts.length === 1 ? run.parts[0]! : Buffer.concat(run.parts), offset: run.offset });
      }
      return whole;
    },
  };
}
