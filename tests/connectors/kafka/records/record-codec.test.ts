import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { type Compression, compress, compressions, decompress } from '../../../../connectors/kafka/records/compression.js';
import { type AbortedTransaction, decodeRecords } from '../../../../connectors/kafka/records/decode-records.js';
import { encodeRecords, sequenceAfter } from '../../../../connectors/kafka/records/encode-records.js';
import { attribute, field } from '../../../../connectors/kafka/records/record-batch.js';
import { xxh32 } from '../../../../connectors/kafka/records/xxh32.js';
import { loadZstd } from '../../../../connectors/kafka/records/zstd.js';
import { HeadraceError } from '../../../../dataflow/errors.js';
import { crc32c } from '@platformatic/kafka';
import { blockOf, recordsOf, type TestRecord } from '../../../contracts/log-client-contract.js';

beforeAll(loadZstd);

const anyRecord: fc.Arbitrary<TestRecord> = fc.record({
  key: fc.option(fc.string({ unit: 'grapheme', maxLength: 40 }), { nil: null }),
  value: fc.option(fc.oneof(fc.string({ maxLength: 200 }), fc.constant('x'.repeat(3_000))), { nil: null }),
  timestamp: fc.oneof(fc.integer({ min: -1, max: 4e12 }), fc.constant(-1), fc.constant(1_760_000_400_000)),
  headers: fc.option(fc.array(fc.record({ key: fc.string({ unit: 'grapheme', maxLength: 10 }), value: fc.string({ maxLength: 10 }) }), { minLength: 1, maxLength: 3 }), { nil: undefined }),
});
const anyCompression = fc.constantFrom<Compression>(...compressions);
const producer = { id: 7n, epoch: 3, transactional: true };

interface Batch {
  readonly records: readonly TestRecord[];
  readonly compression: Compression;
  readonly producerId: bigint;
  readonly transactional: boolean;
}

/** A batch as the broker stores it: with its offset, which the checksum does not cover. */
function stored(batch: Batch, baseOffset: number): Buffer {
  const [made, more] = encodeRecords([blockOf(batch.records)], { producer: { ...producer, id: batch.producerId, transactional: batch.transactional }, sequence: 0, compression: batch.compression, batchBytes: 1e9 });
  expect(more).toBeUndefined();
  const bytes = Buffer.from(made!.bytes);
  bytes.writeBigInt64BE(BigInt(baseOffset), field.baseOffset);
  return bytes;
}

/** A marker at the end of a transaction. */
function marker(producerId: bigint, baseOffset: number, commit: boolean): Buffer {
  const bytes = stored({ records: [{ key: `\0\0\0${commit ? '\u0001' : '\0'}`, value: '\0\0\0\0\0\0', timestamp: 1 }], compression: 'none', producerId, transactional: true }, baseOffset);
  bytes.writeInt16BE(bytes.readInt16BE(field.attributes) | attribute.control, field.attributes);
  bytes.writeUInt32BE(crc32c(bytes.subarray(field.attributes)) >>> 0, field.crc);
  return bytes;
}

const cutting = (parts: readonly Uint8Array[], from = 0, aborted: readonly AbortedTransaction[] = []) => decodeRecords(Buffer.concat(parts), { from, aborted });

describe('record batches', () => {
  test('records come back as they were written, in blocks, batches and compressions of any kind, from any offset on', () => {
    fc.assert(
      fc.property(fc.array(fc.array(anyRecord, { maxLength: 12 }), { maxLength: 5 }), anyCompression, fc.integer({ min: 1, max: 5_000 }), fc.integer({ min: 0, max: 30 }), (blocks, compression, batchBytes, from) => {
        const batches = [...encodeRecords(blocks.map(blockOf), { producer, sequence: 5, compression, batchBytes })];
        const all = blocks.flat();
        expect(batches.reduce((n, b) => n + b.count, 0)).toBe(all.length);
        let offset = 0;
        const bytes = batches.map((batch, i) => {
          const whole = Buffer.from(batch.bytes);
          expect(whole.readInt32BE(field.sequence)).toBe(5 + offset);
          whole.writeBigInt64BE(BigInt(offset), field.baseOffset);
          offset += batch.count;
          expect(i === 0 || batch.count > 0).toBe(true);
          return whole;
        });
        const { block, next } = cutting(bytes, from);
        expect(next).toBe(Math.max(from, all.length));
        const expected = all.map((r, o) => ({ headers: undefined, ...r, offset: o })).slice(from);
        expect(block === undefined ? [] : recordsOf(block)).toEqual(expected);
      }),
      { numRuns: 300 },
    );
  });

  test('what a read-committed reader sees is what a naive one computes, over interleaved transactions with gaps', () => {
    const step = fc.record({ producer: fc.integer({ min: 1, max: 3 }), kind: fc.constantFrom('write', 'write', 'plain', 'commit', 'abort'), gap: fc.integer({ min: 0, max: 2 }), records: fc.array(anyRecord, { minLength: 1, maxLength: 3 }), compression: anyCompression });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 25 }), fc.nat(40), (steps, fromOffset) => {
        const parts: Buffer[] = [];
        const aborted: (AbortedTransaction & { readonly marker: number })[] = [];
        const open = new Map<number, { first: number; records: (TestRecord & { offset: number })[] }>();
        let visible: (TestRecord & { offset: number })[] = [];
        let end = 0;
        const finish = (id: number, commit: boolean) => {
          const transaction = open.get(id);
          if (transaction === undefined) return;
          open.delete(id);
          parts.push(marker(BigInt(id), end, commit));
          if (commit) visible.push(...transaction.records);
          else aborted.push({ producerId: BigInt(id), firstOffset: transaction.first, marker: end });
          end += 1;
        };
        for (const { producer: id, kind, gap, records, compression } of steps) {
          if (kind === 'commit' || kind === 'abort') {
            finish(id, kind === 'commit');
            continue;
          }
          end += gap;
          const written = records.map((r, i) => ({ headers: undefined, ...r, offset: end + i }));
          parts.push(stored({ records, compression, producerId: kind === 'plain' ? -1n : BigInt(id), transactional: kind === 'write' }, end));
          if (kind === 'plain') visible.push(...written);
          else {
            const transaction = open.get(id) ?? { first: end, records: [] };
            transaction.records.push(...written);
            open.set(id, transaction);
          }
          end += records.length;
        }
        for (const id of open.keys()) finish(id, false);
        const from = Math.min(fromOffset, end);
        visible = visible.filter((r) => r.offset >= from).sort((a, b) => a.offset - b.offset);
        // a fetch begins with the batch that holds the offset, and tells the aborted transactions that end behind it
        let at = 0;
        const fetched = parts.filter((part) => {
          at = Number(part.readBigInt64BE(field.baseOffset)) + part.readInt32BE(field.lastOffset);
          return at >= from;
        });
        const { block, next } = cutting(fetched, from, aborted.filter((a) => a.marker >= from));
        expect(block === undefined ? [] : recordsOf(block)).toEqual(visible);
        expect(next).toBe(Math.max(from, end));
      }),
      { numRuns: 500 },
    );
  });

  test('a batch that is cut off is left for the next fetch', () => {
    const [a, b] = [stored({ records: [{ key: 'a', value: 'A', timestamp: 1 }], compression: 'none', producerId: -1n, transactional: false }, 0), stored({ records: [{ key: 'b', value: 'B', timestamp: 1 }], compression: 'lz4', producerId: -1n, transactional: false }, 1)];
    for (let cut = 1; cut < b.length; cut++) {
      const { block, next } = cutting([a, b.subarray(0, cut)]);
      expect([next, block!.count]).toEqual([1, 1]);
    }
    expect(cutting([a.subarray(0, 30)], 9)).toEqual({ block: undefined, next: 9 });
  });

  test('the time of the append, where the broker sets it', () => {
    const batch = stored({ records: [{ key: null, value: 'x', timestamp: 5 }, { key: null, value: 'y', timestamp: 6 }], compression: 'none', producerId: -1n, transactional: false }, 0);
    batch.writeInt16BE(attribute.logAppendTime, field.attributes);
    batch.writeBigInt64BE(99n, field.largestTimestamp);
    batch.writeUInt32BE(crc32c(batch.subarray(field.attributes)) >>> 0, field.crc);
    expect([...cutting([batch]).block!.timestamps]).toEqual([99, 99]);
  });

  test('damaged bytes are refused or read, and never crash or loop', () => {
    fc.assert(
      fc.property(fc.array(anyRecord, { minLength: 1, maxLength: 6 }), anyCompression, fc.array(fc.record({ at: fc.nat(), to: fc.nat(255) }), { minLength: 1, maxLength: 8 }), fc.boolean(), (records, compression, changes, mendChecksum) => {
        const bytes = stored({ records, compression, producerId: 1n, transactional: true }, 0);
        for (const { at, to } of changes) bytes[at % bytes.length] = to;
        if (mendChecksum) bytes.writeUInt32BE(crc32c(bytes.subarray(field.attributes)) >>> 0, field.crc);
        try {
          const { next } = cutting([bytes]);
          expect(next).toBeGreaterThanOrEqual(0);
        } catch (error) {
          expect(error).toBeInstanceOf(HeadraceError);
          expect((error as HeadraceError).code).toBe('HR_DECODE');
        }
      }),
      { numRuns: 2_000 },
    );
  });

  test('a single flipped bit under the checksum is noticed, and formats before 2 are named', () => {
    const bytes = stored({ records: [{ key: 'k', value: 'value', timestamp: 5 }], compression: 'none', producerId: -1n, transactional: false }, 0);
    bytes[bytes.length - 3]! ^= 1;
    expect(() => cutting([bytes])).toThrow(/checksum/);
    bytes[field.magic] = 1;
    expect(() => cutting([bytes])).toThrow(/Kafka 0\.11/);
  });

  test('sequence numbers go round', () => {
    expect(sequenceAfter(0x7fffffff, 1)).toBe(0);
    expect(sequenceAfter(0x7ffffff0, 20)).toBe(4);
    expect(sequenceAfter(0x7ffffff0, 15)).toBe(0x7fffffff);
  });
});

describe('compression', () => {
  const anyBytes = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 40 }), fc.integer({ min: 1, max: 6_000 })).map(([part, times]) => Buffer.concat(Array.from({ length: times }, () => part))),
    fc.integer({ min: 60_000, max: 140_000 }).map((n) => Uint8Array.from({ length: n }, (_, i) => (i * i * 2_654_435_761) >>> 24)),
  );
  for (const kind of compressions) {
    test(`${kind}: any bytes come back`, () => {
      fc.assert(fc.property(anyBytes, (bytes) => Buffer.compare(decompress(kind, compress(kind, bytes)), bytes) === 0), { numRuns: 150 });
    });
    if (kind !== 'none') {
      test(`${kind}: repetition becomes smaller`, () => {
        const text = Buffer.from('{"userId":"u1","itemId":"i2"}'.repeat(2_000));
        expect(compress(kind, text).length).toBeLessThan(text.length / 5);
      });
      test(`${kind}: any other bytes give an error or some bytes`, () => {
        fc.assert(
          fc.property(anyBytes, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 5 }), fc.boolean(), (bytes, changes, cut) => {
            const packed = Uint8Array.from(compress(kind, bytes));
            for (const [at, to] of changes) packed[at % Math.max(1, packed.length)] = to;
            try {
              decompress(kind, cut ? packed.subarray(0, packed.length >> 1) : packed);
            } catch (error) {
              expect(error).toBeInstanceOf(Error);
            }
          }),
          { numRuns: 200 },
        );
        // and afterwards it still works
        const bytes = Buffer.from('after all that');
        expect(Buffer.from(decompress(kind, compress(kind, bytes))).toString()).toBe('after all that');
      });
    }
  }

  test('frames that other programs make', () => {
    const hello = 'hello hello hello hello hello hello\n';
    const frames: Readonly<Record<string, string>> = {
      snappy: '241468656c6c6f20720600000a',
      lz4: '04224d186440a7100000006f68656c6c6f2006000650656c6c6f0a0000000053ce9936',
      zstd: '28b52ffd04586d00003868656c6c6f200a0100b94b116b1f0867',
      gzip: gzipSync(hello).toString('hex'),
    };
    for (const [kind, hex] of Object.entries(frames)) expect(Buffer.from(decompress(kind as Compression, Buffer.from(hex, 'hex'))).toString()).toBe(hello);
  });

  test('XXH32 by its published values', () => {
    expect(xxh32(new Uint8Array(0))).toBe(0x02cc5d05);
    expect(xxh32(Buffer.from('a'))).toBe(0x550d7456);
    expect(xxh32(Buffer.from('abc'))).toBe(0x32d153ff);
    expect(xxh32(Buffer.from('Nobody inspects the spammish repetition'))).toBe(0xe2293b2f);
  });
});
