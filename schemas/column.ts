/** One decoded field of many records. Row `i` of every column of a batch belongs to the same record. */
export type Column = NumberColumn | BooleanColumn | EnumColumn | StringColumn | VectorColumn | ObjectColumn;

/** Avro int, long, float or double. A null row has `nulls[i] === 1` and any number in `data`. */
export interface NumberColumn {
  readonly kind: 'number';
  readonly data: Float64Array | Int32Array;
  readonly nulls?: Uint8Array | undefined;
}

/** Avro boolean: 0 or 1. */
export interface BooleanColumn {
  readonly kind: 'boolean';
  readonly data: Uint8Array;
  readonly nulls?: Uint8Array | undefined;
}

/** Avro enum: `symbols[data[i]]`. */
export interface EnumColumn {
  readonly kind: 'enum';
  readonly data: Int32Array;
  readonly symbols: readonly string[];
  readonly nulls?: Uint8Array | undefined;
}

/** UTF-8 in place: row `i` is `bytes[offset[i] .. offset[i] + length[i])`; a length of -1 is null. */
export interface StringColumn {
  readonly kind: 'string';
  readonly bytes: Uint8Array;
  readonly offset: Int32Array;
  readonly length: Int32Array;
}

/** Arrays of numbers, all of one length: row `i` is `data[i * width .. (i + 1) * width)`. */
export interface VectorColumn {
  readonly kind: 'vector';
  readonly data: Float64Array | Int32Array;
  readonly width: number;
}

/** Everything else (arrays, maps, nested records, bytes): JavaScript values, null for null. */
export interface ObjectColumn {
  readonly kind: 'object';
  readonly data: readonly unknown[];
}

const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });

/** The JavaScript value of row `i`: a number, boolean, string (enum: its symbol), object, or null. */
export function cell(column: Column, i: number): unknown {
  switch (column.kind) {
    case 'string': {
      const length = column.length[i]!;
      return length < 0 ? null : utf8.decode(column.bytes.subarray(column.offset[i]!, column.offset[i]! + length));
    }
    case 'object':
      return column.data[i];
    case 'vector':
      return Array.from(column.data.subarray(i * column.width, (i + 1) * column.width));
    case 'number':
      return column.nulls?.[i] ? null : column.data[i]!;
    case 'boolean':
      return column.nulls?.[i] ? null : column.data[i] === 1;
    case 'enum':
      return column.nulls?.[i] ? null : column.symbols[column.data[i]!];
  }
}

/** Rows `rows[0..n)` of a column, in that order, as a column of its own; string bytes are shared, not copied. */
export function gather(column: Column, rows: Int32Array): Column {
  const n = rows.length;
  switch (column.kind) {
    case 'string':
      return { kind: 'string', bytes: column.bytes, offset: gatherInt32(column.offset, rows), length: gatherInt32(column.length, rows) };
    case 'object': {
      const data = new Array<unknown>(n);
      for (let i = 0; i < n; i++) data[i] = column.data[rows[i]!];
      return { kind: 'object', data };
    }
    case 'vector': {
      const { width } = column;
      const data = column.data instanceof Int32Array ? new Int32Array(n * width) : new Float64Array(n * width);
      for (let i = 0; i < n; i++) for (let k = 0; k < width; k++) data[i * width + k] = column.data[rows[i]! * width + k]!;
      return { kind: 'vector', data, width };
    }
    case 'number':
      return {
        kind: 'number',
        data: column.data instanceof Int32Array ? gatherInt32(column.data, rows) : gatherFloat64(column.data, rows),
        nulls: column.nulls && gatherUint8(column.nulls, rows),
      };
    case 'boolean':
      return { kind: 'boolean', data: gatherUint8(column.data, rows), nulls: column.nulls && gatherUint8(column.nulls, rows) };
    case 'enum':
      return { kind: 'enum', data: gatherInt32(column.data, rows), symbols: column.symbols, nulls: column.nulls && gatherUint8(column.nulls, rows) };
  }
}

/** Rows [from, to) of a column as views: nothing is copied. */
export function slice(column: Column, from: number, to: number): Column {
  switch (column.kind) {
    case 'string':
      return { kind: 'string', bytes: column.bytes, offset: column.offset.subarray(from, to), length: column.length.subarray(from, to) };
    case 'object':
      return { kind: 'object', data: column.data.slice(from, to) };
    case 'vector':
      return { kind: 'vector', data: column.data.subarray(from * column.width, to * column.width), width: column.width };
    case 'number':
      return { kind: 'number', data: column.data.subarray(from, to), nulls: column.nulls?.subarray(from, to) };
    case 'boolean':
      return { kind: 'boolean', data: column.data.subarray(from, to), nulls: column.nulls?.subarray(from, to) };
    case 'enum':
      return { kind: 'enum', data: column.data.subarray(from, to), symbols: column.symbols, nulls: column.nulls?.subarray(from, to) };
  }
}

/** `values[rows[i]]` for each i. */
export function gatherFloat64(values: Float64Array, rows: Int32Array): Float64Array {
  const out = new Float64Array(rows.length);
  for (let i = 0; i < rows.length; i++) out[i] = values[rows[i]!]!;
  return out;
}

/** `values[rows[i]]` for each i. */
export function gatherInt32(values: Int32Array, rows: Int32Array): Int32Array {
  const out = new Int32Array(rows.length);
  for (let i = 0; i < rows.length; i++) out[i] = values[rows[i]!]!;
  return out;
}

function gatherUint8(values: Uint8Array, rows: Int32Array): Uint8Array {
  const out = new Uint8Array(rows.length);
  for (let i = 0; i < rows.length; i++) out[i] = values[rows[i]!]!;
  return out;
}

/** A string column over freshly encoded JavaScript strings (null stays null). */
export function stringColumn(values: readonly (string | null)[]): StringColumn {
  const offset = new Int32Array(values.length);
  const length = new Int32Array(values.length);
  let size = 0;
  for (const v of values) if (v !== null) size += Buffer.byteLength(v);
  const bytes = Buffer.allocUnsafeSlow(size);
  let at = 0;
  for (let i = 0; i < values.length; i++) {
    const v = values[i]!;
    offset[i] = at;
    length[i] = v === null ? -1 : bytes.write(v, at);
    if (v !== null) at += length[i]!;
  }
  return { kind: 'string', bytes, offset, length };
}
