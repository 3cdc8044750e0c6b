import avsc from 'avsc';
import type { Schema } from 'avsc';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseRecordSchema, SchemaError } from '../../schemas/avro-schema.js';
import { clickEventSchema, type ClickEvent } from '../../schemas/generated/click-event.js';
import { labelledClickSchema } from '../../schemas/generated/labelled-click.js';
import { compileReader } from '../../schemas/reader.js';
import { recordOf } from './random-records.js';

const type = avsc.Type.forSchema(structuredClone(clickEventSchema) as unknown as Schema);

test('records come back as they were written', () => {
  const read = compileReader<ClickEvent>(clickEventSchema, clickEventSchema);
  fc.assert(
    fc.property(recordOf(clickEventSchema), fc.nat(9), (value, start) => {
      const bytes = Buffer.concat([Buffer.alloc(start, 1), type.toBuffer(value), Buffer.alloc(3, 1)]);
      expect({ ...read(bytes, start, bytes.length - 3) }).toEqual(value);
    }),
    { seed: 7 },
  );
});

test('an older record gets the defaults of the newer schema', () => {
  const newer = parseRecordSchema({ ...labelledClickSchema, aliases: ['headrace.ClickEvent'], fields: labelledClickSchema.fields.filter((f) => !f.name.startsWith('origin')) });
  const value = fc.sample(recordOf(clickEventSchema), { numRuns: 1, seed: 7 })[0]!;
  const bytes = type.toBuffer(value);
  expect({ ...compileReader<object>(clickEventSchema, newer)(bytes, 0, bytes.length) }).toEqual({ ...value, bot: false, botReason: null });
});

test('unions: nullable ones are bare, those that cannot be told apart are wrapped', () => {
  const schema = parseRecordSchema({ type: 'record', name: 'R', fields: [{ name: 'a', type: ['null', 'long'] }, { name: 'b', type: ['int', 'long'] }] });
  expect(compileReader<object>(schema, schema)(Uint8Array.of(2, 6, 2, 8), 0, 4)).toMatchObject({ a: 3, b: { long: 4 } });
  expect(compileReader<object>(schema, schema)(Uint8Array.of(0, 0, 8), 0, 3)).toMatchObject({ a: null, b: { int: 4 } });
});

test('what is no record is refused, with the reason', () => {
  const schema = parseRecordSchema({ type: 'record', name: 'R', fields: [{ name: 'a', type: 'string' }] });
  const read = compileReader<object>(schema, schema);
  expect(() => read(Uint8Array.of(4, 104), 0, 2)).toThrow(new SchemaError('R: truncated buffer'));
  expect(() => read(Uint8Array.of(0, 0), 0, 2)).toThrow(new SchemaError('R: trailing data'));
  for (const [start, end] of [[0, 9], [-1, 1], [2, 1], [NaN, 1]] as const) expect(() => read(Uint8Array.of(0, 0), start, end)).toThrow(SchemaError);
  expect(() => compileReader(schema, parseRecordSchema({ type: 'record', name: 'R', fields: [{ name: 'a', type: 'int' }] }))).toThrow(SchemaError);
});
