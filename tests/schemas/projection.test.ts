import avsc from 'avsc';
import type { Schema } from 'avsc';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseRecordSchema, SchemaError, type AvroRecordSchema } from '../../schemas/avro-schema.js';
import { cell, type Column } from '../../schemas/column.js';
import { clickEventSchema } from '../../schemas/generated/click-event.js';
import { compileProjection } from '../../schemas/projection.js';
import { compileReader } from '../../schemas/reader.js';
import { wirePrefix } from '../../schemas/wire.js';
import { mutate, mutation, recordOf } from './random-records.js';

const record = (fields: unknown[], more: object = {}): AvroRecordSchema => parseRecordSchema({ type: 'record', name: 'R', fields, ...more });
const plainType = (schema: AvroRecordSchema): avsc.Type => avsc.Type.forSchema(structuredClone(schema) as Schema);
const namesOf = (schema: AvroRecordSchema): string[] => schema.fields.map((f) => f.name);

/** Payloads one after the other, with some bytes before and after each, as in a fetched block. */
function pack(payloads: readonly Uint8Array[], gap: number): { bytes: Uint8Array; offset: Int32Array; length: Int32Array } {
  const bytes = new Uint8Array(payloads.reduce((sum, p) => sum + p.length + gap, gap)).fill(2);
  const offset = new Int32Array(payloads.length);
  const length = new Int32Array(payloads.length);
  let at = gap;
  payloads.forEach((p, i) => {
    bytes.set(p, at);
    offset[i] = at;
    length[i] = p.length;
    at += p.length + gap;
  });
  return { bytes, offset, length };
}

// column.ts drops a byte order mark, avsc does not
function valueAt(column: Column, i: number): unknown {
  if (column.kind !== 'string' || column.length[i]! < 0) return cell(column, i);
  return Buffer.from(column.bytes.subarray(column.offset[i]!, column.offset[i]! + column.length[i]!)).toString();
}

/** From 2^52 on avsc rounds, sign included. */
function rounded(value: unknown): boolean {
  return typeof value === 'number' && Math.abs(value) >= 2 ** 52;
}

const bad = Symbol('bad');

function decodeAll(schema: AvroRecordSchema, fields: readonly string[], payloads: readonly Uint8Array[], gap: number, reader = schema): unknown[] {
  const { bytes, offset, length } = pack(payloads, gap);
  const decoded = compileProjection(schema, fields, reader).decode(bytes, offset, length, payloads.length, 0);
  const badRows = new Set(decoded.bad.map((b) => b.row));
  return payloads.map((_, i) => (badRows.has(i) ? bad : fields.map((_f, k) => valueAt(decoded.columns[k]!, i))));
}

function avscAll(writer: avsc.Type, reader: avsc.Type, fields: readonly string[], payloads: readonly Buffer[]): unknown[] {
  const resolver = reader.createResolver(writer);
  return payloads.map((p) => {
    try {
      const value = reader.fromBuffer(p, resolver) as Record<string, unknown>;
      return fields.map((f) => value[f]);
    } catch {
      return bad;
    }
  });
}

const scalars = record([
  { name: 'a', type: 'int' },
  { name: 'b', type: 'long' },
  { name: 'c', type: 'float' },
  { name: 'd', type: 'double' },
  { name: 'e', type: 'boolean' },
  { name: 'f', type: { type: 'enum', name: 'E', symbols: ['X', 'Y', 'Z'] } },
  { name: 'g', type: 'string' },
  { name: 'h', type: 'bytes' },
  { name: 'i', type: { type: 'fixed', name: 'F', size: 3 } },
]);
const nullables = record([
  { name: 'a', type: ['null', 'int'] },
  { name: 'b', type: ['long', 'null'] },
  { name: 'c', type: ['null', 'double'] },
  { name: 'd', type: ['null', 'boolean'] },
  { name: 'e', type: ['null', { type: 'enum', name: 'E', symbols: ['X', 'Y', 'Z'] }] },
  { name: 'f', type: ['null', 'string'] },
  { name: 'g', type: ['string', 'null'] },
  { name: 'h', type: ['null', 'bytes', 'int'] },
  { name: 'i', type: { type: 'record', name: 'I', fields: [{ name: 'x', type: 'int' }, { name: 'y', type: ['null', 'string'] }, { name: 'z', type: 'E' }] } },
]);
const before = record([
  { name: 'gone', type: { type: 'enum', name: 'G', symbols: ['P', 'Q'] } },
  { name: 'a', type: 'int' },
  { name: 'b', type: 'int' },
  { name: 'c', type: 'long' },
  { name: 'old', type: 'float' },
  { name: 'e', type: { type: 'enum', name: 'E', symbols: ['X', 'Y', 'Z', 'V'] } },
  { name: 'bytes', type: 'bytes' },
  { name: 'text', type: 'string' },
  { name: 'n', type: 'string' },
  { name: 'nested', type: { type: 'record', name: 'N', fields: [{ name: 'p', type: 'int' }, { name: 'q', type: 'string' }] } },
  { name: 'w', type: ['null', 'int'] },
  { name: 'tail', type: ['null', 'long', 'string'] },
]);
const after = record([
  { name: 'n', type: ['null', 'string'], default: null },
  { name: 'bytes', type: 'string' },
  { name: 'text', type: 'bytes' },
  { name: 'new', type: 'string', default: 'é' },
  { name: 'newList', type: { type: 'array', items: 'int' }, default: [1, 2] },
  { name: 'newKind', type: ['null', 'boolean'], default: null },
  { name: 'e', type: { type: 'enum', name: 'E', symbols: ['Z', 'X', 'OTHER'], default: 'OTHER' } },
  { name: 'renamed', type: 'double', aliases: ['old'] },
  { name: 'c', type: 'double' },
  { name: 'b', type: 'long' },
  { name: 'a', type: 'float' },
  { name: 'nested', type: { type: 'record', name: 'N', fields: [{ name: 'q', type: ['null', 'string'] }, { name: 'r', type: 'int', default: 7 }] } },
  { name: 'w', type: ['null', 'double'] },
  { name: 'again', type: 'long', aliases: ['a'] },
]);
const blocks = record([
  { name: 'a', type: { type: 'array', items: 'int' } },
  { name: 'b', type: { type: 'map', values: 'string' } },
  { name: 'c', type: 'string' },
  { name: 'd', type: { type: 'array', items: { type: 'record', name: 'I', fields: [{ name: 'x', type: ['null', 'boolean'] }, { name: 'y', type: { type: 'array', items: 'string' } }] } } },
  { name: 'e', type: 'int' },
]);

const cases: { name: string; writer: AvroRecordSchema; reader: AvroRecordSchema; top: number }[] = [
  { name: 'ClickEvent', writer: clickEventSchema, reader: clickEventSchema, top: 255 },
  { name: 'scalars', writer: scalars, reader: scalars, top: 255 },
  { name: 'nullables', writer: nullables, reader: nullables, top: 255 },
  { name: 'before read as after', writer: before, reader: after, top: 255 },
  // without long varints, since avsc does not come back from a large count
  { name: 'arrays and maps', writer: blocks, reader: blocks, top: 127 },
];

const batch = 40;

test.each(cases)('$name: 20,000 mutated payloads give the verdicts and values of avsc', ({ writer, reader, top }) => {
  const from = plainType(writer);
  const to = plainType(reader);
  let seen = 0;
  let good = 0;
  const small = top < 128 ? smallBlocks : recordOf(writer);
  fc.assert(
    fc.property(
      fc.array(fc.tuple(small, fc.array(mutation(top), { minLength: 1, maxLength: 2 })), { minLength: batch, maxLength: batch }),
      fc.shuffledSubarray(namesOf(reader)),
      fc.nat(12),
      (rows, fields, gap) => {
        const payloads = rows.map(([value, mutations]) => mutations.reduce(mutate, from.toBuffer(value)));
        const wanted = avscAll(from, to, fields, payloads);
        const got = decodeAll(writer, fields, payloads, gap, reader);
        seen += payloads.length;
        good += wanted.filter((w) => w !== bad).length;
        const exact = wanted.map((w, i) => (Array.isArray(w) && got[i] !== bad ? w.map((v, k) => (rounded(v) ? (got[i] as unknown[])[k] : v)) : w));
        expect(got).toEqual(exact);
      },
    ),
    { numRuns: 20_000 / batch, seed: 7 },
  );
  expect(seen).toBe(20_000);
  // the mutations leave enough of both kinds
  expect(good / seen).toBeGreaterThan(0.1);
  expect(good / seen).toBeLessThan(0.9);
});

const ascii = fc.stringMatching(/^[a-z]{0,5}$/);
const smallBlocks = fc.record({
  a: fc.array(fc.integer({ min: -60, max: 60 }), { maxLength: 4 }),
  b: fc.dictionary(fc.stringMatching(/^[a-z]{1,3}$/), ascii, { maxKeys: 3 }),
  c: ascii,
  d: fc.array(fc.record({ x: fc.option(fc.boolean()), y: fc.array(ascii, { maxLength: 2 }) }), { maxLength: 3 }),
  e: fc.integer({ min: -60, max: 60 }),
});

test('any mutation of arrays and maps: columns and whole records agree, and no count is believed', () => {
  const type = plainType(blocks);
  const read = compileReader<Record<string, unknown>>(blocks, blocks);
  fc.assert(
    fc.property(fc.array(fc.tuple(recordOf(blocks), fc.array(mutation(), { minLength: 1, maxLength: 3 })), { minLength: batch, maxLength: batch }), fc.shuffledSubarray(namesOf(blocks)), (rows, fields) => {
      const payloads = rows.map(([value, mutations]) => mutations.reduce(mutate, type.toBuffer(value)));
      const wanted = payloads.map((p) => {
        try {
          const value = read(p, 0, p.length);
          return fields.map((f) => value[f]);
        } catch {
          return bad;
        }
      });
      expect(decodeAll(blocks, fields, payloads, 3)).toEqual(wanted);
    }),
    { numRuns: 250, seed: 7 },
  );
});

const one = (schema: AvroRecordSchema, fields: readonly string[], payload: readonly number[], reader = schema): unknown => decodeAll(schema, fields, [Uint8Array.from(payload)], 16, reader)[0];

test.each(cases)('$name: no byte outside of the block is read', ({ writer, reader }) => {
  const type = plainType(writer);
  const guard: ProxyHandler<Uint8Array> = {
    get(bytes, key) {
      if (typeof key === 'string' && /^-?\d+$/.test(key) && !(Number(key) >= 0 && Number(key) < bytes.length)) throw new Error(`byte ${key} of ${bytes.length} was read`);
      return Reflect.get(bytes, key, bytes) as unknown;
    },
  };
  fc.assert(
    fc.property(recordOf(writer), fc.array(mutation(), { maxLength: 2 }), fc.shuffledSubarray(namesOf(reader)), (value, mutations, fields) => {
      const payload = mutations.reduce(mutate, type.toBuffer(value));
      const bytes = Uint8Array.from(payload);
      const projection = compileProjection(writer, fields, reader);
      const places = [Int32Array.of(0), Int32Array.of(bytes.length), 1, 0] as const;
      const { bad: wanted } = projection.decode(bytes, ...places);
      expect(projection.decode(new Proxy(bytes, guard), ...places).bad).toEqual(wanted);
    }),
    { numRuns: 1_500, seed: 7 },
  );
});

test('a block with more items than bytes is bad at once', () => {
  const list = record([{ name: 'a', type: { type: 'array', items: 'int' } }]);
  const count = [0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0x03];
  expect(one(list, ['a'], [...count, 2, 0])).toBe(bad);
  expect(one(list, [], [...count, 2, 0])).toBe(bad);
});

test('ends of the number ranges', () => {
  const numbers = record([{ name: 'a', type: 'int' }, { name: 'b', type: 'long' }]);
  const zigzag = (n: bigint): number[] => {
    const bytes: number[] = [];
    let z = BigInt.asUintN(64, (n << 1n) ^ (n >> 63n));
    for (; z > 127n; z >>= 7n) bytes.push(Number(z & 127n) | 128);
    return [...bytes, Number(z)];
  };
  const of = (a: bigint, b: bigint): unknown => one(numbers, ['a', 'b'], [...zigzag(a), ...zigzag(b)]);
  for (const n of [0n, -1n, 63n, -64n, 64n, -65n, 2n ** 31n - 1n, -(2n ** 31n)]) expect(of(n, n)).toEqual([Number(n), Number(n)]);
  for (const n of [2n ** 48n, -(2n ** 48n) - 1n, 2n ** 52n - 1n, -(2n ** 52n), 2n ** 52n, -(2n ** 52n) - 1n, 2n ** 53n - 2n, -(2n ** 53n) + 2n]) {
    expect(of(1n, n)).toEqual([1, Number(n)]);
  }
  for (const n of [2n ** 53n - 1n, 1n - 2n ** 53n, 2n ** 60n, 2n ** 63n - 1n, -(2n ** 63n)]) expect(of(1n, n)).toBe(bad);
  // avsc takes longer ints; the column is made of doubles then
  expect(of(2n ** 31n, 0n)).toEqual([2 ** 31, 0]);
});

test('kinds of columns', () => {
  const { bytes, offset, length } = pack([plainType(nullables).toBuffer({ a: 1, b: 2, c: 3, d: true, e: 'Y', f: 'x', g: null, h: 5, i: { x: 1, y: null, z: 'Z' } })], 20);
  const { columns } = compileProjection(nullables, namesOf(nullables), nullables).decode(bytes, offset, length, 1, 0);
  expect(columns.map((c) => c.kind)).toEqual(['number', 'number', 'number', 'boolean', 'enum', 'string', 'string', 'object', 'object']);
  expect(columns[0]).toEqual({ kind: 'number', data: Int32Array.of(1), nulls: Uint8Array.of(0) });
  expect(columns[1]).toMatchObject({ data: Float64Array.of(2) });
  expect(columns[5]!.kind === 'string' && columns[5].bytes).toBe(bytes);
});

test('the wire prefix is skipped, and a value shorter than it is bad', () => {
  const schema = record([{ name: 'a', type: 'string' }]);
  const { bytes, offset, length } = pack([Buffer.concat([wirePrefix(7), Uint8Array.of(4, 104, 105)]), Uint8Array.of(0, 0), new Uint8Array(0)], 1);
  length[2] = -1;
  const { columns, bad: rows } = compileProjection(schema, ['a'], schema).decode(bytes, offset, length, 3, 5);
  expect(cell(columns[0]!, 0)).toBe('hi');
  expect(rows.map((b) => b.row)).toEqual([1, 2]);
});

test('places outside of the bytes are bad rows', () => {
  const schema = record([{ name: 'a', type: 'int' }]);
  const { bad: rows } = compileProjection(schema, ['a'], schema).decode(Uint8Array.of(2, 4), Int32Array.of(0, 1, 2, -1, 1), Int32Array.of(1, 2, 1, 1, 1), 5, 0);
  expect(rows.map((b) => b.row)).toEqual([1, 2, 3]);
});

test('a nullable field read as its value: rows with null are bad', () => {
  const writer = record([{ name: 'a', type: ['null', 'string'] }, { name: 'b', type: ['null', 'int'] }, { name: 'c', type: { type: 'array', items: 'int' } }]);
  const reader = record([{ name: 'a', type: 'string' }, { name: 'b', type: 'long', default: 3 }]);
  for (const fields of [['a', 'b'], ['a'], ['b'], []]) {
    const wanted = fields.map((f) => (f === 'a' ? 'x' : 5));
    expect(one(writer, fields, [2, 2, 120, 2, 10, 0], reader)).toEqual(wanted);
    expect(one(writer, fields, [0, 2, 10, 0], reader)).toBe(bad);
    expect(one(writer, fields, [2, 2, 120, 0, 0], reader)).toBe(bad);
  }
});

test('an enum symbol that the reader does not know: its default, else a bad row', () => {
  const writer = record([{ name: 'a', type: { type: 'enum', name: 'E', symbols: ['X', 'Y'] } }]);
  const strict = record([{ name: 'a', type: { type: 'enum', name: 'E', symbols: ['W', 'X'] } }]);
  const lenient = record([{ name: 'a', type: { type: 'enum', name: 'E', symbols: ['W', 'X'], default: 'W' } }]);
  expect(one(writer, ['a'], [0], strict)).toEqual(['X']);
  expect(one(writer, ['a'], [2], strict)).toBe(bad);
  expect(one(writer, [], [0], strict)).toEqual([]);
  expect(one(writer, [], [2], strict)).toBe(bad);
  expect(one(writer, ['a'], [2], lenient)).toEqual(['W']);
  expect(one(writer, [], [2], lenient)).toEqual([]);
});

test('records of another namespace and fields asked for twice are fine', () => {
  const writer = record([{ name: 'a', type: 'int' }], { namespace: 'x' });
  const reader = record([{ name: 'a', type: 'int' }], { namespace: 'y' });
  expect(one(writer, ['a', 'a'], [6], reader)).toEqual([3, 3]);
});

test('a type within itself', () => {
  const list = record([{ name: 'a', type: 'int' }, { name: 'next', type: ['null', 'R'] }, { name: 'b', type: 'int' }]);
  expect(one(list, ['b', 'a'], [2, 2, 4, 0, 6, 8])).toEqual([4, 1]);
  expect(one(list, ['b', 'next'], [2, 2, 4, 0, 6, 8])).toMatchObject([4, { a: 2, next: null, b: 3 }]);
  expect(one(list, ['a'], [2, 2, 4, 0, 6])).toBe(bad);
});

test.each([
  ['a field that the reader does not have', record([]), ['a'], record([])],
  ['a new field without default', record([]), ['a'], record([{ name: 'a', type: 'int' }])],
  ['a new field without default that is not asked for', record([]), [], record([{ name: 'a', type: 'int' }])],
  ['long as int', record([{ name: 'a', type: 'long' }]), ['a'], record([{ name: 'a', type: 'int' }])],
  ['string as int', record([{ name: 'a', type: 'string' }]), ['a'], record([{ name: 'a', type: 'int' }])],
  ['a branch that does not fit', record([{ name: 'a', type: ['null', 'string'] }]), ['a'], record([{ name: 'a', type: ['null', 'int'] }])],
  ['another record', record([]), [], parseRecordSchema({ type: 'record', name: 'S', fields: [] })],
  ['another enum', record([{ name: 'a', type: { type: 'enum', name: 'E', symbols: ['X'] } }]), ['a'], record([{ name: 'a', type: { type: 'enum', name: 'F', symbols: ['X'] } }])],
  ['two fields of the writer for one', record([{ name: 'a', type: 'int' }, { name: 'b', type: 'int' }]), ['a'], record([{ name: 'a', type: 'int', aliases: ['b'] }])],
])('%s is refused when it is compiled', (_, writer, fields, reader) => {
  expect(() => compileProjection(writer, fields, reader)).toThrow(SchemaError);
});

test('columns of one batch are not those of the next', () => {
  const schema = record([{ name: 'a', type: 'int' }]);
  const projection = compileProjection(schema, ['a'], schema);
  const first = projection.decode(Uint8Array.of(2), Int32Array.of(0), Int32Array.of(1), 1, 0);
  projection.decode(Uint8Array.of(4), Int32Array.of(0), Int32Array.of(1), 1, 0);
  expect(cell(first.columns[0]!, 0)).toBe(1);
});
