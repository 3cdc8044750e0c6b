import { cell, type Column } from '../../schemas/column.js';
import { HeadraceError } from '../../dataflow/errors.js';
import type { SqlColumnType } from '../../dataflow/sql/sql-columns.js';

/** The ClickHouse types that tables are written with. `Int64` and `DateTime64` take whole numbers (epoch ms). */
export type ColumnType = SqlColumnType | 'Array(Float64)';

type ScalarType = Exclude<SqlColumnType, `Nullable(${string})`>;

/** A column to write: one of Headrace's, or plain numbers. */
export type ColumnValues = Column | Float64Array | Int32Array;

/**
 * A block of ClickHouse's Native format: for each column its name, its type and its values as they lie in memory. Cost: numbers are not copied where
 * their type is that of the array; a string costs its bytes and a length.
 * Source: ClickHouse documentation, "Native format".
 *
 * @param types type by column name, in the order of the block
 * @param rows how many rows each column has
 * @throws HR_COLUMN when a column does not fit its type
 */
export function nativeBlock(types: Readonly<Record<string, ColumnType>>, columns: Readonly<Record<string, ColumnValues>>, rows: number): Uint8Array[] {
  const names = Object.keys(types);
  const out: Uint8Array[] = [varint(names.length), varint(rows)];
  for (const name of names) {
    const given = columns[name];
    if (given === undefined) throw new HeadraceError('HR_COLUMN', `The column ${name} is missing from a block.`);
    const column: Column = given instanceof Float64Array || given instanceof Int32Array ? { kind: 'number', data: given } : given;
    out.push(text(name), text(types[name]!), ...valueBytes(name, types[name]!, column, rows));
  }
  return out;
}

function valueBytes(name: string, type: ColumnType, column: Column, rows: number): Uint8Array[] {
  const nullable = /^Nullable\((.*)\)$/.exec(type);
  if (nullable === null) return scalarBytes(name, type as ScalarType | 'Array(Float64)', column, rows);
  return [nullsOf(column, rows), ...scalarBytes(name, nullable[1] as ScalarType, column, rows)];
}

function scalarBytes(name: string, type: ScalarType | 'Array(Float64)', column: Column, rows: number): Uint8Array[] {
  switch (type) {
    case 'Float64':
      if (column.kind === 'number') return [bytesOf(column.data instanceof Float64Array ? column.data : Float64Array.from(column.data), rows)];
      break;
    case 'Int32':
      if (column.kind === 'number') return [bytesOf(column.data instanceof Int32Array ? column.data : Int32Array.from(column.data), rows)];
      break;
    case 'Int64':
    case "DateTime64(3, 'UTC')":
      if (column.kind === 'number') return [bytesOf(BigInt64Array.from({ length: rows }, (_, i) => (column.nulls?.[i] ? 0n : BigInt(column.data[i]!))), rows)];
      break;
    case 'Bool':
      if (column.kind === 'boolean') return [bytesOf(column.data, rows)];
      break;
    case 'String':
      if (column.kind === 'string') return [stringBytes(column.bytes, column.offset, column.length, rows)];
      if (column.kind === 'enum') return [enumBytes(column.symbols, column.data, column.nulls, rows)];
      break;
    case 'Array(Float64)':
      if (column.kind === 'vector') return [bytesOf(BigInt64Array.from({ length: rows }, (_, i) => BigInt((i + 1) * column.width)), rows), bytesOf(column.data instanceof Float64Array ? column.data : Float64Array.from(column.data), rows * column.width)];
      break;
  }
  // A column without any value has no kind of its own.
  if (column.kind === 'object' && column.data.every((value) => value === null || value === undefined)) return [new Uint8Array(rows * bytesPerNull(type))];
  throw new HeadraceError('HR_COLUMN', `The column ${name} holds ${column.kind} values, which ${type} does not take.`);
}

function bytesPerNull(type: ScalarType | 'Array(Float64)'): number {
  return type === 'Bool' || type === 'String' ? 1 : type === 'Int32' ? 4 : 8;
}

/** 1 where a row is null. */
function nullsOf(column: Column, rows: number): Uint8Array {
  if (column.kind === 'vector') return new Uint8Array(rows);
  if (column.kind === 'string' || column.kind === 'object') return Uint8Array.from({ length: rows }, (_, i) => (cell(column, i) === null ? 1 : 0));
  return column.nulls?.subarray(0, rows) ?? new Uint8Array(rows);
}

function bytesOf(values: Float64Array | Int32Array | BigInt64Array | Uint8Array, count: number): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, count * values.BYTES_PER_ELEMENT);
}

function stringBytes(bytes: Uint8Array, offset: Int32Array, length: Int32Array, rows: number): Uint8Array {
  let size = 0;
  for (let i = 0; i < rows; i++) size += Math.max(0, length[i]!) + 5;
  const out = Buffer.allocUnsafeSlow(size);
  let at = 0;
  for (let i = 0; i < rows; i++) {
    const n = Math.max(0, length[i]!);
    at = putVarint(out, at, n);
    const from = offset[i]!;
    // Short texts are copied faster here than by a call.
    if (n < 24) for (let k = 0; k < n; k++) out[at + k] = bytes[from + k]!;
    else out.set(bytes.subarray(from, from + n), at);
    at += n;
  }
  return out.subarray(0, at);
}

function enumBytes(symbols: readonly string[], codes: Int32Array, nulls: Uint8Array | undefined, rows: number): Uint8Array {
  const written = symbols.map(text);
  const empty = Uint8Array.of(0);
  const parts = Array.from({ length: rows }, (_, i) => (nulls?.[i] ? empty : written[codes[i]!]!));
  return Buffer.concat(parts);
}

function putVarint(out: Uint8Array, at: number, value: number): number {
  while (value >= 128) {
    out[at++] = (value & 127) | 128;
    value >>>= 7;
  }
  out[at] = value;
  return at + 1;
}

function varint(value: number): Uint8Array {
  const out = new Uint8Array(5);
  return out.subarray(0, putVarint(out, 0, value));
}

function text(value: string): Uint8Array {
  const bytes = Buffer.from(value);
  return Buffer.concat([varint(bytes.length), bytes]);
}
