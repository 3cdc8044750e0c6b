import type { Column, StringColumn } from '../schemas/column.js';
import { cell, gather, gatherFloat64, slice } from '../schemas/column.js';
import { HeadraceError, type Place } from './errors.js';
import { columnFrom } from './column-from.js';
import type { Expression } from './expression.js';
import type { Header, RecordBlock } from './record-block.js';

/** Where the rows of a batch come from. Columns and values are made on first use. */
export interface BatchRows {
  readonly length: number;
  /** The fields, where the rows are columns anyway; undefined: they are objects. */
  readonly names?: readonly string[] | undefined;
  /** The column of a field. */
  field(name: string): Column;
  /** The plain object of row `i`; the same object at every call. */
  value(i: number): unknown;
  /** Where row `i` was read, as far as that is known. */
  place(i: number): Place;
  /** The record as it was read, for dead letters; undefined where the row was computed. */
  record(i: number): OriginRecord | undefined;
  /** The rows (all, or those chosen) for another thread. */
  pack(rows: Int32Array | undefined): PackedRows;
}

/** The bytes of a record as it was read. */
export interface OriginRecord {
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers?: readonly Header[] | undefined;
}

/** Brand of a stream whose records have no key yet. */
export interface Unkeyed {
  readonly unkeyed: true;
}

/** What the key of a stream is: its name in results, and what its text stands for. */
export interface KeyedBy {
  readonly name: string;
  readonly kind: 'string' | 'number' | 'boolean';
}

/**
 * Records of one task: typed columns for steps that take expressions, plain objects for steps that take functions.
 * Never empty and never changed once it has been emitted.
 */
export class Batch<out T, out K = unknown> {
  declare protected readonly element: T;
  declare protected readonly keyed: K;
  readonly length: number;
  #columns: Map<string, Column> | undefined;
  #values: readonly T[] | undefined;

  constructor(
    readonly rows: BatchRows,
    /** Event times, epoch milliseconds. */
    readonly times: Float64Array,
    /** The key of each record, once `keyBy` has set it. */
    readonly key?: StringColumn | undefined,
    readonly keyedBy?: KeyedBy | undefined,
  ) {
    this.length = rows.length;
    if (times.length !== rows.length) throw new Error(`batch of ${rows.length} rows with ${times.length} times`);
  }

  /** The column of a field. Errors: HR_COLUMN when the records have no such field. */
  field(name: string): Column {
    const columns = (this.#columns ??= new Map());
    let column = columns.get(name);
    if (column === undefined) columns.set(name, (column = this.rows.field(name)));
    return column;
  }

  /** The column of an expression, computed once a batch. */
  column(of: Expression<never, unknown>): Column {
    if (of.columnName !== undefined) return this.field(of.columnName);
    const columns = (this.#columns ??= new Map());
    let column = columns.get(of.text);
    if (column === undefined) columns.set(of.text, (column = of.evaluate(this as unknown as Batch<never>)));
    return column;
  }

  /** The records as plain objects. Do not change them. */
  values(): readonly T[] {
    if (this.#values === undefined) {
      const values = new Array<T>(this.length);
      for (let i = 0; i < this.length; i++) values[i] = this.rows.value(i) as T;
      this.#values = values;
    }
    return this.#values;
  }

  /** The record of row `i` as a plain object. */
  value(i: number): T {
    return this.#values === undefined ? (this.rows.value(i) as T) : this.#values[i]!;
  }

  /** The key of row `i` as text. */
  keyText(i: number): string {
    return cell(this.key!, i) as string;
  }

  /** The rows `rows`, in that order. Columns are gathered on first use. */
  select(rows: Int32Array): Batch<T, K> {
    if (rows.length === this.length && isIdentity(rows)) return this;
    return new Batch<T, K>(new SelectedRows(this, rows), gatherFloat64(this.times, rows), this.key && (gather(this.key, rows) as StringColumn), this.keyedBy);
  }

  /** Rows [from, to), as views. */
  slice(from: number, to: number): Batch<T, K> {
    if (from === 0 && to === this.length) return this;
    return new Batch<T, K>(new SlicedRows(this, from, to), this.times.subarray(from, to), this.key && (slice(this.key, from, to) as StringColumn), this.keyedBy);
  }

  /** The same records with another key. */
  withKey<K2>(key: StringColumn, keyedBy: KeyedBy): Batch<T, K2> {
    const batch = new Batch<T, K2>(this.rows, this.times, key, keyedBy);
    batch.#columns = this.#columns && new Map(this.#columns);
    batch.#values = this.#values;
    return batch;
  }
}

function isIdentity(rows: Int32Array): boolean {
  for (let i = 0; i < rows.length; i++) if (rows[i] !== i) return false;
  return true;
}

/** Rows `rows` of a batch. A class, so that a batch of a few records does not cost a handful of closures. */
class SelectedRows implements BatchRows {
  readonly #from: Batch<unknown>;
  readonly #rows: Int32Array;

  constructor(from: Batch<unknown>, rows: Int32Array) {
    this.#from = from;
    this.#rows = rows;
  }
  get length(): number {
    return this.#rows.length;
  }
  get names(): readonly string[] | undefined {
    return this.#from.rows.names;
  }
  field(name: string): Column {
    return gather(this.#from.field(name), this.#rows);
  }
  value(i: number): unknown {
    return this.#from.value(this.#rows[i]!);
  }
  place(i: number): Place {
    return this.#from.rows.place(this.#rows[i]!);
  }
  record(i: number): OriginRecord | undefined {
    return this.#from.rows.record(this.#rows[i]!);
  }
  pack(rows: Int32Array | undefined): PackedRows {
    return this.#from.rows.pack(rows === undefined ? this.#rows : rows.map((i) => this.#rows[i]!));
  }
}

class SlicedRows implements BatchRows {
  readonly #from: Batch<unknown>;
  readonly #start: number;
  readonly length: number;

  constructor(from: Batch<unknown>, start: number, end: number) {
    this.#from = from;
    this.#start = start;
    this.length = end - start;
  }
  get names(): readonly string[] | undefined {
    return this.#from.rows.names;
  }
  field(name: string): Column {
    return slice(this.#from.field(name), this.#start, this.#start + this.length);
  }
  value(i: number): unknown {
    return this.#from.value(this.#start + i);
  }
  place(i: number): Place {
    return this.#from.rows.place(this.#start + i);
  }
  record(i: number): OriginRecord | undefined {
    return this.#from.rows.record(this.#start + i);
  }
  pack(rows: Int32Array | undefined): PackedRows {
    const start = this.#start;
    return this.#from.rows.pack(rows === undefined ? Int32Array.from({ length: this.length }, (_, i) => start + i) : rows.map((i) => start + i));
  }
}

class ObjectRows implements BatchRows {
  readonly #values: readonly unknown[];
  readonly #from: BatchRows | undefined;
  readonly #origin: Int32Array | undefined;
  readonly names = undefined;

  constructor(values: readonly unknown[], from: BatchRows | undefined, origin: Int32Array | undefined) {
    this.#values = values;
    this.#from = from;
    this.#origin = origin;
  }
  get length(): number {
    return this.#values.length;
  }
  field(name: string): Column {
    return columnFrom(this.#values.map((v) => (v as Record<string, unknown> | null)?.[name]));
  }
  value(i: number): unknown {
    return this.#values[i];
  }
  place(i: number): Place {
    return this.#from?.place(this.#origin === undefined ? i : this.#origin[i]!) ?? {};
  }
  record(i: number): OriginRecord | undefined {
    return this.#from?.record(this.#origin === undefined ? i : this.#origin[i]!);
  }
  pack(rows: Int32Array | undefined): PackedRows {
    return { objects: rows === undefined ? this.#values : Array.from(rows, (i) => this.#values[i]) };
  }
}

/**
 * Rows from plain objects. `from` (row `i` was made from row `origin[i]` of it) keeps the place of each record, for
 * errors and dead letters; without `origin` rows correspond one to one.
 */
export function objectRows(values: readonly unknown[], from?: { readonly rows: BatchRows; readonly origin?: Int32Array }): BatchRows {
  return new ObjectRows(values, from?.rows, from?.origin);
}

/** Rows from columns; the objects have the fields of `columns`, in that order. */
export function columnRows(length: number, columns: ReadonlyMap<string, Column>): BatchRows {
  const values = new Array<Record<string, unknown> | undefined>(length);
  return {
    length,
    names: [...columns.keys()],
    field(name) {
      const column = columns.get(name);
      if (column === undefined) throw new HeadraceError('HR_COLUMN', `The records have no field "${name}"; they have ${[...columns.keys()].join(', ')}.`);
      return column;
    },
    value(i) {
      let value = values[i];
      if (value === undefined) {
        value = {};
        for (const [name, column] of columns) value[name] = cell(column, i);
        values[i] = value;
      }
      return value;
    },
    place: () => ({}),
    record: () => undefined,
    pack: (rows) => ({ columns: [...columns].map(([name, column]) => [name, rows === undefined ? column : gather(column, rows)] as const), length: rows?.length ?? length }),
  };
}

/** Batch content that crosses to another thread by structured clone. */
export type PackedRows =
  | { readonly objects: readonly unknown[] }
  | { readonly columns: readonly (readonly [string, Column])[]; readonly length: number }
  | { readonly records: RecordBlock; readonly topic: string; readonly partition: number };

/** The rows that `pack` made; `readRecords` gives those of records of a topic. */
export function unpackRows(packed: PackedRows, readRecords: (block: RecordBlock, topic: string, partition: number) => BatchRows): BatchRows {
  if ('objects' in packed) return objectRows(packed.objects);
  if ('columns' in packed) return columnRows(packed.length, new Map(packed.columns));
  return readRecords(packed.records, packed.topic, packed.partition);
}
