import { branchesOf, namedTypes, parseRecordSchema, plainType, schemaText, SchemaError, type AvroEnumSchema, type AvroField, type AvroNamed, type AvroRecordSchema, type AvroType } from './avro-schema.js';
import { avscType, defaultOf, type Place } from './avsc-type.js';
import { stringColumn, type Column } from './column.js';
import { projectionCode, type Target } from './projection-code.js';
import { resolve, writerField, type FieldReader } from './resolve.js';

/** A row whose bytes are not a record of the writer's schema, and why. */
export interface BadRow {
  readonly row: number;
  readonly reason: string;
}

/** One column per projected field, in the order of the fields; columns of bad rows hold anything. */
export interface Decoded {
  readonly columns: Column[];
  readonly bad: readonly BadRow[];
}

/** Decodes some fields of many records. */
export interface Projection {
  /**
   * @param bytes holds all payloads; string columns lie in it
   * @param offset,length where the payload of each row is (a length below `skip` is a bad row)
   * @param skip bytes before the body: 5 with the Confluent prefix, 0 without
   */
  decode(bytes: Uint8Array, offset: Int32Array, length: Int32Array, count: number, skip: number): Decoded;
}

interface Plan {
  readonly field: AvroField;
  readonly target: Exclude<Target, { kind: 'skip' | 'check' }>;
  /** Set where the writer has no such field. */
  readonly constant: { readonly value: unknown } | undefined;
  readonly symbols: readonly string[];
}

interface Out {
  data?: Int32Array | Float64Array | Uint8Array | unknown[];
  nulls?: Uint8Array | undefined;
  offset?: Int32Array;
  length?: Int32Array;
}

type Decoder = (bytes: Uint8Array, offset: Int32Array, length: Int32Array, count: number, skip: number, out: Out[], readers: readonly unknown[], cursor: { at: number }, doubts: number[]) => void;

/**
 * Compiles a decoder of the named fields of the reader's schema from records of the writer's: one pass of generated code
 * over the bytes, which leaves each row that is not plainly well-formed to avsc. A row is good exactly when a reader of
 * whole records (`compileReader`) takes it, whichever fields are asked for, and has the same values.
 *
 * @throws SchemaError for a field that the reader does not have, and for schemas that cannot be resolved
 */
export function compileProjection(writer: AvroRecordSchema, fields: readonly string[], reader: AvroRecordSchema): Projection {
  const from = parseRecordSchema(writer);
  const to = parseRecordSchema(reader);
  const names = namedTypes(from);
  const readerNames = namedTypes(to);
  const plans = fields.map((name, column): Plan => {
    const field = to.fields.find((f) => f.name === name);
    if (field === undefined) throw new SchemaError(`${to.name} has no field '${name}'`);
    return planOf(field, column, writerField(from, field), readerNames);
  });
  const strings = new Set(plans.filter((p) => p.target.kind === 'string').map((p) => p.field.name));
  const resolution = resolve(from, to, strings);
  const defaultType = avscType(to);
  const defaults = plans.map((p) => (p.constant ? defaultOf(defaultType, p.field.name) : undefined));

  const readers: unknown[] = [];
  const cursor = { at: 0 };
  const fieldReader = (field: AvroField, source: AvroField): unknown => objectReader(resolution.field(field.name, source.name), cursor);
  plans.forEach((p, column) => {
    const source = writerField(from, p.field);
    readers[column] = p.target.kind === 'object' && source !== undefined ? fieldReader(p.field, source) : undefined;
  });
  const sameNames = (source: AvroField, field: AvroField): boolean => isSame(source, from, field, to);
  const code = projectionCode(
    from.fields.map((source) => {
      const readerFields = to.fields.filter((f) => writerField(from, f) === source);
      const targets: Target[] = readerFields.flatMap((f): Target[] => {
        const projected = plans.filter((p) => p.field.name === f.name).map((p) => p.target);
        if (projected.length > 0) return projected;
        const skip = skipOf(source, f, names, readerNames, sameNames(source, f));
        return [skip ?? { kind: 'check', column: readers.push(fieldReader(f, source)) - 1 }];
      });
      return { name: source.name, type: source.type, targets: targets.length > 0 ? targets : [{ kind: 'skip' }] };
    }),
    names,
  );
  const run = new Function('bytes', 'offset', 'length', 'count', 'skip', 'out', 'readers', 'cursor', 'doubts', code) as Decoder;

  return {
    decode(bytes, offset, length, count, skip) {
      const out = plans.map((p) => allocate(p, count));
      const doubts: number[] = [];
      run(bytes, offset, length, count, skip, out, readers, cursor, doubts);
      const bad: BadRow[] = [];
      for (const row of doubts) {
        const start = offset[row]! + skip;
        const end = offset[row]! + length[row]!;
        try {
          if (start < skip || end < start || end > bytes.length) throw new SchemaError(`${length[row]!} bytes at ${offset[row]!} are no record`);
          const value = resolution.read(Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start));
          plans.forEach((p, k) => store(p, out[k]!, row, value[p.field.name], start));
        } catch (error) {
          bad.push({ row, reason: (error as Error).message });
        }
      }
      return { columns: plans.map((p, k) => columnOf(p, out[k]!, bytes, defaults[k]!, count)), bad };
    },
  };
}

function planOf(field: AvroField, column: number, source: AvroField | undefined, readerNames: Names): Plan {
  const constant = source === undefined ? { value: field.default } : undefined;
  const branches = branchesOf(field.type);
  const values = branches.filter((t) => t !== 'null');
  const sourceBranches = source === undefined ? [] : branchesOf(source.type);
  const nullable = branches.length === 2 && (constant ? constant.value === null : sourceBranches.includes('null'));
  const type = values.length === 1 && (!Array.isArray(field.type) || branches.length === 2) ? plainType(values[0]!, readerNames) : undefined;
  const kind = type === 'int' ? 'int' : type === 'long' || type === 'float' || type === 'double' ? 'number' : type === 'boolean' || type === 'string' ? type : undefined;
  if (kind !== undefined) return { field, target: { kind, column, nullable }, constant, symbols: [] };
  if (type !== undefined && isEnum(type)) return { field, target: { kind: 'enum', column, nullable, reader: type.symbols, fallback: type.default }, constant, symbols: type.symbols };
  return { field, target: { kind: 'object', column }, constant, symbols: [] };
}

type Names = ReadonlyMap<string, AvroNamed>;

const simple: readonly unknown[] = ['null', 'boolean', 'int', 'long', 'float', 'double', 'string', 'bytes'];

/** How to pass over a field that the reader has but nobody asked for; undefined where its structure alone does not tell whether it can be read. */
function skipOf(source: AvroField, field: AvroField, names: Names, readerNames: Names, same: boolean): Target | undefined {
  if (same) return { kind: 'skip' };
  const from = branchesOf(source.type).map((t) => plainType(t, names));
  const to = branchesOf(field.type).map((t) => plainType(t, readerNames));
  if (from.includes('null') && !to.includes('null')) return undefined;
  if ([...from, ...to].every((t) => simple.includes(t))) return { kind: 'skip' };
  const [written, read] = [from, to].map((types) => types.filter((t) => t !== 'null')) as [AvroType[], AvroType[]];
  if (written.length !== 1 || read.length !== 1 || !isEnum(written[0]!) || !isEnum(read[0]!)) return undefined;
  return { kind: 'skip', known: read[0].default === undefined ? new Set(read[0].symbols) : undefined };
}

function isEnum(type: AvroType): type is AvroEnumSchema {
  return typeof type === 'object' && 'type' in type && type.type === 'enum';
}

/** Whether two fields are written alike, down to the types that they name. */
function isSame(a: AvroField, from: AvroRecordSchema, b: AvroField, to: AvroRecordSchema): boolean {
  if (schemaText(from) === schemaText(to)) return a.name === b.name;
  const text = (f: AvroField): string => JSON.stringify(f.type, (key, v: unknown) => (key === 'doc' ? undefined : v));
  return text(a) === text(b) && !refersToName(a.type);
}

function refersToName(type: AvroType): boolean {
  if (typeof type === 'string') return !simple.includes(type);
  if (Array.isArray(type)) return type.some((t: AvroType) => refersToName(t));
  const t = type as Exclude<AvroType, string | readonly AvroType[]>;
  if (t.type === 'array') return refersToName(t.items);
  if (t.type === 'map') return refersToName(t.values);
  return t.type === 'record' && t.fields.some((f) => refersToName(f.type));
}

function objectReader(read: FieldReader, cursor: { at: number }): (bytes: Uint8Array, p: number, end: number) => unknown {
  return (bytes, p, end) => {
    try {
      const { value, offset } = read(Buffer.from(bytes.buffer, bytes.byteOffset + p, end - p), 0);
      cursor.at = offset < 0 ? -1 : p + offset;
      return value;
    } catch {
      // the row is left to avsc as a whole, which gives the reason
      cursor.at = -1;
      return undefined;
    }
  };
}

function allocate({ target, constant }: Plan, count: number): Out {
  if (constant) return {};
  const nulls = 'nullable' in target && target.nullable ? new Uint8Array(count) : undefined;
  switch (target.kind) {
    case 'string':
      return { offset: new Int32Array(count), length: new Int32Array(count) };
    case 'number':
      return { data: new Float64Array(count), nulls };
    case 'boolean':
      return { data: new Uint8Array(count), nulls };
    case 'object':
      return { data: Array.from<unknown>({ length: count }).fill(null) };
    default:
      return { data: new Int32Array(count), nulls };
  }
}

function store({ target, constant, symbols }: Plan, out: Out, row: number, value: unknown, start: number): void {
  if (constant) return;
  if (target.kind === 'string') {
    const place = value as Place | null;
    out.offset![row] = place === null ? 0 : start + place.at;
    out.length![row] = place === null ? -1 : place.length;
    return;
  }
  if (out.nulls) out.nulls[row] = value === null ? 1 : 0;
  if (target.kind === 'enum') out.data![row] = symbols.indexOf(value as string);
  else if (target.kind === 'object') out.data![row] = value;
  else if (target.kind === 'boolean') out.data![row] = value === true ? 1 : 0;
  else {
    // avsc takes ints of more than 32 bits: such a column is made of doubles
    if (target.kind === 'int' && typeof value === 'number' && (value | 0) !== value && out.data instanceof Int32Array) out.data = Float64Array.from(out.data);
    out.data![row] = value as number;
  }
}

function columnOf({ target, constant, symbols }: Plan, out: Out, bytes: Uint8Array, value: unknown, count: number): Column {
  if (constant) return constantColumn(target, symbols, value, count);
  switch (target.kind) {
    case 'string':
      return { kind: 'string', bytes, offset: out.offset!, length: out.length! };
    case 'boolean':
      return { kind: 'boolean', data: out.data as Uint8Array, nulls: out.nulls };
    case 'enum':
      return { kind: 'enum', data: out.data as Int32Array, symbols, nulls: out.nulls };
    case 'object':
      return { kind: 'object', data: out.data as unknown[] };
    default:
      return { kind: 'number', data: out.data as Int32Array | Float64Array, nulls: out.nulls };
  }
}

function constantColumn(target: Plan['target'], symbols: readonly string[], value: unknown, count: number): Column {
  const nulls = value === null ? new Uint8Array(count).fill(1) : undefined;
  switch (target.kind) {
    case 'string': {
      const one = stringColumn([value as string | null]);
      return { kind: 'string', bytes: one.bytes, offset: new Int32Array(count), length: new Int32Array(count).fill(one.length[0]!) };
    }
    case 'boolean':
      return { kind: 'boolean', data: new Uint8Array(count).fill(value === true ? 1 : 0), nulls };
    case 'enum':
      return { kind: 'enum', data: new Int32Array(count).fill(value === null ? 0 : symbols.indexOf(value as string)), symbols, nulls };
    case 'object':
      return { kind: 'object', data: Array.from<unknown>({ length: count }).fill(value) };
    case 'int':
      return { kind: 'number', data: new Int32Array(count).fill(value === null ? 0 : (value as number)), nulls };
    default:
      return { kind: 'number', data: new Float64Array(count).fill(value === null ? 0 : (value as number)), nulls };
  }
}
