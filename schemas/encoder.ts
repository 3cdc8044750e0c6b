import { namedTypes, parseRecordSchema, SchemaError, type AvroRecordSchema } from './avro-schema.js';
import { avscType } from './avsc-type.js';
import { intBytes, longBytes, maxLong, writeBytes, writeDouble, writeFloat, writeInt, writeLong, writeNumbers, writeString } from './binary.js';
import type { Column } from './column.js';
import { fieldPlan, type FieldPlan, type FieldWriter, type Kind } from './field-plan.js';

/** Encodes rows of columns as Avro record bodies. */
export interface ColumnEncoder {
  /** Upper bound of the bytes of a row. */
  bound(row: number): number;
  /** Writes a row at `at`, where `bound(row)` bytes are free; gives the end. Throws SchemaError for a value that does not fit its field. */
  encode(row: number, target: Uint8Array, at: number): number;
}

/** Encodes plain objects as Avro record bodies. */
export interface RowEncoder<T> {
  /** Upper bound of the bytes of a value. */
  bound(value: T): number;
  /** Writes a value at `at`, where `bound(value)` bytes are free; gives the end. Throws SchemaError for a value that does not fit, with the field. */
  encode(value: T, target: Uint8Array, at: number): number;
}

/**
 * Compiles an encoder of the rows of columns. Code is generated once per schema and kinds of columns, so that this is
 * cheap to call for each batch. Longs go up to 2^53 - 2, as in `compileReader`.
 *
 * @param columns by field name; a field without column gets its default
 * @throws SchemaError for a column that does not fit its field, and for a field with neither column nor default
 */
export function compileColumnEncoder(schema: AvroRecordSchema, columns: ReadonlyMap<string, Column>): ColumnEncoder {
  const plan = planOf(schema);
  const given = plan.fields.map((f) => columns.get(f.field.name));
  const shape = given.map((c) => (c === undefined ? '-' : `${c.kind}${isInt32(c) ? 'i' : ''}${'nulls' in c && c.nulls ? '?' : ''}`)).join();
  let make = plan.columnEncoders.get(shape);
  if (make === undefined) plan.columnEncoders.set(shape, (make = columnCode(schema, plan, given)));
  return make(
    given.map((c, i) => (c?.kind === 'enum' ? { ...c, map: symbolMap(plan.fields[i]!, c.symbols) } : c)),
    runtime,
    plan.fields.map((f) => f.writer),
  ) as ColumnEncoder;
}

/**
 * Compiles an encoder of plain objects with the fields of a record schema.
 *
 * @throws SchemaError for a schema that is not valid
 */
export function compileRowEncoder<T>(schema: AvroRecordSchema): RowEncoder<T> {
  const plan = planOf(schema);
  plan.rowEncoder ??= rowCode(schema, plan);
  return plan.rowEncoder([], runtime, plan.fields.map((f) => f.writer)) as unknown as RowEncoder<T>;
}

type Make = (columns: readonly unknown[], runtime: object, writers: readonly FieldWriter[]) => ColumnEncoder;

interface Plan {
  readonly fields: readonly FieldPlan[];
  readonly columnEncoders: Map<string, Make>;
  rowEncoder?: Make;
}

const plans = new WeakMap<AvroRecordSchema, Plan>();

function planOf(given: AvroRecordSchema): Plan {
  let plan = plans.get(given);
  if (plan !== undefined) return plan;
  const schema = parseRecordSchema(given);
  const names = namedTypes(schema);
  const record = avscType(schema);
  plan = { fields: schema.fields.map((f) => fieldPlan(f, names, record)), columnEncoders: new Map() };
  plans.set(given, plan);
  return plan;
}

/** Index in the field's enum for each symbol of a column, -1 where it has no such symbol. */
function symbolMap({ writer }: FieldPlan, symbols: readonly string[]): Int32Array {
  return Int32Array.from(symbols, (s) => writer.indices.get(s) ?? -1);
}

const fitting: Record<Kind, readonly Column['kind'][]> = {
  null: ['object'],
  boolean: ['boolean'],
  int: ['number'],
  long: ['number'],
  float: ['number'],
  double: ['number'],
  string: ['string', 'enum'],
  enum: ['enum', 'string'],
  numbers: ['object', 'vector'],
  records: ['object'],
  other: ['object'],
};

const isInt32 = (column: Column): boolean => (column.kind === 'number' || column.kind === 'vector') && column.data instanceof Int32Array;

function columnCode(schema: AvroRecordSchema, plan: Plan, columns: readonly (Column | undefined)[]): Make {
  const parts = plan.fields.map((f, i): Part => {
    const column = columns[i];
    const { name } = f.field;
    if (column === undefined) {
      if (f.writer.default === undefined) throw new SchemaError(`${schema.name}: there is no column for field ${name}, and it has no default`);
      return { size: `${f.writer.default.length}`, write: writeDefault(i) };
    }
    const viaAvsc = column.kind === 'object' && f.kind !== 'numbers' && f.kind !== 'records';
    if (!viaAvsc && !fitting[f.kind].includes(column.kind)) throw new SchemaError(`${schema.name}: field ${name} (${f.kind}) cannot be written from a ${column.kind} column`);
    if (column.kind === 'object') return objectPart(f, i, `d${i}[x]`, viaAvsc ? 'other' : (f.kind as 'numbers' | 'records'));
    if (column.kind === 'vector') return vectorPart(f, i, isInt32(column));
    const isNull = column.kind === 'string' ? `l${i}[x] < 0` : column.nulls ? `u${i}[x] === 1` : undefined;
    const value = column.kind === 'string' ? stringSource(f, i) : column.kind === 'enum' ? enumSource(f, i) : scalar(f, i, `d${i}[x]`, { isInt32: isInt32(column), isBit: true, isTyped: true });
    return nullable(f, i, isNull, value);
  });
  const head = columns.map((c, i) => {
    if (c === undefined) return '';
    if (c.kind === 'string') return `const b${i} = columns[${i}].bytes, o${i} = columns[${i}].offset, l${i} = columns[${i}].length;`;
    return `const d${i} = columns[${i}].data, u${i} = columns[${i}].nulls, m${i} = columns[${i}].map, n${i} = columns[${i}].width;`;
  });
  return compile(head, parts);
}

function rowCode(schema: AvroRecordSchema, plan: Plan): Make {
  const parts = plan.fields.map((f, i): Part => {
    const v = `v${i}`;
    const read = `const ${v} = x[${JSON.stringify(f.field.name)}];`;
    const missing = f.writer.default === undefined ? { size: '0', write: `missing(w${i}.field, ${JSON.stringify(schema.name)});` } : { size: `${f.writer.default.length}`, write: writeDefault(i) };
    const part = f.kind === 'numbers' || f.kind === 'records' ? objectPart(f, i, v, f.kind) : f.kind === 'other' || f.kind === 'null' ? objectPart(f, i, v, 'other') : nullable(f, i, `${v} === null`, scalar(f, i, v, { isInt32: false, isBit: false, isTyped: false }));
    return { before: read, size: `(${v} === undefined ? ${missing.size} : ${part.size})`, write: `if (${v} === undefined) { ${missing.write} } else { ${part.write} }` };
  });
  return compile([], parts);
}

/** How a field is written: `size` is an expression for its upper bound, `write` statements that move `p`. */
interface Part {
  readonly before?: string;
  readonly size: string;
  readonly write: string;
}

function compile(head: readonly string[], parts: readonly Part[]): Make {
  const before = parts.map((p) => p.before ?? '').join(' ');
  const code = `'use strict';
const { ${Object.keys(runtime).join(', ')} } = runtime;
${parts.map((_, i) => `const w${i} = writers[${i}]; let key${i}, kept${i};`).join('\n')}
${head.join('\n')}
return {
  bound(x) {
    ${before}
    return ${parts.map((p) => p.size).join(' + ') || '0'};
  },
  encode(x, target, p) {
    ${before}
    ${parts.map((p) => p.write).join('\n    ')}
    return p;
  },
};`;
  return new Function('columns', 'runtime', 'writers', code) as Make;
}

function writeDefault(i: number): string {
  return `{ const d = w${i}.default; for (let k = 0; k < d.length; k++) target[p++] = d[k]; }`;
}

function nullable(f: FieldPlan, i: number, isNull: string | undefined, value: Part): Part {
  const refuse = `refuse(w${i}.field, null, '${f.kind}');`;
  if (f.nullBranch < 0) return isNull === undefined ? value : { size: value.size, write: `if (${isNull}) ${refuse} ${value.write}` };
  const write = `target[p++] = ${2 * f.valueBranch}; ${value.write}`;
  return { size: `1 + ${value.size}`, write: isNull === undefined ? write : `if (${isNull}) target[p++] = ${2 * f.nullBranch}; else { ${write} }` };
}

function scalar(f: FieldPlan, i: number, v: string, source: { isInt32: boolean; isBit: boolean; isTyped: boolean }): Part {
  const refuse = `refuse(w${i}.field, ${v}, '${f.kind}');`;
  switch (f.kind) {
    case 'boolean':
      return source.isBit ? { size: '1', write: `target[p++] = ${v} === 0 ? 0 : 1;` } : { size: '1', write: `if (typeof ${v} !== 'boolean') ${refuse} target[p++] = ${v} ? 1 : 0;` };
    case 'int':
      return { size: `${intBytes}`, write: `${source.isInt32 ? '' : `if ((${v} | 0) !== ${v}) ${refuse} `}p = writeInt(target, p, ${v});` };
    case 'long':
      if (source.isInt32) return { size: `${intBytes}`, write: `p = writeInt(target, p, ${v});` };
      return { size: `${longBytes}`, write: `if (!(Number.isInteger(${v}) && ${v} <= ${maxLong} && ${v} >= -${maxLong})) ${refuse} p = writeLong(target, p, ${v});` };
    case 'float':
    case 'double': {
      const check = source.isTyped ? '' : `if (typeof ${v} !== 'number') ${refuse} `;
      return f.kind === 'float' ? { size: '4', write: `${check}p = writeFloat(target, p, ${v});` } : { size: '8', write: `${check}p = writeDouble(target, p, ${v});` };
    }
    case 'string':
      return { size: `(typeof ${v} === 'string' ? ${intBytes} + 3 * ${v}.length : 0)`, write: `if (typeof ${v} !== 'string') ${refuse} p = writeString(target, p, ${v});` };
    default:
      return { size: `${intBytes}`, write: `{ const k = w${i}.indices.get(${v}); if (k === undefined) ${refuse} p = writeInt(target, p, k); }` };
  }
}

function stringSource(f: FieldPlan, i: number): Part {
  if (f.kind === 'string') return { size: `${intBytes} + (l${i}[x] > 0 ? l${i}[x] : 0)`, write: `p = writeBytes(target, p, b${i}, o${i}[x], l${i}[x]);` };
  return { size: `${intBytes}`, write: `p = writeInt(target, p, symbolAt(w${i}, b${i}, o${i}[x], l${i}[x]));` };
}

function enumSource(f: FieldPlan, i: number): Part {
  if (f.kind === 'enum') return { size: `${intBytes}`, write: `{ const k = m${i}[d${i}[x]]; if (!(k >= 0)) refuse(w${i}.field, columns[${i}].symbols[d${i}[x]], 'enum'); p = writeInt(target, p, k); }` };
  return { size: `${intBytes} + 3 * columns[${i}].symbols[d${i}[x]].length`, write: `p = writeString(target, p, columns[${i}].symbols[d${i}[x]]);` };
}

/** Numbers and records are written directly; what avsc encodes is kept from `bound` to `encode`. */
function objectPart(f: FieldPlan, i: number, v: string, kind: 'numbers' | 'records' | 'other'): Part {
  if (kind === 'records') {
    return nullable(f, i, `${v} === null`, { size: `(${v} === null ? 0 : boundRecords(w${i}, ${v}))`, write: `p = writeRecords(w${i}, target, p, ${v});` });
  }
  if (kind === 'numbers') {
    const size = `(${v} === null ? 0 : ${intBytes} + 1 + ${v}.length * ${{ int: intBytes, long: longBytes, float: 4, double: 8 }[f.writer.item]})`;
    return nullable(f, i, `${v} === null`, { size, write: `checkNumbers(w${i}, ${v}); p = writeNumbers(target, p, ${v}, w${i}.item);` });
  }
  return {
    size: `((kept${i} = w${i}.toBuffer(${v})), (key${i} = x), kept${i}.length)`,
    write: `{ const kept = key${i} === x ? kept${i} : w${i}.toBuffer(${v}); key${i} = kept${i} = undefined; target.set(kept, p); p += kept.length; }`,
  };
}

function vectorPart(f: FieldPlan, i: number, isInts: boolean): Part {
  const { item } = f.writer;
  const write = isInts && (item === 'int' || item === 'long') ? `p = writeInts(target, p, d${i}, x * n${i}, n${i});` : `p = writeVector(w${i}, target, p, d${i}, x * n${i}, n${i});`;
  return nullable(f, i, undefined, { size: `${intBytes} + 1 + n${i} * ${{ int: intBytes, long: longBytes, float: 4, double: 8 }[item]}`, write });
}

/** Writes 32-bit numbers, each of which is an int and a long, as an array in one block. */
function writeInts(target: Uint8Array, at: number, data: Int32Array, from: number, width: number): number {
  if (width > 0) {
    at = writeInt(target, at, width);
    for (let k = from; k < from + width; k++) {
      const v = data[k]!;
      if (v >= 0 && v < 64) target[at++] = v << 1;
      else at = writeInt(target, at, v);
    }
  }
  target[at++] = 0;
  return at;
}

/** Writes `data[from .. from + width)` as an array in one block; each item is checked as it is written. */
function writeVector(writer: FieldWriter, target: Uint8Array, at: number, data: Float64Array | Int32Array, from: number, width: number): number {
  const { item } = writer;
  if (width > 0) {
    at = writeInt(target, at, width);
    for (let k = from; k < from + width; k++) {
      const v = data[k]!;
      if (item === 'int') {
        if ((v | 0) !== v) refuse(`${writer.field}[${k - from}]`, v, item);
        if (v >= 0 && v < 64) target[at++] = v << 1;
        else at = writeInt(target, at, v);
      } else if (item === 'long') {
        if (!Number.isInteger(v) || Math.abs(v) > maxLong) refuse(`${writer.field}[${k - from}]`, v, item);
        at = writeLong(target, at, v);
      } else at = item === 'float' ? writeFloat(target, at, v) : writeDouble(target, at, v);
    }
  }
  target[at++] = 0;
  return at;
}

/** Encoder of the items of an array of records; one a plan. */
const itemEncoders = new WeakMap<FieldWriter, RowEncoder<unknown>>();

function itemEncoder(writer: FieldWriter): RowEncoder<unknown> {
  let encoder = itemEncoders.get(writer);
  if (encoder === undefined) itemEncoders.set(writer, (encoder = compileRowEncoder<unknown>(writer.record!)));
  return encoder;
}

function boundRecords(writer: FieldWriter, values: unknown): number {
  checkRecords(writer, values);
  const encoder = itemEncoder(writer);
  let size = intBytes + 1;
  for (const value of values) size += encoder.bound(value);
  return size;
}

/** One block: count, items, 0. */
function writeRecords(writer: FieldWriter, target: Uint8Array, at: number, values: unknown): number {
  checkRecords(writer, values);
  if (values.length > 0) {
    const encoder = itemEncoder(writer);
    at = writeInt(target, at, values.length);
    let k = 0;
    try {
      for (; k < values.length; k++) at = encoder.encode(values[k], target, at);
    } catch (error) {
      throw new SchemaError((error as Error).message.replace(/^field /, `field ${writer.field}[${k}].`), { cause: error });
    }
  }
  target[at++] = 0;
  return at;
}

function checkRecords(writer: FieldWriter, values: unknown): asserts values is readonly object[] {
  if (!Array.isArray(values)) refuse(writer.field, values, 'array of records');
  for (let k = 0; k < values.length; k++) if (typeof values[k] !== 'object' || values[k] === null) refuse(`${writer.field}[${k}]`, values[k], 'record');
}

const runtime = { writeInt, writeLong, writeFloat, writeDouble, writeString, writeBytes, writeNumbers, writeVector, writeInts, boundRecords, writeRecords, refuse, missing, symbolAt, checkNumbers };

function refuse(field: string, value: unknown, type: string): never {
  const shown = typeof value === 'string' ? JSON.stringify(value) : typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value);
  throw new SchemaError(`field ${field}: ${shown} is not a value of type ${type}`);
}

function missing(field: string, record: string): never {
  throw new SchemaError(`field ${field} of ${record} is missing, and it has no default`);
}

function symbolAt(writer: FieldWriter, bytes: Uint8Array, offset: number, length: number): number {
  const { symbolBytes } = writer;
  search: for (let s = 0; s < symbolBytes.length; s++) {
    const symbol = symbolBytes[s]!;
    if (symbol.length !== length) continue;
    for (let k = 0; k < length; k++) if (symbol[k] !== bytes[offset + k]) continue search;
    return s;
  }
  return refuse(writer.field, Buffer.from(bytes.buffer, bytes.byteOffset + offset, length).toString(), 'enum');
}

function checkNumbers(writer: FieldWriter, values: unknown): void {
  if (!Array.isArray(values) && !(ArrayBuffer.isView(values) && !(values instanceof DataView))) refuse(writer.field, values, `array of ${writer.item}`);
  const numbers = values as ArrayLike<unknown>;
  for (let k = 0; k < numbers.length; k++) {
    const v = numbers[k];
    const fits = writer.item === 'int' ? ((v as number) | 0) === v : writer.item === 'long' ? Number.isInteger(v) && Math.abs(v as number) <= maxLong : typeof v === 'number';
    if (!fits) refuse(`${writer.field}[${k}]`, v, writer.item);
  }
}
