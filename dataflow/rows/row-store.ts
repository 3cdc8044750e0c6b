import type { Column } from '../../schemas/column.js';
import { Batch, type BatchRows, columnRows, objectRows } from '../batch.js';
import type { ByteReader, ByteWriter } from '../bytes.js';
import { columnOf, type Expression } from '../expression.js';
import { type Cells, cellsFor, isEmptyColumn, nullCells, objectCells, readColumn, writeColumn } from './row-cells.js';

/** A field that is stored: its name in the result and where it comes from. */
export interface StoredField {
  readonly name: string;
  readonly of: Expression<never, unknown>;
}

/** Name of the one field of rows that are kept whole, as objects. */
const whole = '';

/**
 * Rows kept as columns: a row has a slot, and slots of rows that were freed are used again. What goes in comes out, whatever kind a column
 * happens to have from batch to batch. Cost of a row: one copy a field, no object.
 */
export class RowStore {
  #fields: readonly StoredField[] | undefined;
  #cells: Cells[] = [];
  #top = 0;
  #free = new Int32Array(16);
  #freeCount = 0;

  /** @param fields undefined: all fields, as the first batch names them; records without named fields are kept as objects */
  constructor(fields: readonly StoredField[] | undefined) {
    this.#fields = fields;
    if (fields !== undefined) this.#cells = fields.map(() => nullCells());
  }

  /** Rows held. */
  get size(): number {
    return this.#top - this.#freeCount;
  }

  /** Slots that were ever in use: every slot is under it. */
  get top(): number {
    return this.#top;
  }

  /** Bytes held, roughly. */
  get bytes(): number {
    return this.#cells.reduce((sum, c) => sum + c.bytes, 0);
  }

  /** Stores all rows of a batch: row `i` gets the slot `slots[i]`. */
  addAll(batch: Batch<unknown>, slots: Int32Array): void {
    for (let i = 0; i < batch.length; i++) slots[i] = this.allocate();
    this.put(batch, slots);
  }

  /** A slot for a row that `put` will write. */
  allocate(): number {
    return this.#freeCount > 0 ? this.#free[--this.#freeCount]! : this.#top++;
  }

  /** Writes row `i` of a batch to slot `slots[i]`, which was given out before. */
  put(batch: Batch<unknown>, slots: Int32Array): void {
    const fields = this.#fieldsOf(batch);
    for (let f = 0; f < fields.length; f++) {
      const { name, of } = fields[f]!;
      this.#write(f, name === whole ? { kind: 'object', data: batch.values() } : batch.column(of), slots, batch.length);
    }
  }

  /** Gives a slot back. */
  free(slot: number): void {
    for (const cells of this.#cells) cells.drop(slot);
    if (this.#freeCount === this.#free.length) {
      const free = new Int32Array(this.#free.length * 2);
      free.set(this.#free);
      this.#free = free;
    }
    this.#free[this.#freeCount++] = slot;
  }

  /** The fields of the rows in `slots`, by name: copies, independent of the store. */
  columns(slots: Int32Array): (readonly [string, Column])[] {
    return (this.#fields ?? []).map(({ name }, f) => [name, this.#cells[f]!.gather(slots)] as const);
  }

  /** The rows in `slots`. */
  rows(slots: Int32Array): BatchRows {
    const columns = this.columns(slots);
    const first = columns[0];
    if (first?.[0] === whole) return objectRows((first[1] as Column & { kind: 'object' }).data);
    return columnRows(slots.length, new Map(columns));
  }

  /** Forgets all rows. */
  clear(): void {
    this.#cells = this.#cells.map(() => nullCells());
    this.#top = 0;
    this.#freeCount = 0;
  }

  /** Writes the rows in `slots` for `read`. */
  write(out: ByteWriter, slots: Int32Array): void {
    const columns = this.columns(slots);
    out.bytes(Buffer.from(JSON.stringify(columns.map(([name]) => name))));
    for (const [, column] of columns) writeColumn(out, column, slots.length);
  }

  /** Stores the `n` rows that `write` wrote; row `i` gets the slot `slots[i]`. */
  read(from: ByteReader, n: number, slots: Int32Array): void {
    const names = JSON.parse(Buffer.from(from.bytes()).toString()) as string[];
    const columns = new Map<string, Column>(names.map((name) => [name, readColumn(from, n)]));
    if (names[0] === whole) this.addAll(new Batch(objectRows((columns.get(whole) as Column & { kind: 'object' }).data), new Float64Array(n)), slots);
    else if (n > 0) {
      for (let i = 0; i < n; i++) slots[i] = this.allocate();
      if (this.#fields === undefined) this.#adopt(names);
      this.#fields!.forEach(({ name }, f) => this.#write(f, columns.get(name)!, slots, n));
    }
  }

  #fieldsOf(batch: Batch<unknown>): readonly StoredField[] {
    if (this.#fields === undefined) this.#adopt(batch.rows.names ?? [whole]);
    return this.#fields!;
  }

  #adopt(names: readonly string[]): void {
    this.#fields = names.map((name) => ({ name, of: columnOf(name) }));
    this.#cells = names.map(() => nullCells());
  }

  #write(f: number, column: Column, slots: Int32Array, n: number): void {
    let cells = this.#cells[f]!;
    if (cells.kind !== column.kind && !isEmptyColumn(column, n)) {
      // The first real column decides the kind; one that does not fit makes them JavaScript values.
      const next = cells.kind === 'null' ? cellsFor(column.kind) : objectCells();
      if (next.kind !== cells.kind) {
        if (cells.kind !== 'null') {
          const all = Int32Array.from({ length: this.#top }, (_, i) => i);
          next.put(cells.gather(all), all, this.#top);
        }
        this.#cells[f] = cells = next;
      }
    }
    cells.put(column, slots, n);
  }
}
