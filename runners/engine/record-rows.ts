import type { Column } from '../../schemas/column.js';
import { compileProjection, type Projection } from '../../schemas/projection.js';
import { compileReader } from '../../schemas/reader.js';
import { parseRecordSchema, type AvroRecordSchema } from '../../schemas/avro-schema.js';
import { schemaIdAt, wirePrefixLength } from '../../schemas/wire.js';
import { Batch, type BatchRows } from '../../dataflow/batch.js';
import { HeadraceError } from '../../dataflow/errors.js';
import { offsetAt, type RecordBlock } from '../../dataflow/record-block.js';
import type { SchemaRegistry } from '../../dataflow/ports/schema-registry.js';
import type { TopicDefinition } from '../../dataflow/topic.js';

/** Reads records of one topic: knows the writer schemas met so far and the fields that the pipeline uses. */
export interface RecordReader {
  /** Loads the writer schemas of a block; before `decode`. */
  learn(block: RecordBlock): Promise<void>;
  /** The rows of a block in runs of one writer schema each, with the rows that cannot be decoded. */
  decode(block: RecordBlock, partition: number): readonly DecodedRun[];
}

/** Consecutive rows written with one schema. */
export interface DecodedRun {
  readonly rows: BatchRows;
  readonly block: RecordBlock;
  readonly bad: readonly { readonly row: number; readonly error: HeadraceError }[];
}

/** Stands for the topic's own schema, where values have no id. */
const plainId = 0;

interface Writer {
  readonly project: (fields: readonly string[]) => Projection;
  readonly read: (bytes: Uint8Array, start: number, end: number) => unknown;
}

/** What is compiled for two schemas is the same for all tasks. */
const compiled = new WeakMap<AvroRecordSchema, WeakMap<AvroRecordSchema, Writer>>();

function writerOf(schema: AvroRecordSchema, readerSchema: AvroRecordSchema): Writer {
  let byReader = compiled.get(schema);
  if (byReader === undefined) compiled.set(schema, (byReader = new WeakMap()));
  let writer = byReader.get(readerSchema);
  if (writer === undefined) {
    const projections = new Map<string, Projection>();
    const read = compileReader(schema, readerSchema);
    writer = {
      project(names) {
        const key = names.join(' ');
        let projection = projections.get(key);
        if (projection === undefined) projections.set(key, (projection = compileProjection(schema, names, readerSchema)));
        return projection;
      },
      read,
    };
    byReader.set(readerSchema, writer);
  }
  return writer;
}

/**
 * A reader for `topic`. The first batch shows which fields the pipeline uses; from then on they are decoded in one pass.
 * Rows whose writer schema is not known, or cannot be resolved against the topic's, are bad rows.
 */
export function createRecordReader(topic: TopicDefinition, registry: SchemaRegistry): RecordReader {
  const readerSchema = parseRecordSchema(topic.schema);
  const isPlain = topic.framing === 'plain';
  const prefixBytes = isPlain ? 0 : wirePrefixLength;
  const idAt = (block: RecordBlock, i: number) => (block.valueLength[i]! < 0 ? -1 : isPlain ? plainId : schemaIdAt(block.bytes, block.valueOffset[i]!, block.valueLength[i]!));
  const fields: string[] = topic.time === undefined ? [] : [topic.time];
  const writers = new Map<number, Writer | HeadraceError>();

  if (isPlain) writers.set(plainId, writerOf(readerSchema, readerSchema));

  const decodeRun = (block: RecordBlock, partition: number, id: number): DecodedRun => {
    const place = (row: number) => ({ topic: topic.name, partition, offset: offsetAt(block, row) });
    const writer = id < 0 ? new HeadraceError('HR_DECODE', 'The value does not start with a schema id (Confluent wire format).') : writers.get(id)!;
    if (writer instanceof HeadraceError) {
      const bad = Array.from({ length: block.count }, (_, row) => ({ row, error: new HeadraceError(writer.code, writer.message, { place: place(row) }) }));
      return { block, bad, rows: emptyRows(block.count, place, block) };
    }
    const names = [...fields];
    const decoded = writer.project(names).decode(block.bytes, block.valueOffset, block.valueLength, block.count, prefixBytes);
    const columns = new Map<string, Column>(names.map((name, i) => [name, decoded.columns[i]!]));
    const values = new Array<unknown>(block.count);
    const rows: BatchRows = {
      length: block.count,
      names: readerSchema.fields.map((f) => f.name),
      field(name) {
        let column = columns.get(name);
        if (column === undefined) {
          if (!readerSchema.fields.some((f) => f.name === name)) {
            throw new HeadraceError('HR_COLUMN', `Topic ${topic.name} has no field "${name}"; it has ${readerSchema.fields.map((f) => f.name).join(', ')}.`);
          }
          if (!fields.includes(name)) fields.push(name);
          column = writer.project([name]).decode(block.bytes, block.valueOffset, block.valueLength, block.count, prefixBytes).columns[0]!;
          columns.set(name, column);
        }
        return column;
      },
      value(i) {
        return (values[i] ??= writer.read(block.bytes, block.valueOffset[i]! + prefixBytes, block.valueOffset[i]! + block.valueLength[i]!));
      },
      place,
      record: (i) => originRecord(block, i),
      pack: (selected) => ({ records: compact(block, selected), topic: topic.name, partition }),
    };
    const bad = decoded.bad.map(({ row, reason }) => ({ row, error: new HeadraceError('HR_DECODE', reason, { place: place(row) }) }));
    return { rows, block, bad };
  };

  return {
    async learn(block) {
      if (block.rows !== undefined) return;
      let last = -2;
      for (let i = 0; i < block.count; i++) {
        const id = idAt(block, i);
        if (id === last || id < 0 || writers.has(id)) continue;
        last = id;
        const text = await registry.schemaById(id);
        if (text === undefined) writers.set(id, new HeadraceError('HR_DECODE', `The schema id ${id} is not in the registry.`));
        else {
          try {
            writers.set(id, writerOf(parseRecordSchema(text), readerSchema));
          } catch (cause) {
            writers.set(id, new HeadraceError('HR_SCHEMA_MISMATCH', `The record has schema ${id}, which does not fit topic ${topic.name}: ${(cause as Error).message}`));
          }
        }
      }
    },
    decode(block, partition) {
      if (block.rows !== undefined) return [{ rows: new Batch(block.rows, new Float64Array(block.rows.length)).slice(0, block.count).rows, block, bad: [] }];
      const runs: DecodedRun[] = [];
      let from = 0;
      let id = idAt(block, 0);
      for (let i = 1; i <= block.count; i++) {
        const next = i < block.count ? idAt(block, i) : -2;
        if (next === id) continue;
        runs.push(decodeRun(from === 0 && i === block.count ? block : sliceBlock(block, from, i), partition, id));
        from = i;
        id = next;
      }
      return runs;
    },
  };
}

/** Rows [from, to) of a block; the bytes are shared. */
export function sliceBlock(block: RecordBlock, from: number, to: number): RecordBlock {
  const headers = block.headers && new Map([...block.headers].filter(([row]) => row >= from && row < to).map(([row, h]) => [row - from, h] as const));
  return {
    count: to - from,
    baseOffset: offsetAt(block, from),
    offsets: block.offsets?.subarray(from, to),
    timestamps: block.timestamps.subarray(from, to),
    bytes: block.bytes,
    keyOffset: block.keyOffset.subarray(from, to),
    keyLength: block.keyLength.subarray(from, to),
    valueOffset: block.valueOffset.subarray(from, to),
    valueLength: block.valueLength.subarray(from, to),
    headers,
  };
}

/** The chosen rows in fresh arrays of their own, so that they can move to another thread. */
function compact(block: RecordBlock, rows: Int32Array | undefined): RecordBlock {
  const chosen = rows ?? Int32Array.from({ length: block.count }, (_, i) => i);
  let size = 0;
  for (const row of chosen) size += Math.max(block.keyLength[row]!, 0) + Math.max(block.valueLength[row]!, 0);
  const count = chosen.length;
  const out = {
    count,
    baseOffset: 0,
    offsets: new Float64Array(count),
    timestamps: new Float64Array(count),
    bytes: new Uint8Array(size),
    keyOffset: new Int32Array(count),
    keyLength: new Int32Array(count),
    valueOffset: new Int32Array(count),
    valueLength: new Int32Array(count),
  };
  let at = 0;
  for (let i = 0; i < count; i++) {
    const row = chosen[i]!;
    out.offsets[i] = offsetAt(block, row);
    out.timestamps[i] = block.timestamps[row]!;
    out.keyOffset[i] = at;
    const kl = (out.keyLength[i] = block.keyLength[row]!);
    if (kl > 0) out.bytes.set(block.bytes.subarray(block.keyOffset[row]!, block.keyOffset[row]! + kl), at);
    at += Math.max(kl, 0);
    out.valueOffset[i] = at;
    const vl = (out.valueLength[i] = block.valueLength[row]!);
    if (vl > 0) out.bytes.set(block.bytes.subarray(block.valueOffset[row]!, block.valueOffset[row]! + vl), at);
    at += Math.max(vl, 0);
  }
  const headers = block.headers === undefined ? undefined : new Map([...chosen].flatMap((row, i) => (block.headers!.has(row) ? [[i, block.headers!.get(row)!] as const] : [])));
  return headers === undefined || headers.size === 0 ? out : { ...out, headers };
}

function originRecord(block: RecordBlock, i: number) {
  const part = (offset: number, length: number) => (length < 0 ? null : block.bytes.subarray(offset, offset + length));
  return { key: part(block.keyOffset[i]!, block.keyLength[i]!), value: part(block.valueOffset[i]!, block.valueLength[i]!), headers: block.headers?.get(i) };
}

function emptyRows(length: number, place: BatchRows['place'], block: RecordBlock): BatchRows {
  return {
    length,
    field: () => ({ kind: 'object', data: [] }),
    value: () => undefined,
    place,
    record: (i) => originRecord(block, i),
    pack: () => ({ objects: [] }),
  };
}
