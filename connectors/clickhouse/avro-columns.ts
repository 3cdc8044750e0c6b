import { sqlName } from '../../dataflow/sql/sql-text.js';
import type { AvroRecordSchema, AvroType } from '../../schemas/avro-schema.js';

/** A column of a table, and what its values are in JSON. */
export interface TableColumn {
  readonly name: string;
  /** Type of ClickHouse. */
  readonly type: string;
  toJson(value: unknown): unknown;
}

const same = (value: unknown): unknown => value;
/** Whole numbers beyond 2^53 come as bigint, which JSON has no form for. */
const whole = (value: unknown): unknown => (typeof value === 'bigint' ? String(value) : value);
const simple: Readonly<Record<string, { readonly type: string; readonly toJson: (value: unknown) => unknown }>> = {
  boolean: { type: 'Bool', toJson: same },
  int: { type: 'Int32', toJson: same },
  long: { type: 'Int64', toJson: whole },
  float: { type: 'Float32', toJson: fraction },
  double: { type: 'Float64', toJson: fraction },
  string: { type: 'String', toJson: same },
  bytes: { type: 'String', toJson: (value) => Buffer.from(value as Uint8Array).toString('base64') },
  null: { type: 'Nullable(Nothing)', toJson: same },
};

/** Columns for the fields of an Avro record. Bytes are base64, enums their symbols, records tuples, unions of one type and null nullable; other unions are JSON in a string. */
export function tableColumns(schema: AvroRecordSchema): TableColumn[] {
  return columnsOf(schema, new Map());
}

/** @param named types that were declared before, by their names */
function columnsOf(schema: AvroRecordSchema, named: Map<string, Omit<TableColumn, 'name'>>): TableColumn[] {
  return schema.fields.map(({ name, type }) => ({ name, ...columnOf(type, named) }));
}

function isUnion(type: AvroType): type is readonly AvroType[] {
  return Array.isArray(type);
}

function columnOf(type: AvroType, named: Map<string, Omit<TableColumn, 'name'>>): Omit<TableColumn, 'name'> {
  if (typeof type === 'string') return simple[type] ?? named.get(type.slice(type.lastIndexOf('.') + 1)) ?? asText;
  if (isUnion(type)) {
    const others = type.filter((t) => t !== 'null');
    if (others.length !== 1) return asText;
    const { type: inner, toJson } = columnOf(others[0]!, named);
    // Arrays, maps and tuples cannot be null there: what is missing is empty.
    const wraps = /^(Array|Map|Tuple)\(/.test(inner);
    return { type: wraps ? inner : `Nullable(${inner})`, toJson: (value) => (value === null || value === undefined ? (wraps ? undefined : null) : toJson(value)) };
  }
  if ('logicalType' in type && type.logicalType === 'timestamp-millis') return { type: "DateTime64(3, 'UTC')", toJson: (value) => new Date(Number(value)).toISOString() };
  switch (type.type) {
    case 'enum': {
      const column = { type: 'LowCardinality(String)', toJson: same };
      named.set(type.name, column);
      return column;
    }
    case 'fixed':
      return simple['bytes']!;
    case 'array': {
      const { type: inner, toJson } = columnOf(type.items, named);
      return { type: `Array(${inner})`, toJson: (value) => (value as readonly unknown[]).map(toJson) };
    }
    case 'map': {
      const { type: inner, toJson } = columnOf(type.values, named);
      return { type: `Map(String, ${inner})`, toJson: (value) => Object.fromEntries(Object.entries(value as object).map(([key, one]) => [key, toJson(one)])) };
    }
    case 'record': {
      const fields = columnsOf(type, named);
      const column = { type: `Tuple(${fields.map((f) => `${sqlName(f.name)} ${f.type}`).join(', ')})`, toJson: (value: unknown) => Object.fromEntries(fields.map((f) => [f.name, f.toJson((value as Readonly<Record<string, unknown>>)[f.name])])) };
      named.set(type.name, column);
      return column;
    }
    default:
      return simple[type.type] ?? asText;
  }
}

const asText: Omit<TableColumn, 'name'> = { type: 'String', toJson: (value) => JSON.stringify(value, (_, one: unknown) => whole(one)) };

/** What JSON has no number for is told as ClickHouse reads it. */
function fraction(value: unknown): unknown {
  if (typeof value !== 'number' || Number.isFinite(value)) return value;
  return Number.isNaN(value) ? 'nan' : value > 0 ? 'inf' : '-inf';
}
