import type { Column, StringColumn } from '../../schemas/column.js';
import { Batch, type BatchRows, type KeyedBy, type PackedRows, unpackRows } from '../../dataflow/batch.js';
import type { RecordBlock } from '../../dataflow/record-block.js';
import type { SchemaRegistry } from '../../dataflow/ports/schema-registry.js';
import type { TopicDefinition } from '../../dataflow/topic.js';
import type { ExchangeSignal, Parcel } from './exchange-port.js';
import { createRecordReader } from './record-rows.js';

/** A parcel as it crosses to another thread or process. */
export interface PackedParcel extends Omit<Parcel, 'signals'> {
  readonly signals: readonly PackedSignal[];
  /** Number of a parcel that stays in its thread, with its signals. */
  readonly held?: number;
}

/** Makes parcels of those that have come from elsewhere; the others stay as they are. */
export type ParcelReader = (parcels: readonly (Parcel | PackedParcel)[]) => Promise<Parcel[]>;

type PackedSignal =
  | { readonly watermark: number; readonly idle: boolean }
  | { readonly rows: PackedRows; readonly times: Float64Array; readonly key: StringColumn | undefined; readonly keyedBy: KeyedBy | undefined };

/** Copies what a parcel holds out of the buffers that it shares, since a structured clone takes a whole buffer for each view of it. */
export function packParcel(parcel: Parcel): PackedParcel {
  return {
    ...parcel,
    signals: parcel.signals.map((signal): PackedSignal => {
      if (!('batch' in signal)) return signal;
      const { batch } = signal;
      return { rows: compactRows(batch.rows.pack(undefined)), times: batch.times.slice(), key: batch.key && compactStrings(batch.key), keyedBy: batch.keyedBy };
    }),
  };
}

/** Bytes of a packed parcel, about: objects count as a hundred each. */
export function packedBytes({ signals }: PackedParcel): number {
  let bytes = 64;
  for (const signal of signals) {
    if (!('rows' in signal)) continue;
    const { rows } = signal;
    bytes += signal.times.byteLength + (signal.key?.bytes.byteLength ?? 0);
    if ('records' in rows) bytes += rows.records.bytes.byteLength + 24 * rows.records.count;
    else if ('objects' in rows) bytes += 100 * rows.objects.length;
    else for (const [, column] of rows.columns) bytes += column.kind === 'object' ? 100 * rows.length : column.kind === 'string' ? column.bytes.byteLength + 8 * rows.length : column.data.byteLength;
  }
  return bytes;
}

/** @param topics those whose records may be in parcels */
export function createParcelReader(topics: readonly TopicDefinition[], registry: SchemaRegistry): ParcelReader {
  const readers = new Map(topics.map((topic) => [topic.name, createRecordReader(topic, registry)]));
  const readRecords = (block: RecordBlock, topic: string, partition: number): BatchRows => readers.get(topic)!.decode(block, partition)[0]!.rows;
  return async (parcels) => {
    for (const { signals } of parcels) {
      for (const signal of signals) if ('rows' in signal && 'records' in signal.rows) await readers.get(signal.rows.topic)!.learn(signal.rows.records);
    }
    return parcels.map((parcel) => (isPacked(parcel) ? unpackParcel(parcel, readRecords) : parcel));
  };
}

/** Whether a parcel holds nothing that its thread shares. */
export function isPacked(parcel: Parcel | PackedParcel): parcel is PackedParcel {
  return !parcel.signals.some((signal) => 'batch' in signal);
}

function unpackParcel(packed: PackedParcel, readRecords: (block: RecordBlock, topic: string, partition: number) => BatchRows): Parcel {
  return {
    ...packed,
    signals: packed.signals.map((signal): ExchangeSignal => {
      if ('watermark' in signal) return signal;
      return { batch: new Batch<unknown>(unpackRows(signal.rows, readRecords), signal.times, signal.key, signal.keyedBy) };
    }),
  };
}

function compactRows(rows: PackedRows): PackedRows {
  if (!('columns' in rows)) return rows;
  return { length: rows.length, columns: rows.columns.map(([name, column]) => [name, column.kind === 'string' ? compactStrings(column) : copied(column)] as const) };
}

/** A column in arrays of its own: those of a batch may be in use here when they are moved away. */
function copied(column: Exclude<Column, StringColumn>): Column {
  switch (column.kind) {
    case 'object':
      return column;
    case 'vector':
      return { ...column, data: column.data.slice() };
    default:
      return { ...column, data: column.data.slice(), nulls: column.nulls?.slice() } as Column;
  }
}

function compactStrings(column: StringColumn): StringColumn {
  const n = column.length.length;
  let size = 0;
  for (let i = 0; i < n; i++) size += Math.max(column.length[i]!, 0);
  const bytes = new Uint8Array(size);
  const offset = new Int32Array(n);
  let at = 0;
  for (let i = 0; i < n; i++) {
    offset[i] = at;
    for (let j = 0, l = column.length[i]!; j < l; j++) bytes[at++] = column.bytes[column.offset[i]! + j]!;
  }
  return { kind: 'string', bytes, offset, length: column.length.slice() };
}
