import { expect, test } from 'vitest';
import { definition, topic, type FieldType } from '../../dataflow/topic.js';
import { parseRecordSchema } from '../../schemas/avro-schema.js';

const value = { id: 'string', n: 'int', maybe: 'double?', many: 'long[]', at: 'timestamp', f: 'float', b: 'boolean' } as const;

test('field types become an Avro schema, and fields become columns', () => {
  const t = topic('my-topic.v2', { key: 'id', time: 'at', retention: '1d', partitions: 3, value });
  expect(t[definition]).toEqual({
    name: 'my-topic.v2', key: 'id', time: 'at', framing: 'confluent', retentionMs: 86_400_000, partitions: 3,
    schema: {
      type: 'record', name: 'MyTopicV2',
      fields: [
        { name: 'id', type: 'string' }, { name: 'n', type: 'int' }, { name: 'maybe', type: ['null', 'double'], default: null },
        { name: 'many', type: { type: 'array', items: 'long' } }, { name: 'at', type: { type: 'long', logicalType: 'timestamp-millis' } },
        { name: 'f', type: 'float' }, { name: 'b', type: 'boolean' },
      ],
    },
  });
  expect(() => parseRecordSchema(t[definition].schema)).not.toThrow();
  expect(t.maybe.columnName).toBe('maybe');
  expect(Object.keys(t)).toEqual([...Object.keys(value), 'where']);
  expect(t.where(t.b.is(true))).toMatchObject({ topic: t, condition: { text: 'b = true' } });
  expect(Object.isFrozen(t)).toBe(true);
});

test('nothing but a name and a value is needed', () => {
  expect(topic('9lives', { value: { a: 'int' } })[definition]).toMatchObject({ key: undefined, time: undefined, retentionMs: Infinity, partitions: undefined, schema: { name: 'Topic9lives' } });
});

test('what a topic cannot be is refused', () => {
  const code = (c: string) => expect.objectContaining({ code: c });
  for (const name of ['', 'a b', 'a/b', '.', '..', 'ü', 'x'.repeat(250)]) expect(() => topic(name, { value })).toThrow(code('HR_TOPIC_NAME'));
  expect(() => topic('t', { value, key: 'nope' as 'id' })).toThrow(code('HR_COLUMN'));
  expect(() => topic('t', { value, time: 'nope' as 'at' })).toThrow(/"nope", which is not one of its fields: id, n/);
  expect(() => topic('t', { value: { where: 'int' } })).toThrow(code('HR_COLUMN'));
  expect(() => topic('t', { value: { 'a-b': 'int' } })).toThrow(code('HR_COLUMN'));
  for (const type of ['number', 'int??', 'int[]?', 'String', '']) expect(() => topic('t', { value: { a: type as FieldType } })).toThrow(code('HR_SCHEMA'));
  expect(() => topic('t', { value, retention: '0s' })).toThrow(code('HR_DURATION'));
});
