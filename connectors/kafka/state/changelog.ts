import { HeadraceError } from '../../../dataflow/errors.js';
import { byteReader, byteWriter } from '../../../dataflow/bytes.js';
import type { StateWrite } from '../../../dataflow/ports/log-client.js';
import type { RecordBlock } from '../../../dataflow/record-block.js';

/*
 * What an epoch changes in the state of a pipeline is one run of bytes, cut into records of the changelog topic. Each record, little-endian:
 *    f64 epoch, u32 number of the record within the epoch, u32 how many there are, then its part of the run
 * The run: for some entries of a step u32 size of its name, name, u32 count; for each entry u32 key size, key, u32 0 (deleted) or 1, u32 value size, value.
 */
const head = 16;
/** Bytes of one record: well below what brokers take by default. */
const recordBytes = 512 * 1_024;

/** The changes of an epoch as records; undefined when there are none. Later entries of a key win over earlier ones. */
export function changelogBlock(epoch: number, writes: readonly StateWrite[], now: number): RecordBlock | undefined {
  if (writes.length === 0) return undefined;
  const run = packWrites(writes);
  const partBytes = recordBytes - head;
  const count = Math.ceil(run.length / partBytes);
  const keys = Array.from({ length: count }, (_, i) => Buffer.from(`${epoch}/${i}`));
  const bytes = Buffer.allocUnsafeSlow(keys.reduce((sum, key) => sum + key.length + head, run.length));
  const keyOffset = new Int32Array(count);
  const valueOffset = new Int32Array(count);
  const valueLength = new Int32Array(count);
  let at = 0;
  keys.forEach((key, i) => {
    const part = run.subarray(i * partBytes, (i + 1) * partBytes);
    keyOffset[i] = at;
    valueOffset[i] = at + key.length;
    valueLength[i] = head + part.length;
    bytes.set(key, at);
    at = bytes.writeDoubleLE(epoch, at + key.length);
    at = bytes.writeUInt32LE(i, at);
    at = bytes.writeUInt32LE(count, at);
    bytes.set(part, at);
    at += part.length;
  });
  return { count, baseOffset: 0, timestamps: new Float64Array(count).fill(now), bytes, keyOffset, keyLength: Int32Array.from(keys, (key) => key.length), valueOffset, valueLength };
}

/** Puts the records of epochs together again: give it blocks in order, it gives whole epochs. */
export function changelogAssembler(): (block: RecordBlock) => { readonly epoch: number; readonly writes: StateWrite[] }[] {
  let epoch = Number.NaN;
  let parts: Uint8Array[] = [];
  return (block) => {
    const whole: { epoch: number; writes: StateWrite[] }[] = [];
    for (let row = 0; row < block.count; row++) {
      const start = block.valueOffset[row]!;
      const record = Buffer.from(block.bytes.buffer, block.bytes.byteOffset + start, Math.max(0, block.valueLength[row]!));
      if (record.length < head) throw damaged();
      const number = record.readUInt32LE(8);
      if (number === 0) {
        epoch = record.readDoubleLE(0);
        parts = [];
      }
      // reading may begin within an epoch: it is not needed then
      if (record.readDoubleLE(0) !== epoch || number !== parts.length) continue;
      parts.push(record.subarray(head));
      if (parts.length === record.readUInt32LE(12)) whole.push({ epoch, writes: unpackWrites(Buffer.concat(parts)) });
    }
    return whole;
  };
}

/** Size of a write in the changelog, without the name of its step. */
export function writeSize({ key, value }: Pick<StateWrite, 'key' | 'value'>): number {
  return 12 + key.length + (value?.length ?? 0);
}

function packWrites(writes: readonly StateWrite[]): Uint8Array {
  // enough for each write with a name of its own
  const out = byteWriter(writes.reduce((sum, write) => sum + 8 + 3 * write.step.length + writeSize(write), 0));
  for (let from = 0; from < writes.length; ) {
    const { step } = writes[from]!;
    let to = from + 1;
    while (to < writes.length && writes[to]!.step === step) to += 1;
    out.bytes(Buffer.from(step));
    out.u32(to - from);
    for (; from < to; from++) {
      const { key, value } = writes[from]!;
      out.bytes(key);
      out.u32(value === null ? 0 : 1);
      if (value !== null) out.bytes(value);
    }
  }
  return out.finish();
}

function unpackWrites(run: Uint8Array): StateWrite[] {
  const reader = byteReader(run);
  const writes: StateWrite[] = [];
  try {
    while (reader.left > 0) {
      const step = Buffer.from(reader.bytes()).toString();
      for (let left = reader.u32(); left > 0; left--) {
        const key = reader.bytes();
        writes.push({ step, key, value: reader.u32() === 0 ? null : reader.bytes() });
      }
    }
  } catch {
    // a read beyond the end
    throw damaged();
  }
  return writes;
}

function damaged(): HeadraceError {
  return new HeadraceError('HR_DECODE', 'A record of the changelog cannot be read.', { remedy: 'The changelog topic was written by something else; start the pipeline under another name.' });
}
