import avsc from 'avsc';
import type { Schema } from 'avsc';

export const avroPrimitives = ['null', 'boolean', 'int', 'long', 'float', 'double', 'bytes', 'string'] as const;

/** A type of Avro that has no name and no parts. */
export type AvroPrimitive = (typeof avroPrimitives)[number];

/** A primitive with attributes: `{ type: 'long', logicalType: 'timestamp-millis' }`. */
export interface AvroAnnotated {
  readonly type: AvroPrimitive;
  readonly logicalType?: string | undefined;
  readonly precision?: number | undefined;
  readonly scale?: number | undefined;
}

export interface AvroEnumSchema {
  readonly type: 'enum';
  readonly name: string;
  readonly namespace?: string | undefined;
  readonly doc?: string | undefined;
  readonly aliases?: readonly string[] | undefined;
  readonly symbols: readonly string[];
  readonly default?: string | undefined;
}

export interface AvroFixedSchema {
  readonly type: 'fixed';
  readonly name: string;
  readonly namespace?: string | undefined;
  readonly aliases?: readonly string[] | undefined;
  readonly size: number;
  readonly logicalType?: string | undefined;
  readonly precision?: number | undefined;
  readonly scale?: number | undefined;
}

export interface AvroArraySchema {
  readonly type: 'array';
  readonly items: AvroType;
}

export interface AvroMapSchema {
  readonly type: 'map';
  readonly values: AvroType;
}

export interface AvroField {
  readonly name: string;
  readonly doc?: string | undefined;
  readonly type: AvroType;
  readonly default?: unknown;
  readonly aliases?: readonly string[] | undefined;
}

export interface AvroRecordSchema {
  readonly type: 'record';
  readonly name: string;
  readonly namespace?: string | undefined;
  readonly doc?: string | undefined;
  readonly aliases?: readonly string[] | undefined;
  readonly fields: readonly AvroField[];
}

export type AvroNamed = AvroRecordSchema | AvroEnumSchema | AvroFixedSchema;

/** Any Avro type; a string is a primitive or the full name of a type that was defined before; an array is a union. */
export type AvroType = string | AvroAnnotated | AvroNamed | AvroArraySchema | AvroMapSchema | readonly AvroType[];

/** A schema that is not valid, does not resolve against another, or does not fit a value. */
export class SchemaError extends Error {
  override readonly name = 'SchemaError';
}

/** Whether a type name is one of the primitives. */
export function isPrimitive(name: string): name is AvroPrimitive {
  return (avroPrimitives as readonly string[]).includes(name);
}

/** A name without its namespace. */
export function shortName(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1);
}

/**
 * Reads and checks an Avro record schema. Attributes that Avro does not know are dropped, references to named types
 * become full names; definitions stay as they are written.
 *
 * @param json the schema as JSON text or as the value of it
 * @throws SchemaError with the place in the schema
 * @see https://avro.apache.org/docs/1.12.0/specification/
 */
export function parseRecordSchema(json: unknown): AvroRecordSchema {
  const known = typeof json === 'string' ? parsedTexts.get(json) : typeof json === 'object' && json !== null ? parsedValues.get(json) : undefined;
  if (known !== undefined) return known;
  const schema = readRecordSchema(json);
  if (typeof json === 'object') parsedValues.set(json!, schema);
  else if (typeof json === 'string') {
    parsedTexts.set(json, schema);
    if (parsedTexts.size > mostTexts) parsedTexts.delete(parsedTexts.keys().next().value!);
  }
  return schema;
}

/** Each task reads the schemas of its topics, and what is compiled for a schema hangs on what was read. */
const parsedValues = new WeakMap<object, AvroRecordSchema>();
const parsedTexts = new Map<string, AvroRecordSchema>();
const mostTexts = 256;

function readRecordSchema(json: unknown): AvroRecordSchema {
  const value = typeof json === 'string' ? parseJson(json) : json;
  const schema = readType(value, { path: 'schema', namespace: '', names: new Map() });
  if (typeof schema === 'string' || !('type' in schema) || schema.type !== 'record') throw new SchemaError('the schema is not a record');
  try {
    avsc.Type.forSchema(structuredClone(schema) as Schema, { noAnonymousTypes: false });
  } catch (error) {
    throw new SchemaError(`record ${schema.name}: ${(error as Error).message}`, { cause: error });
  }
  return schema;
}

/**
 * The schema as JSON text that is equal for schemas that read and write alike: attributes in a fixed order, without
 * docs and white space. Unlike Avro's Parsing Canonical Form it keeps defaults, aliases and logical types.
 */
export function schemaText(schema: AvroRecordSchema): string {
  return JSON.stringify(canonical(schema));
}

/** The named types of a schema by full name. */
export function namedTypes(schema: AvroRecordSchema): ReadonlyMap<string, AvroNamed> {
  const names = new Map<string, AvroNamed>();
  readType(schema, { path: 'schema', namespace: '', names });
  return names;
}

/** A type without its name or annotation: what a name stands for, and `'long'` for an annotated long. */
export function plainType(type: AvroType, names: ReadonlyMap<string, AvroNamed>): AvroType {
  if (typeof type === 'string') return names.get(type) ?? type;
  return 'type' in type && isPrimitive(type.type) ? type.type : type;
}

/** The branches of a union; any other type is its only branch. */
export function branchesOf(type: AvroType): readonly AvroType[] {
  return Array.isArray(type) ? type : [type];
}

interface Scope {
  readonly path: string;
  readonly namespace: string;
  readonly names: Map<string, AvroNamed>;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new SchemaError(`the schema is not JSON: ${(error as Error).message}`, { cause: error });
  }
}

function readType(value: unknown, scope: Scope): AvroType {
  const { path, names } = scope;
  if (typeof value === 'string') {
    if (isPrimitive(value)) return value;
    const full = qualify(value, scope.namespace);
    if (!names.has(full)) throw new SchemaError(`${path}: unknown type '${value}'`);
    return full;
  }
  if (Array.isArray(value)) {
    if (value.length === 0) throw new SchemaError(`${path}: an empty union`);
    return value.map((v, i) => readType(v, { ...scope, path: `${path}[${i}]` }));
  }
  if (typeof value !== 'object' || value === null) throw new SchemaError(`${path}: ${JSON.stringify(value) ?? 'undefined'} is not a type`);
  const json = value as Record<string, unknown>;
  switch (json['type']) {
    case 'record':
    case 'error':
      return readRecord(json, scope);
    case 'enum': {
      const symbols = json['symbols'];
      if (!isStrings(symbols) || symbols.length === 0) throw new SchemaError(`${path}: an enum needs symbols`);
      const schema = { type: 'enum' as const, ...nameOf(json, path), ...pick(json, 'doc', 'aliases'), symbols, ...pick(json, 'default') } as AvroEnumSchema;
      return define(schema, scope);
    }
    case 'fixed': {
      const size = json['size'];
      if (typeof size !== 'number' || !Number.isInteger(size) || size < 0) throw new SchemaError(`${path}: a fixed needs a size`);
      const schema = { type: 'fixed' as const, ...nameOf(json, path), ...pick(json, 'aliases'), size, ...pick(json, 'logicalType', 'precision', 'scale') } as AvroFixedSchema;
      return define(schema, scope);
    }
    case 'array':
      return { type: 'array', items: readType(json['items'], { ...scope, path: `${path}.items` }) };
    case 'map':
      return { type: 'map', values: readType(json['values'], { ...scope, path: `${path}.values` }) };
    default: {
      const type = json['type'];
      if (typeof type !== 'string') return readType(type, scope);
      if (!isPrimitive(type)) return readType(type, scope);
      return json['logicalType'] === undefined ? type : ({ type, ...pick(json, 'logicalType', 'precision', 'scale') } as AvroAnnotated);
    }
  }
}

function readRecord(json: Record<string, unknown>, scope: Scope): AvroRecordSchema {
  const { path, names } = scope;
  const fields: AvroField[] = [];
  const schema = { type: 'record' as const, ...nameOf(json, path), ...pick(json, 'doc', 'aliases'), fields } as AvroRecordSchema;
  define(schema, scope);
  const namespace = schema.namespace ?? (schema.name.includes('.') ? schema.name.slice(0, schema.name.lastIndexOf('.')) : scope.namespace);
  if (!Array.isArray(json['fields'])) throw new SchemaError(`${path}: record ${schema.name} has no fields`);
  for (const field of json['fields'] as unknown[]) {
    if (typeof field !== 'object' || field === null) throw new SchemaError(`${path}: a field of ${schema.name} is not an object`);
    const given = field as Record<string, unknown>;
    const name = given['name'];
    if (typeof name !== 'string' || !/^[A-Za-z_]\w*$/.test(name)) throw new SchemaError(`${path}: '${String(name)}' is not a field name`);
    if (fields.some((f) => f.name === name)) throw new SchemaError(`${path}: field ${name} is there twice`);
    if (given['aliases'] !== undefined && !isStrings(given['aliases'])) throw new SchemaError(`${path}.${name}: aliases are names`);
    const type = readType(given['type'], { path: `${path}.${name}`, namespace, names });
    fields.push({ name, ...pick(given, 'doc'), type, ...pick(given, 'default', 'aliases') });
  }
  return schema;
}

function nameOf(json: Record<string, unknown>, path: string): { name: string; namespace?: string } {
  const { name, namespace } = json;
  if (typeof name !== 'string') throw new SchemaError(`${path}: a ${String(json['type'])} needs a name`);
  if (namespace === undefined || namespace === null) return { name };
  if (typeof namespace !== 'string') throw new SchemaError(`${path}: the namespace of ${name} is not a string`);
  return { name, namespace };
}

function define<T extends AvroNamed>(schema: T, { path, namespace, names }: Scope): T {
  const full = qualify(schema.name, schema.namespace ?? namespace);
  if (!full.split('.').every((part) => /^[A-Za-z_]\w*$/.test(part))) throw new SchemaError(`${path}: '${full}' is not a name`);
  if (schema.aliases !== undefined && !isStrings(schema.aliases)) throw new SchemaError(`${path}: aliases of ${full} are names`);
  if (names.has(full)) throw new SchemaError(`${path}: ${full} is defined twice`);
  names.set(full, schema);
  return schema;
}

function qualify(name: string, namespace: string): string {
  return name.includes('.') || namespace === '' ? name : `${namespace}.${name}`;
}

function pick(json: Record<string, unknown>, ...keys: string[]): Record<string, unknown> {
  return Object.fromEntries(keys.filter((k) => json[k] !== undefined).map((k) => [k, json[k]]));
}

function isStrings(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((v) => typeof v === 'string');
}

const order = ['name', 'namespace', 'type', 'aliases', 'fields', 'symbols', 'items', 'values', 'size', 'logicalType', 'precision', 'scale', 'default'];

function canonical(type: AvroType): unknown {
  if (typeof type === 'string') return type;
  if (Array.isArray(type)) return type.map(canonical);
  const from = type as unknown as Record<string, unknown>;
  const to: Record<string, unknown> = {};
  for (const key of order) {
    if (from[key] === undefined) continue;
    if (key === 'fields') to[key] = (from[key] as AvroField[]).map((f) => canonical(f as unknown as AvroType));
    else if (key === 'items' || key === 'values' || (key === 'type' && typeof from[key] !== 'string')) to[key] = canonical(from[key] as AvroType);
    else to[key] = from[key];
  }
  return to;
}
