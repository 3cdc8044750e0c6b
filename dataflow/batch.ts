import type { Column, StringColumn } from '../schemas/column.js';
import { cell, gather, gatherFloat64, slice } from '../schemas/column.js';
import { HeadraceError, type Place } from './errors.js';
import { columnFrom, type Expression } from './expression.js';

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
  /** The record as it was read, for dead letters. */
  record?(i: number): OriginRecord;
  /** For a thread that takes over the batch. */
  pack?(rows: Int32Array | undefined): unknown;
}

/** The bytes of a record as it was read. */
export interface OriginRecord {
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
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
  readonly #columns = new Map<string, Column>();
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
    let column = this.#columns.get(name);
    if (column === undefined) this.#columns.set(name, (column = this.rows.field(name)));
    return column;
  }

  /** The column of an expression, computed once a batch. */
  column(of: Expression<never, unknown>): Column {
    if (of.columnName !== undefined) return this.field(of.columnName);
    let column = this.#columns.get(of.text);
    if (column === undefined) this.#columns.set(of.text, (column = of.evaluate(this as unknown as Batch<never>)));
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
    return new Batch<T, K>(selectedRows(this, rows), gatherFloat64(this.times, rows), this.key && (gather(this.key, rows) as StringColumn), this.keyedBy);
  }

  /** Rows [from, to), as views. */
  slice(from: number, to: number): Batch<T, K> {
    if (from === 0 && to === this.length) return this;
    return new Batch<T, K>(slicedRows(this, from, to), this.times.subarray(from, to), this.key && (slice(this.key, from, to) as StringColumn), this.keyedBy);
  }

  /** The same records with another key. */
  withKey<K2>(key: StringColumn, keyedBy: KeyedBy): Batch<T, K2> {
    const batch = new Batch<T, K2>(this.rows, this.times, key, keyedBy);
    for (const [text, column] of this.#columns) batch.#columns.set(text, column);
    batch.#values = this.#values;
    return batch;
  }
}

function isIdentity(rows: Int32Array): boolean {
  for (let i = 0; i < rows.length; i++) if (rows[i] !== i) return false;
  return true;
}

function selectedRows(from: Batch<unknown>, rows: Int32Array): BatchRows {
  const origin = from.rows;
  return {
    length: rows.length,
    names: origin.names,
    field: (name) => gather(from.field(name), rows),
    value: (i) => from.value(rows[i]!),
    place: (i) => origin.place(rows[i]!),
    record: origin.record && ((i) => origin.record!(rows[i]!)),
    pack: origin.pack && ((inner) => origin.pack!(inner === undefined ? rows : inner.map((i) => rows[i]!))),
  };
}

function slicedRows(from: Batch<unknown>, start: number, end: number): BatchRows {
  const origin = from.rows;
  return {
    length: end - start,
    names: origin.names,
    field: (name) => slice(from.field(name), start, end),
    value: (i) => from.value(start + i),
    place: (i) => origin.place(start + i),
    record: origin.record && ((i) => origin.record!(start + i)),
    pack:
      origin.pack &&
      ((inner) => origin.pack!(inner === undefined ? Int32Array.from({ length: end - start }, (_, i) => start + i) : inner.map((i) => start + i))),
  };
}

/**
 * Rows from plain objects. `from` (row `i` was made from row `origin[i]` of it) keeps the place of each record, for
 * errors and dead letters; without `origin` rows correspond one to one.
 */
export function objectRows(values: readonly unknown[], from?: { readonly rows: BatchRows; readonly origin?: Int32Array }): BatchRows {
  const at = (i: number) => (from?.origin === undefined ? i : from.origin[i]!);
  return {
    length: values.length,
    field(name) {
      const column = columnFrom(values.map((v) => (v as Record<string, unknown> | null)?.[name]));
      if (column.kind === 'object' && !values.some((v) => typeof v === 'object' && v !== null && name in v)) {
        throw new HeadraceError('HR_COLUMN', `The records have no field "${name}".`);
      }
      return column;
    },
    value: (i) => values[i],
    place: (i) => from?.rows.place(at(i)) ?? {},
    record: from?.rows.record && ((i) => from.rows.record!(at(i))),
    pack: (rows) => packColumns({ objects: rows === undefined ? values : Array.from(rows, (i) => values[i]) }),
  };
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
    pack: (rows) => packColumns({ columns: [...columns].map(([name, column]) => [name, rows === undefined ? column : gather(column, rows)] as const), length: rows?.length ?? length }),
  };
}

/** Batch content that crosses to another thread by structured clone. */
export type PackedRows =
  | { readonly objects: readonly unknown[] }
  | { readonly columns: readonly (readonly [string, Column])[]; readonly length: number };

function packColumns(packed: PackedRows): PackedRows {
  return packed;
}

/** The rows that `pack` made of objects or columns. */
export function unpackRows(packed: PackedRows): BatchRows {
  return 'objects' in packed ? objectRows(packed.objects) : columnRows(packed.length, new Map(packed.columns));
}
