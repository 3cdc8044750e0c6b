import avsc from 'avsc';
import type { Schema } from 'avsc';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseRecordSchema, SchemaError, type AvroRecordSchema } from '../../schemas/avro-schema.js';
import { stringColumn, type Column } from '../../schemas/column.js';
import { compileColumnEncoder, compileRowEncoder } from '../../schemas/encoder.js';
import { clickEventSchema, type ClickEvent } from '../../schemas/generated/click-event.js';
import { compileProjection } from '../../schemas/projection.js';
import { compileReader } from '../../schemas/reader.js';
import { recordOf } from './random-records.js';

const record = (...fields: unknown[]): AvroRecordSchema => parseRecordSchema({ type: 'record', name: 'R', fields });
const plainType = (schema: AvroRecordSchema): avsc.Type => avsc.Type.forSchema(structuredClone(schema) as Schema);

const all = record(
  { name: 'a', type: 'int' },
  { name: 'b', type: 'long' },
  { name: 'c', type: 'float' },
  { name: 'd', type: 'double' },
  { name: 'e', type: 'boolean' },
  { name: 'f', type: { type: 'enum', name: 'E', symbols: ['X', 'Y', 'Z'] } },
  { name: 'g', type: 'string' },
  { name: 'h', type: 'bytes' },
  { name: 'i', type: ['null', 'int'] },
  { name: 'j', type: ['long', 'null'] },
  { name: 'k', type: ['null', 'string'] },
  { name: 'l', type: ['null', 'E'] },
  { name: 'm', type: ['null', 'boolean'] },
  { name: 'n', type: { type: 'array', items: 'int' } },
  { name: 'o', type: { type: 'array', items: 'long' } },
  { name: 'p', type: ['null', { type: 'array', items: 'double' }] },
  { name: 'q', type: { type: 'map', values: 'string' } },
  { name: 'r', type: { type: 'record', name: 'I', fields: [{ name: 'x', type: 'long' }, { name: 'y', type: ['null', 'string', 'int'] }] } },
  { name: 's', type: { type: 'fixed', name: 'F', size: 2 } },
  { name: 't', type: ['null', { type: 'array', items: { type: 'record', name: 'J', fields: [{ name: 'x', type: 'string' }, { name: 'y', type: { type: 'array', items: 'double' } }, { name: 'z', type: ['null', 'bytes'] }, { name: 'm', type: { type: 'map', values: 'long' } }] } }] },
  { name: 'u', type: { type: 'array', items: { type: 'record', name: 'K', fields: [{ name: 'x', type: 'I' }] } } },
);

const pair = { type: 'record', name: 'Pair', fields: [{ name: 'x', type: 'int' }, { name: 'y', type: 'int', default: 0 }] };

test('arrays of one length are encoded to the same bytes as by avsc, from 32-bit numbers as from floats', () => {
  fc.assert(
    fc.property(fc.constantFrom('int', 'long', 'float', 'double'), fc.nat(4), fc.array(fc.oneof(fc.integer({ min: -2, max: 70 }), fc.integer()), { minLength: 12, maxLength: 12 }), (items, width, numbers) => {
      const schema = record({ name: 'n', type: { type: 'array', items } });
      for (const data of [Int32Array.from(numbers), Float64Array.from(numbers)]) {
        const encoder = compileColumnEncoder(schema, new Map<string, Column>([['n', { kind: 'vector', width, data }]]));
        for (let row = 0; row < 3; row++) {
          const target = new Uint8Array(encoder.bound(row));
          const end = encoder.encode(row, target, 0);
          expect(Buffer.from(target.subarray(0, end))).toEqual(plainType(schema).toBuffer({ n: numbers.slice(row * width, (row + 1) * width) }));
        }
      }
    }),
    { numRuns: 200 },
  );
});

test('columns of decoded records are encoded to the same bytes as by avsc', () => {
  const type = plainType(all);
  const names = all.fields.map((f) => f.name);
  const projection = compileProjection(all, names, all);
  fc.assert(
    fc.property(fc.array(recordOf(all), { minLength: 1, maxLength: 10 }), (values) => {
      const payloads = values.map((v) => type.toBuffer(v));
      const bytes = Buffer.concat(payloads);
      const length = Int32Array.from(payloads, (p) => p.length);
      const offset = length.map((_, i) => length.subarray(0, i).reduce((a, b) => a + b, 0));
      const { columns, bad } = projection.decode(bytes, offset, length, values.length, 0);
      expect(bad).toEqual([]);
      const encoder = compileColumnEncoder(all, new Map(names.map((n, i) => [n, columns[i]!])));
      const target = new Uint8Array(values.reduce((sum, _, i) => sum + encoder.bound(i), 3));
      let at = 3;
      values.forEach((_, i) => (at = encoder.encode(i, target, at)));
      expect(Buffer.from(target.subarray(3, at)).equals(bytes)).toBe(true);
    }),
    { numRuns: 300, seed: 7 },
  );
});

test('objects are encoded to the same bytes as by avsc, within the bound', () => {
  const type = plainType(all);
  const encoder = compileRowEncoder<Record<string, unknown>>(all);
  fc.assert(
    fc.property(recordOf(all), (value) => {
      const bound = encoder.bound(value);
      const target = new Uint8Array(bound + 1);
      const end = encoder.encode(value, target, 1);
      expect(end - 1).toBeLessThanOrEqual(bound);
      expect(Buffer.from(target.subarray(1, end)).equals(type.toBuffer(value))).toBe(true);
    }),
    { numRuns: 1_000, seed: 7 },
  );
});

test('a value that was changed after its bound was asked for is encoded as it is', () => {
  const encoder = compileRowEncoder<object>(record({ name: 'q', type: { type: 'map', values: 'string' } }));
  const value: { q: Record<string, string> } = { q: { a: 'b' } };
  const target = new Uint8Array(99);
  expect(encoder.bound(value)).toBe(6);
  encoder.encode(value, target, 0);
  value.q = { c: 'd' };
  expect([...target.subarray(0, encoder.encode(value, target, 0))]).toEqual([2, 2, 99, 2, 100, 0]);
});

const longs = record({ name: 'a', type: 'long' }, { name: 'b', type: { type: 'array', items: 'long' } }, { name: 'c', type: { type: 'map', values: 'long' } });

test('longs up to 2^53 - 2 come back exactly, in fields, arrays and maps', () => {
  const read = compileReader<object>(longs, longs);
  const encoder = compileRowEncoder<object>(longs);
  const target = new Uint8Array(200);
  const ends = [2 ** 31, 2 ** 32, 2 ** 48, 2 ** 52 - 1, 2 ** 52, 2 ** 52 + 1, 2 ** 53 - 3, 2 ** 53 - 2].flatMap((n) => [n, -n, 1 - n]);
  fc.assert(
    fc.property(fc.oneof(fc.constantFrom(...ends), fc.maxSafeInteger().filter((n) => Math.abs(n) < 2 ** 53 - 1)), (n) => {
      const value = { a: n, b: [n, 0, n], c: { x: n } };
      expect(read(target, 0, encoder.encode(value, target, 0))).toMatchObject(value);
      const columns = new Map<string, Column>([
        ['a', { kind: 'number', data: Float64Array.of(n) }],
        ['b', { kind: 'object', data: [Float64Array.of(n, 0, n)] }],
        ['c', { kind: 'object', data: [{ x: n }] }],
      ]);
      expect(read(target, 0, compileColumnEncoder(longs, columns).encode(0, target, 0))).toMatchObject(value);
    }),
    { numRuns: 1_000, seed: 7 },
  );
});

test('columns of another kind that holds the same', () => {
  const schema = record(
    { name: 'kind', type: { type: 'enum', name: 'E', symbols: ['X', 'Y'] } },
    { name: 'text', type: 'string' },
    { name: 'double', type: 'double' },
    { name: 'list', type: { type: 'array', items: 'int' } },
    { name: 'maybe', type: ['null', 'long'] },
    { name: 'bytes', type: 'bytes' },
    { name: 'object', type: 'string' },
  );
  const columns = new Map<string, Column>([
    ['kind', stringColumn(['Y', 'X'])],
    ['text', { kind: 'enum', data: Int32Array.of(1, 0), symbols: ['lang', 'länger'] }],
    ['double', { kind: 'number', data: Int32Array.of(3, -4) }],
    ['list', { kind: 'object', data: [Int32Array.of(1, -70), []] }],
    ['maybe', { kind: 'number', data: Float64Array.of(5, 6), nulls: Uint8Array.of(0, 1) }],
    ['bytes', { kind: 'object', data: [Uint8Array.of(1, 2), Buffer.alloc(0)] }],
    ['object', { kind: 'object', data: ['x', 'ü'.repeat(70)] }],
  ]);
  const encoder = compileColumnEncoder(schema, columns);
  const read = compileReader<object>(schema, schema);
  const rows = [0, 1].map((row) => {
    const target = new Uint8Array(encoder.bound(row));
    return read(target, 0, encoder.encode(row, target, 0));
  });
  expect(rows).toMatchObject([
    { kind: 'Y', text: 'länger', double: 3, list: [1, -70], maybe: 5, bytes: Buffer.of(1, 2), object: 'x' },
    { kind: 'X', text: 'lang', double: -4, list: [], maybe: null, bytes: Buffer.alloc(0), object: 'ü'.repeat(70) },
  ]);
});

test('symbols of an enum column are matched by name', () => {
  const schema = record({ name: 'kind', type: ['null', { type: 'enum', name: 'E', symbols: ['X', 'Y'] }] });
  const encoder = compileColumnEncoder(schema, new Map([['kind', { kind: 'enum', data: Int32Array.of(0, 1, 2), symbols: ['Y', 'W', 'X'] } as const]]));
  const target = new Uint8Array(20);
  expect([...target.subarray(0, encoder.encode(0, target, 0))]).toEqual([2, 2]);
  expect([...target.subarray(0, encoder.encode(2, target, 0))]).toEqual([2, 0]);
  expect(() => encoder.encode(1, target, 0)).toThrow('field kind: "W" is not a value of type enum');
});

test('fields without column or value get their default', () => {
  const schema = record({ name: 'a', type: 'int' }, { name: 'b', type: 'string', default: 'é' }, { name: 'c', type: ['null', 'int'], default: null }, { name: 'd', type: { type: 'array', items: 'int' }, default: [1] });
  const read = compileReader<object>(schema, schema);
  const target = new Uint8Array(50);
  const columns = compileColumnEncoder(schema, new Map([['a', { kind: 'number', data: Int32Array.of(4) } as const]]));
  expect(read(target, 0, columns.encode(0, target, 0))).toMatchObject({ a: 4, b: 'é', c: null, d: [1] });
  const rows = compileRowEncoder<object>(schema);
  expect(read(target, 0, rows.encode({ a: 4 }, target, 0))).toMatchObject({ a: 4, b: 'é', c: null, d: [1] });
  expect(rows.bound({ a: 4 })).toBeGreaterThanOrEqual(7);
});

test.each([
  ['no column', record({ name: 'a', type: 'int' }), undefined],
  ['strings for numbers', record({ name: 'a', type: 'int' }), stringColumn(['1'])],
  ['numbers for strings', record({ name: 'a', type: 'string' }), { kind: 'number', data: Int32Array.of(1) } as const],
  ['numbers for booleans', record({ name: 'a', type: 'boolean' }), { kind: 'number', data: Int32Array.of(1) } as const],
])('%s: refused when it is compiled', (_, schema, column) => {
  expect(() => compileColumnEncoder(schema, column === undefined ? new Map() : new Map<string, Column>([['a', column]]))).toThrow(/\ba\b/);
});

test.each<[string, unknown, Column]>([
  ['a fraction', 'int', { kind: 'number', data: Float64Array.of(1.5) }],
  ['NaN', 'int', { kind: 'number', data: Float64Array.of(NaN) }],
  ['a large int', 'int', { kind: 'number', data: Float64Array.of(2 ** 31) }],
  ['NaN', 'long', { kind: 'number', data: Float64Array.of(NaN) }],
  ['a large long', 'long', { kind: 'number', data: Float64Array.of(2 ** 53) }],
  ['null', 'int', { kind: 'number', data: Int32Array.of(1), nulls: Uint8Array.of(1) }],
  ['null', 'string', stringColumn([null])],
  ['null', { type: 'array', items: 'int' }, { kind: 'object', data: [null] }],
  ['a fraction', { type: 'array', items: 'int' }, { kind: 'object', data: [[1, 0.5]] }],
  ['a hole', { type: 'array', items: 'double' }, { kind: 'object', data: [[1, undefined]] }],
  ['an unknown symbol', { type: 'enum', name: 'E', symbols: ['X'] }, stringColumn(['Y'])],
  ['a number', 'string', { kind: 'object', data: [1] }],
])('%s in %j: refused when the row is encoded', (_, type, column) => {
  const schema = record({ name: 'a', type });
  const encoder = compileColumnEncoder(schema, new Map([['a', column]]));
  expect(() => encoder.encode(0, new Uint8Array(99), 0)).toThrow(/^field a/);
});

test.each<[unknown, unknown, string]>([
  ['int', NaN, 'field a: NaN is not a value of type int'],
  ['int', 1.5, 'field a: 1.5 is not a value of type int'],
  ['int', '1', 'field a: "1" is not a value of type int'],
  ['int', 2 ** 31, 'field a: 2147483648 is not a value of type int'],
  ['int', null, 'field a: null is not a value of type int'],
  ['int', undefined, 'field a of R is missing, and it has no default'],
  ['long', 2 ** 53, 'field a: 9007199254740992 is not a value of type long'],
  ['double', '1', 'field a: "1" is not a value of type double'],
  ['boolean', 1, 'field a: 1 is not a value of type boolean'],
  ['string', 1, 'field a: 1 is not a value of type string'],
  [['null', 'string'], 1, 'field a: 1 is not a value of type string'],
  [{ type: 'enum', name: 'E', symbols: ['X'] }, 'Y', 'field a: "Y" is not a value of type enum'],
  [{ type: 'array', items: 'int' }, [1, NaN], 'field a[1]: NaN is not a value of type int'],
  [{ type: 'array', items: 'int' }, 'x', 'field a: "x" is not a value of type array of int'],
  [{ type: 'array', items: pair }, 'x', 'field a: "x" is not a value of type array of records'],
  [{ type: 'array', items: pair }, [{ x: 1 }, 7], 'field a[1]: 7 is not a value of type record'],
  [{ type: 'array', items: pair }, [{ x: 1 }, { x: 1.5 }], 'field a[1].x: 1.5 is not a value of type int'],
  [{ type: 'array', items: pair }, [{}], 'field a[0].x of Pair is missing, and it has no default'],
])('%j does not take %j', (type, value, message) => {
  const encoder = compileRowEncoder<object>(record({ name: 'a', type }));
  expect(() => encoder.encode({ a: value }, new Uint8Array(99), 0)).toThrow(new SchemaError(message));
});

test('strings of all lengths and alphabets', () => {
  const schema = record({ name: 'a', type: 'string' });
  const encoder = compileRowEncoder<{ a: string }>(schema);
  const type = plainType(schema);
  for (const a of ['', 'x', 'é', '\u{1f600}', 'x'.repeat(48), 'x'.repeat(49), 'é'.repeat(40), 'x'.repeat(47) + 'é', '語'.repeat(30_000)]) {
    const target = new Uint8Array(encoder.bound({ a }));
    expect(Buffer.from(target.subarray(0, encoder.encode({ a }, target, 0)))).toEqual(type.toBuffer({ a }));
  }
  // half a surrogate pair is no UTF-8: it becomes U+FFFD, where avsc writes bytes that nobody reads
  const target = new Uint8Array(9);
  expect([...target.subarray(0, encoder.encode({ a: '\ud800' }, target, 0))]).toEqual([6, 0xef, 0xbf, 0xbd]);
});

test('a click event, typed', () => {
  const encoder = compileRowEncoder<ClickEvent>(clickEventSchema);
  const value = fc.sample(recordOf(clickEventSchema), { numRuns: 1, seed: 3 })[0] as unknown as ClickEvent;
  const target = new Uint8Array(encoder.bound(value));
  expect({ ...compileReader<ClickEvent>(clickEventSchema, clickEventSchema)(target, 0, encoder.encode(value, target, 0)) }).toEqual(value);
});
