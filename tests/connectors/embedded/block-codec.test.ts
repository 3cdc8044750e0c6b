import * as zlib from 'node:zlib';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeBlock, dropRows, encodeBlock, encodeRows, peekBlock } from '../../../connectors/embedded/block-codec.js';
import { crc32, crc32ByTable } from '../../../connectors/embedded/crc32.js';
import { BlockWriter, type Header, type RecordBlock } from '../../../dataflow/record-block.js';
import { blockOf, recordsOf } from '../../contracts/log-client-contract.js';

interface Row {
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly timestamp: number;
  readonly headers: readonly Header[] | undefined;
}

const bytes = fc.option(fc.uint8Array({ maxLength: 100 }), { nil: null });
const row: fc.Arbitrary<Row> = fc.record({
  key: bytes,
  value: bytes,
  timestamp: fc.oneof(fc.integer({ min: 0, max: 2_000_000_000_000 }), fc.double({ noNaN: true })),
  headers: fc.option(fc.array(fc.record({ key: fc.string({ unit: 'binary' }), value: fc.uint8Array({ maxLength: 20 }) }), { minLength: 1, maxLength: 3 }), { nil: undefined, freq: 4 }),
});

function write(rows: readonly Row[]): RecordBlock {
  const writer = new BlockWriter();
  for (const r of rows) writer.append(r.key, r.value, r.timestamp, r.headers);
  return writer.take();
}

function rowsOf(block: RecordBlock): Row[] {
  const cut = (at: number, length: number): Uint8Array | null => (length < 0 ? null : new Uint8Array(block.bytes.subarray(at, at + length)));
  return Array.from({ length: block.count }, (_, i) => ({
    key: cut(block.keyOffset[i]!, block.keyLength[i]!),
    value: cut(block.valueOffset[i]!, block.valueLength[i]!),
    timestamp: block.timestamps[i]!,
    headers: block.headers?.get(i)?.map((h) => ({ key: h.key, value: new Uint8Array(h.value) })),
  }));
}

const plain = (rows: readonly Row[]): Row[] => rows.map((r) => ({ ...r, key: r.key && new Uint8Array(r.key), value: r.value && new Uint8Array(r.value) }));

test('any block comes back as it was, from any position in memory', () => {
  fc.assert(
    fc.property(fc.array(row, { maxLength: 50 }), fc.integer({ min: 0, max: 15 }), fc.nat(2 ** 40), (rows, shift, baseOffset) => {
      const stored = encodeBlock(write(rows));
      const moved = new Uint8Array(stored.length + shift);
      moved.set(stored, shift);
      const decoded = decodeBlock(moved.subarray(shift), baseOffset);
      expect(rowsOf(decoded)).toEqual(plain(rows));
      expect(decoded.baseOffset).toBe(baseOffset);
    }),
  );
});

test('rows of several blocks become one block, whatever the buffer held before', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.array(row, { maxLength: 12 }), fc.nat(12), fc.nat(12)), { maxLength: 4 }), (pieces) => {
      const cuts = pieces.map(([rows, a, b]) => ({ rows, from: Math.min(a, b, rows.length), to: Math.min(Math.max(a, b), rows.length) }));
      const stored = encodeRows(cuts.map(({ rows, from, to }) => ({ block: write(rows), from, to })), (size) => new Uint8Array(size + 9).fill(0xaa).buffer);
      expect(rowsOf(decodeBlock(stored, 0))).toEqual(plain(cuts.flatMap(({ rows, from, to }) => rows.slice(from, to))));
    }),
  );
});

test('the later rows of a block are a block', () => {
  fc.assert(
    fc.property(fc.array(row, { minLength: 1, maxLength: 20 }), fc.nat(20), (rows, n) => {
      const cut = Math.min(n, rows.length - 1);
      const rest = dropRows(decodeBlock(encodeBlock(write(rows)), 100), cut);
      expect(rowsOf(rest)).toEqual(plain(rows.slice(cut)));
      expect(rest.baseOffset).toBe(100 + cut);
    }),
  );
});

test('every damaged byte is found', () => {
  const stored = encodeBlock(blockOf([
    { key: 'a', value: 'b', timestamp: 1 },
    { key: null, value: 'ccc', timestamp: 2, headers: [{ key: 'h', value: 'v' }] },
  ]));
  for (let i = 0; i < stored.length; i++) {
    const damaged = Uint8Array.from(stored);
    damaged[i]! ^= 0x41;
    // bytes 6 and 7 are reserved
    if (i === 6 || i === 7) continue;
    expect(() => decodeBlock(damaged, 0, { topic: 't', partition: 1, offset: 5 })).toThrow(expect.objectContaining({ code: 'HR_DECODE', place: { topic: 't', partition: 1, offset: 5 } }));
  }
  for (let n = 0; n < stored.length; n++) expect(() => decodeBlock(stored.subarray(0, n), 0)).toThrow(expect.objectContaining({ code: 'HR_DECODE' }));
});

test('random bytes are never a block', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (random) => {
    expect(() => decodeBlock(random, 0)).toThrow(expect.objectContaining({ code: 'HR_DECODE' }));
  }));
});

test('the head gives count and time bounds', () => {
  const stored = encodeBlock(blockOf([{ key: 'a', value: 'b', timestamp: 7 }, { key: 'a', value: 'b', timestamp: 3 }, { key: 'a', value: 'b', timestamp: 5 }]));
  expect(peekBlock(stored)).toEqual({ count: 3, minTimestamp: 3, maxTimestamp: 7 });
  expect(recordsOf(decodeBlock(stored, 10)).map((r) => r.offset)).toEqual([10, 11, 12]);
});

test('the checksum is CRC-32, with and without the one of node:zlib', () => {
  expect(crc32ByTable(Buffer.from('123456789'))).toBe(0xcbf43926);
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (data) => {
    expect(crc32ByTable(data)).toBe(crc32(data));
    if (typeof zlib.crc32 === 'function') expect(crc32ByTable(data)).toBe(zlib.crc32(data));
  }));
});
