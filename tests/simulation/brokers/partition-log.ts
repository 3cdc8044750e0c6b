import { crc32c } from '@platformatic/kafka';
import { kafkaError } from '../../../connectors/kafka/kafka-errors.js';
import { attribute, batchHead, field } from '../../../connectors/kafka/records/record-batch.js';

/** A record batch in the log of a partition. */
export interface StoredBatch {
  readonly base: number;
  readonly last: number;
  readonly bytes: Buffer;
  readonly producerId: bigint;
  readonly epoch: number;
  readonly isControl: boolean;
  readonly largestTime: number;
  /** Which process sent it. */
  readonly writer: number;
  /** What became of its transaction, as the marker said: the judge's truth, from which no answer is made. */
  fate: 'open' | 'committed' | 'aborted';
}

/** What a broker says to a batch. */
export interface Appended {
  readonly error: number;
  readonly base: number;
}

/** A transaction that was aborted: from its first record to its marker. */
export interface Aborted {
  readonly producerId: bigint;
  readonly first: number;
  readonly marker: number;
}

interface Producer {
  epoch: number;
  /** The last five batches of this epoch. */
  batches: { readonly sequence: number; readonly lastSequence: number; readonly base: number }[];
  lastSequence: number;
  /** First offset of its open transaction. */
  open: number | undefined;
}

/** The log of one partition, with the checks that a leader makes (`ProducerAppendInfo` and `ProducerStateManager` of Apache Kafka). */
export interface PartitionLog {
  readonly batches: readonly StoredBatch[];
  readonly start: number;
  /** High watermark: everything is replicated at once here. */
  readonly end: number;
  /** Up to where a read-committed reader sees. */
  readonly stable: number;
  /** Appends a batch of a client; a batch that is there already is answered with where it is. */
  append(bytes: Buffer, writer: number): Appended;
  /** Whether this batch would be taken for one that is there already. */
  isDuplicate(bytes: Buffer): boolean;
  hasOpen(producerId: bigint, epoch: number): boolean;
  /** Appends the marker that ends a transaction. */
  mark(producerId: bigint, epoch: number, isCommit: boolean, time: number): void;
  /** Batches from an offset on, at least one when there is one; and the aborted transactions among them, for a read-committed reader. */
  read(offset: number, maxBytes: number, isCommitted: boolean): { readonly bytes: Uint8Array; readonly aborted: readonly Aborted[] };
  deleteBefore(offset: number): void;
}

export function partitionLog(): PartitionLog {
  const batches: StoredBatch[] = [];
  const producers = new Map<bigint, Producer>();
  let aborted: Aborted[] = [];
  let start = 0;
  let end = 0;

  const stable = (): number => {
    let least = end;
    for (const { open } of producers.values()) if (open !== undefined && open < least) least = open;
    return least;
  };
  const duplicateOf = (bytes: Buffer): number | undefined => {
    const producer = producers.get(bytes.readBigInt64BE(field.producerId));
    if (producer === undefined || producer.epoch !== bytes.readInt16BE(field.producerEpoch)) return undefined;
    const sequence = bytes.readInt32BE(field.sequence);
    const lastSequence = sequence + bytes.readInt32BE(field.lastOffset);
    return producer.batches.find((b) => b.sequence === sequence && b.lastSequence === lastSequence)?.base;
  };
  const store = (bytes: Buffer, writer: number): StoredBatch => {
    bytes.writeBigInt64BE(BigInt(end), field.baseOffset);
    const attributes = bytes.readInt16BE(field.attributes);
    const batch: StoredBatch = {
      base: end,
      last: end + bytes.readInt32BE(field.lastOffset),
      bytes,
      producerId: bytes.readBigInt64BE(field.producerId),
      epoch: bytes.readInt16BE(field.producerEpoch),
      isControl: (attributes & attribute.control) !== 0,
      largestTime: Number(bytes.readBigInt64BE(field.largestTimestamp)),
      writer,
      fate: (attributes & attribute.transactional) !== 0 ? 'open' : 'committed',
    };
    batches.push(batch);
    end = batch.last + 1;
    return batch;
  };
  return {
    batches,
    get start() {
      return start;
    },
    get end() {
      return end;
    },
    get stable() {
      return stable();
    },
    isDuplicate: (bytes) => duplicateOf(bytes) !== undefined,
    hasOpen(producerId, epoch) {
      const known = producers.get(producerId);
      return known?.open !== undefined && known.epoch === epoch;
    },
    append(bytes, writer) {
      if (bytes.readUInt32BE(field.crc) !== crc32c(bytes.subarray(field.attributes)) >>> 0) return { error: 2, base: -1 };
      const there = duplicateOf(bytes);
      if (there !== undefined) return { error: 0, base: there };
      const producerId = bytes.readBigInt64BE(field.producerId);
      const epoch = bytes.readInt16BE(field.producerEpoch);
      const sequence = bytes.readInt32BE(field.sequence);
      const known = producers.get(producerId);
      if (known !== undefined) {
        if (epoch < known.epoch) return { error: kafkaError.invalidProducerEpoch, base: -1 };
        if (sequence !== (epoch === known.epoch ? known.lastSequence + 1 : 0)) return { error: 45, base: -1 };
      }
      const batch = store(bytes, writer);
      const producer: Producer = known?.epoch === epoch ? known : { epoch, batches: [], lastSequence: -1, open: known?.open };
      producer.lastSequence = sequence + batch.last - batch.base;
      producer.batches = [...producer.batches.slice(-4), { sequence, lastSequence: producer.lastSequence, base: batch.base }];
      if (batch.fate === 'open') producer.open ??= batch.base;
      producers.set(producerId, producer);
      return { error: 0, base: batch.base };
    },
    mark(producerId, epoch, isCommit, time) {
      const known = producers.get(producerId);
      if (known !== undefined && epoch < known.epoch) throw new Error(`a marker of epoch ${epoch} came after a batch of epoch ${known.epoch}`);
      const marker = store(markerBytes(producerId, epoch, isCommit, time), -1);
      marker.fate = 'committed';
      if (known?.open !== undefined) {
        for (const batch of batches) if (batch.producerId === producerId && batch.fate === 'open') batch.fate = isCommit ? 'committed' : 'aborted';
        if (!isCommit) aborted.push({ producerId, first: known.open, marker: marker.base });
      }
      producers.set(producerId, known?.epoch === epoch ? { ...known, open: undefined } : { epoch, batches: [], lastSequence: -1, open: undefined });
    },
    read(offset, maxBytes, isCommitted) {
      const limit = isCommitted ? stable() : end;
      const parts: Buffer[] = [];
      let size = 0;
      let upTo = offset;
      // from the back: what is read is near the end as a rule
      let i = batches.length;
      while (i > 0 && batches[i - 1]!.last >= offset) i -= 1;
      for (; i < batches.length; i++) {
        const batch = batches[i]!;
        if (batch.base >= limit || (size > 0 && size + batch.bytes.length > maxBytes)) break;
        parts.push(batch.bytes);
        size += batch.bytes.length;
        upTo = batch.last + 1;
      }
      return { bytes: parts.length === 1 ? parts[0]! : Buffer.concat(parts, size), aborted: !isCommitted ? [] : aborted.filter((a) => a.marker >= offset && a.first < upTo) };
    },
    deleteBefore(offset) {
      start = Math.max(start, Math.min(offset, end));
      while (batches.length > 0 && batches[0]!.last < start) batches.shift();
      aborted = aborted.filter((a) => a.marker >= start);
    },
  };
}

/** A control batch: its key is i16 version and i16 type (0 abort, 1 commit), its value i16 version and i32 epoch of the coordinator. */
function markerBytes(producerId: bigint, epoch: number, isCommit: boolean, time: number): Buffer {
  const record = [32, 0, 0, 0, 8, 0, 0, 0, isCommit ? 1 : 0, 12, 0, 0, 0, 0, 0, 0, 0];
  const bytes = Buffer.alloc(batchHead + record.length);
  bytes.set(record, batchHead);
  bytes.writeInt32BE(bytes.length - 12, field.size);
  bytes[field.magic] = 2;
  bytes.writeInt16BE(attribute.transactional | attribute.control, field.attributes);
  bytes.writeBigInt64BE(BigInt(Math.trunc(time)), field.firstTimestamp);
  bytes.writeBigInt64BE(BigInt(Math.trunc(time)), field.largestTimestamp);
  bytes.writeBigInt64BE(producerId, field.producerId);
  bytes.writeInt16BE(epoch, field.producerEpoch);
  bytes.writeInt32BE(-1, field.sequence);
  bytes.writeInt32BE(1, field.count);
  bytes.writeUInt32BE(crc32c(bytes.subarray(field.attributes)) >>> 0, field.crc);
  return bytes;
}
