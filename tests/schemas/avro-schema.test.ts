import { readFileSync, readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { namedTypes, parseRecordSchema, SchemaError, schemaText } from '../../schemas/avro-schema.js';

const record = (fields: unknown[], more: object = {}): object => ({ type: 'record', name: 'R', fields, ...more });

test('the shipped schemas are valid, and reading what was read changes nothing', () => {
  const folder = new URL('../../schemas/avro/', import.meta.url);
  for (const file of readdirSync(folder)) {
    const schema = parseRecordSchema(readFileSync(new URL(file, folder), 'utf8'));
    expect(parseRecordSchema(schema)).toEqual(schema);
    expect(parseRecordSchema(schemaText(schema)).fields.map((f) => f.name)).toEqual(schema.fields.map((f) => f.name));
  }
});

test('references become full names, and named types are found by them', () => {
  const schema = parseRecordSchema(
    record([{ name: 'a', type: { type: 'enum', name: 'E', symbols: ['X'] } }, { name: 'b', type: ['null', 'E'] }, { name: 'c', type: { type: 'array', items: 'R' } }], { namespace: 'n.s' }),
  );
  expect(schema.fields[1]!.type).toEqual(['null', 'n.s.E']);
  expect(schema.fields[2]!.type).toEqual({ type: 'array', items: 'n.s.R' });
  expect([...namedTypes(schema).keys()]).toEqual(['n.s.R', 'n.s.E']);
});

test('the text does not depend on docs, order of attributes or unknown attributes', () => {
  const a = parseRecordSchema({ name: 'R', type: 'record', doc: 'd', fields: [{ type: 'int', name: 'x', default: 1, doc: 'e', tags: [] }] });
  const b = parseRecordSchema({ type: 'record', fields: [{ name: 'x', default: 1, type: { type: 'int' } }], name: 'R' });
  expect(schemaText(a)).toBe(schemaText(b));
  expect(schemaText(a)).toBe('{"name":"R","type":"record","fields":[{"name":"x","type":"int","default":1}]}');
});

test.each([
  ['not JSON', '{'],
  ['not a record', '"int"'],
  ['null', null],
  ['no name', { type: 'record', fields: [] }],
  ['no fields', { type: 'record', name: 'R' }],
  ['a name with a dash', { type: 'record', name: 'a-b', fields: [] }],
  ['a field name with a dash', record([{ name: 'a-b', type: 'int' }])],
  ['a field twice', record([{ name: 'a', type: 'int' }, { name: 'a', type: 'int' }])],
  ['an unknown type', record([{ name: 'a', type: 'number' }])],
  ['a type missing', record([{ name: 'a' }])],
  ['an empty union', record([{ name: 'a', type: [] }])],
  ['a union twice of a type', record([{ name: 'a', type: ['int', 'int'] }])],
  ['a nested union', record([{ name: 'a', type: ['null', ['int', 'string']] }])],
  ['an enum without symbols', record([{ name: 'a', type: { type: 'enum', name: 'E', symbols: [] } }])],
  ['an enum with a bad default', record([{ name: 'a', type: { type: 'enum', name: 'E', symbols: ['X'], default: 'Y' } }])],
  ['a name twice', record([{ name: 'a', type: { type: 'enum', name: 'R', symbols: ['X'] } }])],
  ['a default of another type', record([{ name: 'a', type: 'int', default: 'x' }])],
  ['a default not of the first branch', record([{ name: 'a', type: ['null', 'int'], default: 1 }])],
  ['a fixed without size', record([{ name: 'a', type: { type: 'fixed', name: 'F' } }])],
  ['an array without items', record([{ name: 'a', type: { type: 'array' } }])],
])('%s is refused', (_, json) => {
  expect(() => parseRecordSchema(json)).toThrow(SchemaError);
});
