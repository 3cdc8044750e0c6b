import type { Type } from 'avsc';
import { plainType, SchemaError, type AvroEnumSchema, type AvroField, type AvroNamed, type AvroRecordSchema, type AvroType } from './avro-schema.js';
import { defaultOf } from './avsc-type.js';

/** How the values of a field are written; `numbers` is an array of numbers, `records` one of records, `other` is left to avsc. */
export type Kind = 'null' | 'boolean' | 'int' | 'long' | 'float' | 'double' | 'string' | 'enum' | 'numbers' | 'records' | 'other';

/** What generated code needs to know of a field at run time. */
export interface FieldWriter {
  readonly field: string;
  readonly default: Uint8Array | undefined;
  readonly symbols: readonly string[];
  readonly symbolBytes: readonly Uint8Array[];
  readonly indices: ReadonlyMap<unknown, number>;
  readonly item: 'int' | 'long' | 'float' | 'double';
  /** Record of the items of `records`. */
  readonly record: AvroRecordSchema | undefined;
  /** A whole value, union included, by avsc. */
  toBuffer(value: unknown): Uint8Array;
}

/** One field of a record as an encoder sees it. */
export interface FieldPlan {
  readonly field: AvroField;
  readonly kind: Kind;
  /** Index of null and of the other branch in a union of two; -1 where there is no union. */
  readonly nullBranch: number;
  readonly valueBranch: number;
  readonly writer: FieldWriter;
}

/** @param record avsc type of the whole record */
export function fieldPlan(field: AvroField, names: ReadonlyMap<string, AvroNamed>, record: Type): FieldPlan {
  const union = Array.isArray(field.type) ? (field.type as AvroType[]) : undefined;
  const nullBranch = union?.length === 2 ? union.indexOf('null') : -1;
  const valueBranch = nullBranch < 0 ? -1 : 1 - nullBranch;
  const type = plainType(nullBranch < 0 ? field.type : union![valueBranch]!, names);
  const { kind, symbols, item, record: items } = kindOf(type, names);
  const avsc = (record as Type & { field(name: string): { type: Type } }).field(field.name).type;
  const value = defaultOf(record, field.name);
  const writer: FieldWriter = {
    field: field.name,
    default: value === undefined ? undefined : avsc.toBuffer(value),
    symbols,
    symbolBytes: symbols.map((s) => Buffer.from(s)),
    indices: new Map(symbols.map((s, i) => [s, i])),
    item,
    record: items,
    toBuffer(v) {
      try {
        return avsc.toBuffer(v instanceof Uint8Array && !Buffer.isBuffer(v) ? Buffer.from(v.buffer, v.byteOffset, v.length) : v);
      } catch (error) {
        throw new SchemaError(`field ${field.name}: ${(error as Error).message}`, { cause: error });
      }
    },
  };
  return { field, kind, nullBranch, valueBranch, writer };
}

const kinds: readonly string[] = ['null', 'boolean', 'int', 'long', 'float', 'double', 'string'];

function kindOf(type: AvroType, names: ReadonlyMap<string, AvroNamed>): { kind: Kind; symbols: readonly string[]; item: FieldWriter['item']; record: FieldWriter['record'] } {
  const none = { symbols: [], item: 'int', record: undefined } as const;
  if (typeof type === 'string') return { ...none, kind: kinds.includes(type) ? (type as Kind) : 'other' };
  if (Array.isArray(type)) return { ...none, kind: 'other' };
  const schema = type as AvroEnumSchema | { type: 'array'; items: AvroType };
  if (schema.type === 'enum') return { ...none, kind: 'enum', symbols: schema.symbols };
  if (schema.type !== 'array') return { ...none, kind: 'other' };
  const item = plainType(schema.items, names);
  if (item === 'int' || item === 'long' || item === 'float' || item === 'double') return { ...none, kind: 'numbers', item };
  // written here, a record has no name, so it may not speak of itself
  if (typeof item === 'object' && 'fields' in item && item.fields.every((f) => isPlain(f.type))) return { ...none, kind: 'records', record: item };
  return { ...none, kind: 'other' };
}

/** Whether a type names no type that is defined elsewhere. */
function isPlain(type: AvroType): boolean {
  if (typeof type === 'string') return kinds.includes(type) || type === 'bytes';
  if (Array.isArray(type)) return (type as readonly AvroType[]).every(isPlain);
  const schema = type as Exclude<AvroType, string | readonly AvroType[]>;
  if (schema.type === 'array') return isPlain(schema.items);
  if (schema.type === 'map') return isPlain(schema.values);
  return schema.type !== 'record';
}
