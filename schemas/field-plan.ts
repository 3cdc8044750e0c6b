import type { Type } from 'avsc';
import { plainType, SchemaError, type AvroEnumSchema, type AvroField, type AvroNamed, type AvroType } from './avro-schema.js';
import { defaultOf } from './avsc-type.js';

/** How the values of a field are written; `numbers` is an array of numbers, `other` is left to avsc. */
export type Kind = 'null' | 'boolean' | 'int' | 'long' | 'float' | 'double' | 'string' | 'enum' | 'numbers' | 'other';

/** What generated code needs to know of a field at run time. */
export interface FieldWriter {
  readonly field: string;
  readonly default: Uint8Array | undefined;
  readonly symbols: readonly string[];
  readonly symbolBytes: readonly Uint8Array[];
  readonly indices: ReadonlyMap<unknown, number>;
  readonly item: 'int' | 'long' | 'float' | 'double';
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
  const { kind, symbols, item } = kindOf(type, names);
  const avsc = (record as Type & { field(name: string): { type: Type } }).field(field.name).type;
  const value = defaultOf(record, field.name);
  const writer: FieldWriter = {
    field: field.name,
    default: value === undefined ? undefined : avsc.toBuffer(value),
    symbols,
    symbolBytes: symbols.map((s) => Buffer.from(s)),
    indices: new Map(symbols.map((s, i) => [s, i])),
    item,
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

function kindOf(type: AvroType, names: ReadonlyMap<string, AvroNamed>): { kind: Kind; symbols: readonly string[]; item: FieldWriter['item'] } {
  const none = { symbols: [], item: 'int' } as const;
  if (typeof type === 'string') return { ...none, kind: kinds.includes(type) ? (type as Kind) : 'other' };
  if (Array.isArray(type)) return { ...none, kind: 'other' };
  const schema = type as AvroEnumSchema | { type: 'array'; items: AvroType };
  if (schema.type === 'enum') return { ...none, kind: 'enum', symbols: schema.symbols };
  if (schema.type !== 'array') return { ...none, kind: 'other' };
  const item = plainType(schema.items, names);
  if (item === 'int' || item === 'long' || item === 'float' || item === 'double') return { ...none, kind: 'numbers', item };
  return { ...none, kind: 'other' };
}
