import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { SchemaError } from '../../schemas/avro-schema.js';
import { generatedName, generateTypes } from '../../schemas/generate-types.js';

const folder = new URL('../../schemas/', import.meta.url);

test('the generated files are those of the .avsc files; else run `npm run schemas`', () => {
  const sources = readdirSync(new URL('avro/', folder)).filter((f) => f.endsWith('.avsc'));
  expect(readdirSync(new URL('generated/', folder)).sort()).toEqual(sources.map(generatedName).sort());
  for (const file of sources) {
    const wanted = generateTypes(readFileSync(new URL(`avro/${file}`, folder), 'utf8'), file);
    expect(readFileSync(new URL(`generated/${generatedName(file)}`, folder), 'utf8')).toBe(wanted);
  }
});

test('types of all kinds', () => {
  const text = generateTypes(
    {
      type: 'record',
      name: 'OneOfAll',
      doc: 'Ends */ early.\nSecond line.',
      fields: [
        { name: 'tags', type: { type: 'array', items: ['null', 'string'] } },
        { name: 'counts', type: { type: 'map', values: 'long' } },
        { name: 'hash', type: { type: 'fixed', name: 'Hash', size: 4 } },
        { name: 'kind', type: ['null', { type: 'enum', name: 'Kind', symbols: ['A', 'B'] }], default: null },
        { name: 'other', type: 'Kind', doc: 'As kind.' },
        { name: 'inner', type: { type: 'record', name: 'Inner', fields: [{ name: 'next', type: ['null', 'Inner'] }] } },
      ],
    },
    'one-of-all.avsc',
  );
  for (const line of [
    ' * Ends * / early.',
    'export interface OneOfAll {',
    '  readonly tags: readonly (string | null)[];',
    '  readonly counts: Readonly<Record<string, number>>;',
    '  readonly hash: Uint8Array;',
    "  readonly kind: 'A' | 'B' | null;",
    '  /** As kind. */',
    "  readonly other: 'A' | 'B';",
    '  readonly inner: Inner;',
    'export interface Inner {',
    '  readonly next: Inner | null;',
  ]) {
    expect(text.split('\n')).toContain(line);
  }
  expect(text).toContain('export const oneOfAllSchema = {');
});

test('names of files, and two records of one name', () => {
  expect(generatedName('ClickEvent.avsc')).toBe('click-event.ts');
  expect(generatedName('click-event.avsc')).toBe('click-event.ts');
  const twice = { type: 'record', name: 'R', fields: [{ name: 'a', type: { type: 'record', name: 'n.R', fields: [] } }] };
  expect(() => generateTypes(twice, 'r.avsc')).toThrow(SchemaError);
});
