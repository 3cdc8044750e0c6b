import { mkdir, readdir, readFile, realpath, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isPrimitive, namedTypes, parseRecordSchema, SchemaError, shortName, type AvroField, type AvroNamed, type AvroRecordSchema, type AvroType } from './avro-schema.js';

/**
 * TypeScript of a record schema: an interface for each record in it and `<camelName>Schema`, the schema as a constant.
 *
 * @param json the schema, as text or value
 * @param file name of the .avsc file, for the first line
 * @throws SchemaError when it is no record schema, or two of its records have the same short name
 */
export function generateTypes(json: unknown, file: string): string {
  const schema = parseRecordSchema(json);
  const names = namedTypes(schema);
  const records = [...names.values()].filter((t): t is AvroRecordSchema => t.type === 'record');
  for (const r of records) {
    if (records.some((other) => other !== r && shortName(other.name) === shortName(r.name))) throw new SchemaError(`two records are named ${shortName(r.name)}`);
  }
  const name = shortName(schema.name);
  const constant = `${name[0]!.toLowerCase()}${name.slice(1)}Schema`;
  return [
    `// Made from ${file} by generate-types.ts: change that file, then run \`npm run schemas\`.`,
    `import type { AvroRecordSchema } from '../avro-schema.js';`,
    '',
    ...records.flatMap((r) => [...docLines(r.doc, ''), `export interface ${shortName(r.name)} {`, ...r.fields.flatMap((f) => fieldLines(f, names)), '}', '']),
    ...docLines(`Avro schema of ${name}.`, ''),
    `export const ${constant} = ${literal(schema, '')} as const satisfies AvroRecordSchema;`,
    '',
  ].join('\n');
}

/** `ClickEvent.avsc` or `click-event.avsc` → `click-event.ts`. */
export function generatedName(file: string): string {
  return `${basename(file, '.avsc').replace(/([a-z0-9])([A-Z])/g, '$1-$2').toLowerCase()}.ts`;
}

/**
 * Writes `generated/<name>.ts` for each `avro/*.avsc` of a folder.
 *
 * @param folder the `schemas` folder of the sources
 * @returns the paths written, relative to the folder
 */
export async function writeGeneratedTypes(folder: string): Promise<string[]> {
  const files = (await readdir(join(folder, 'avro'))).filter((f) => f.endsWith('.avsc')).sort();
  await mkdir(join(folder, 'generated'), { recursive: true });
  return Promise.all(
    files.map(async (file) => {
      const path = join('generated', generatedName(file));
      await writeFile(join(folder, path), generateTypes(await readFile(join(folder, 'avro', file), 'utf8'), file));
      return path;
    }),
  );
}

function fieldLines(field: AvroField, names: ReadonlyMap<string, AvroNamed>): string[] {
  return [...docLines(field.doc, '  '), `  readonly ${field.name}: ${typeText(field.type, names)};`];
}

function docLines(doc: string | undefined, indent: string): string[] {
  if (doc === undefined || doc === '') return [];
  const lines = doc.replaceAll('*/', '* /').split('\n');
  if (lines.length === 1) return [`${indent}/** ${lines[0]!} */`];
  return [`${indent}/**`, ...lines.map((l) => `${indent} * ${l}`.trimEnd()), `${indent} */`];
}

const primitives: Record<string, string> = { null: 'null', boolean: 'boolean', int: 'number', long: 'number', float: 'number', double: 'number', bytes: 'Uint8Array', string: 'string' };

function typeText(type: AvroType, names: ReadonlyMap<string, AvroNamed>): string {
  if (typeof type === 'string') return isPrimitive(type) ? primitives[type]! : typeText(names.get(type)!, names);
  if (Array.isArray(type)) {
    // null last, as it is written by hand
    const branches = [...(type as AvroType[])].sort((a, b) => Number(a === 'null') - Number(b === 'null'));
    return branches.map((t) => typeText(t, names)).join(' | ');
  }
  const schema = type as Exclude<AvroType, string | readonly AvroType[]>;
  switch (schema.type) {
    case 'record':
      return shortName(schema.name);
    case 'enum':
      return schema.symbols.map((s) => `'${s}'`).join(' | ');
    case 'fixed':
      return 'Uint8Array';
    case 'array': {
      const items = typeText(schema.items, names);
      return `readonly ${items.includes(' ') ? `(${items})` : items}[]`;
    }
    case 'map':
      return `Readonly<Record<string, ${typeText(schema.values, names)}>>`;
    default:
      return primitives[schema.type]!;
  }
}

/** A JSON value as TypeScript, on one line where it is short. */
function literal(value: unknown, indent: string): string {
  if (typeof value === 'string') return value.includes("'") ? JSON.stringify(value) : `'${JSON.stringify(value).slice(1, -1).replaceAll('\\"', '"')}'`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const entry = (k: string, v: unknown, inner: string): string => `${/^[A-Za-z_]\w*$/.test(k) ? k : JSON.stringify(k)}: ${literal(v, inner)}`;
  const parts = (inner: string): string[] =>
    Array.isArray(value) ? value.map((v) => literal(v, inner)) : Object.entries(value).filter(([, v]) => v !== undefined).map(([k, v]) => entry(k, v, inner));
  const [open, close] = Array.isArray(value) ? ['[', ']'] : ['{', '}'];
  if (parts(indent).length === 0) return `${open}${close}`;
  const space = open === '{' ? ' ' : '';
  const line = `${open}${space}${parts(indent).join(', ')}${space}${close}`;
  if (!line.includes('\n') && indent.length + line.length <= 160 && (indent !== '' || open === '[')) return line;
  const inner = `${indent}  `;
  return `${open}\n${parts(inner).map((p) => `${inner}${p},`).join('\n')}\n${indent}${close}`;
}

/** The `schemas` folder of the sources, whether this runs from there or from `dist`. */
function sourceFolder(): string {
  const here = dirname(fileURLToPath(import.meta.url));
  return existsSync(join(here, 'avro')) ? here : join(here, '..', '..', 'schemas');
}

if (process.argv[1] !== undefined && (await realpath(process.argv[1]).catch(() => '')) === fileURLToPath(import.meta.url)) {
  for (const path of await writeGeneratedTypes(sourceFolder())) process.stdout.write(`schemas/${path}\n`);
}
