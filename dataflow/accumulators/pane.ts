import { deserialize, serialize } from 'node:v8';
import type { Batch } from '../batch.js';
import { type ByteReader, byteReader, byteWriter } from '../bytes.js';
import { Dictionary } from '../dictionary.js';
import { mask as maskOf } from '../expression.js';
import { addRows } from './add-rows.js';
import { bucketsOf } from './buckets.js';
import type { Layout, Pass, TableLayout } from './layout.js';
import { DistinctSketches } from './distinct-sketches.js';
import { addToFirstOrLast, addToLeaf, addToSwitch, mergeLeaf, type OtherValues } from './leaf-loops.js';
import { labelsOf, noGroup, numberAt, textsOf, valuesOf } from './group-values.js';
import { everyRow } from './every-row.js';
import { packCells, packInts, unpackCells, unpackInts } from './packed-cells.js';
import { Pairs } from './pairs.js';
import { Slab } from './slab.js';

/** Texts of the groups of `by(column)`, shared by the panes of a step so that a pane keeps numbers only. */
export type GroupLabels = readonly (Dictionary | undefined)[];

/** Fresh labels for a layout. */
export function groupLabels(layout: Layout): GroupLabels {
  return layout.tables.map((t) => (t.group?.kind === 'labels' ? new Dictionary() : undefined));
}

/**
 * The accumulators of many keys over one stretch of time. A pane has its own dictionary of keys, so that dropping the
 * pane frees everything; rows are numbered in the order of first sight.
 */
export class Pane {
  readonly keys = new Dictionary();
  readonly slabs: readonly Slab[];
  readonly pairs: readonly (Pairs | undefined)[];
  readonly customs: unknown[][];
  /** Sketches of a table, by row. */
  readonly sketches: readonly (DistinctSketches | undefined)[];
  /** By table, then by the place of a first or last: values that are no numbers. */
  readonly others: readonly Map<number, OtherValues>[];
  /** Texts of groups; those of `distinct` are the pane's own, so that they go with it. */
  readonly labels: GroupLabels;
  #savedKeys = 0;
  #savedLabels: number[];
  #slots = new Int32Array(0);
  /** Bytes that a row takes in what `delta` writes, by the last one. */
  #rowBytes = 0;

  constructor(
    readonly layout: Layout,
    labels: GroupLabels,
    public start: number,
    isNarrow = false,
  ) {
    this.labels = layout.tables.map((t, i) => (t.group?.kind === 'distinct' ? new Dictionary() : labels[i]));
    this.#savedLabels = layout.tables.map(() => 0);
    // Of a dense table everything of the rows that have changed is written.
    this.slabs = layout.tables.map((t) => new Slab(t.identity, t.group?.kind !== 'dense', isNarrow && t.leaves.every(({ leaf }) => leaf.op === 'count')));
    this.pairs = layout.tables.map((t) => (t.group !== undefined && t.group.kind !== 'dense' && t.group.kind !== 'sketch' ? new Pairs() : undefined));
    this.sketches = layout.tables.map((t) => (t.group?.kind === 'sketch' ? new DistinctSketches(t.group.size) : undefined));
    this.others = layout.tables.map(() => new Map());
    this.customs = layout.customs.map(() => []);
  }

  /** Makes this the empty pane that begins at `start`, with the memory it has: panes follow one another and are of like size. */
  reuse(start: number): void {
    this.start = start;
    this.keys.clear();
    for (const slab of this.slabs) slab.clear();
    for (const pairs of this.pairs) pairs?.clear();
    for (const states of this.customs) states.length = 0;
    for (const sketches of this.sketches) sketches?.clear();
    for (const values of this.others) values.clear();
    this.layout.tables.forEach(({ group }, t) => {
      if (group?.kind === 'distinct') this.labels[t]!.clear();
      this.#savedLabels[t] = 0;
    });
    this.#savedKeys = 0;
  }

  /** Number of keys. */
  get size(): number {
    return this.keys.size;
  }

  /** Makes room for so many keys. */
  reserve(keys: number): void {
    this.layout.tables.forEach(({ group }, t) => {
      if (group === undefined || group.kind === 'dense') this.slabs[t]!.reserve(keys * (group?.size ?? 1));
    });
  }

  /** Bytes of a snapshot, about. */
  get bytes(): number {
    return this.size * this.#rowBytes;
  }

  /** Adds a batch; `ids` is scratch for at least its length. Cost: one key look-up a record and one pass a leaf. */
  add(batch: Batch<unknown>, ids: Int32Array): void {
    this.keys.internAll(batch.key!, batch.length, ids);
    this.accumulate(batch, ids, this.keys.size);
  }

  /** Adds record `i` of a batch to row `ids[i]`; `rows` is over all of them. `signs`: -1 for records that are taken out of counts and sums. Cost: one pass a leaf. */
  accumulate(batch: Batch<unknown>, ids: Int32Array, rows: number, signs?: Float64Array): void {
    const n = batch.length;
    for (let t = 0; t < this.layout.tables.length; t++) {
      const table = this.layout.tables[t]!;
      const slab = this.slabs[t]!;
      if (table.group?.kind === 'sketch') {
        const { where } = table.leaves[0]!.leaf;
        this.sketches[t]!.addAll(ids, textsOf(batch.column(table.group.of), n), n, where && maskOf(batch as Batch<never>, where));
        continue;
      }
      const slots = t === 0 ? ids : this.#groupSlots(t, table, batch, ids, rows);
      if (t === 0) slab.ensure(rows);
      slab.touch(slots, n);
      for (const pass of table.passes) {
        const column = pass.of && batch.column(pass.of);
        if (column?.kind === 'enum' && signs === undefined) {
          addToSwitch(switchCells(pass, column.symbols), slab, slots, n, column);
          continue;
        }
        for (const { leaf, at } of pass.leaves) {
          const where = leaf.where === undefined ? undefined : maskOf(batch as Batch<never>, leaf.where);
          const of = leaf.of && batch.column(leaf.of);
          if (of !== undefined && (leaf.op === 'first' || leaf.op === 'last') && (of.kind !== 'number' || this.others[t]!.has(at))) {
            addToFirstOrLast(leaf, slab, at, slots, n, where, of, batch.times, this.#othersAt(t, at));
          } else addToLeaf(leaf, slab, at, slots, n, where, of, batch.times, signs);
        }
      }
    }
    for (let c = 0; c < this.customs.length; c++) {
      const states = this.customs[c]!;
      const { init, add } = this.layout.customs[c]!;
      for (let i = 0; i < n; i++) {
        const id = ids[i]!;
        states[id] = add(id in states ? states[id] : init(), batch.value(i));
      }
    }
  }

  #othersAt(t: number, at: number): OtherValues {
    let values = this.others[t]!.get(at);
    if (values === undefined) this.others[t]!.set(at, (values = []));
    return values;
  }

  #groupSlots(t: number, table: TableLayout, batch: Batch<unknown>, ids: Int32Array, rows: number): Int32Array {
    const n = batch.length;
    if (this.#slots.length < n) this.#slots = new Int32Array(n);
    const slots = this.#slots;
    const group = table.group!;
    const column = batch.column(group.of);
    if (group.kind === 'dense') {
      const size = group.size;
      for (let i = 0; i < n; i++) {
        const g = numberAt(column, i);
        slots[i] = g >= 0 && g < size && Number.isInteger(g) ? ids[i]! * size + g : -1;
      }
      this.slabs[t]!.ensure(rows * size);
      return slots;
    }
    const groups = group.kind === 'buckets' ? bucketsOf(column, group.accuracy, n) : group.kind === 'distinct' ? valuesOf(column, this.labels[t]!, n) : labelsOf(column, this.labels[t]!, n);
    const pairs = this.pairs[t]!;
    for (let i = 0; i < n; i++) slots[i] = groups[i] === noGroup ? -1 : pairs.slot(ids[i]!, groups[i]!);
    this.slabs[t]!.ensure(pairs.size);
    return slots;
  }

  /** Adds row `row` of another pane of the same layout and labels to the row of its key here; answers with that row. */
  mergeRow(other: Pane, row: number): number {
    const key = other.keys.key(row);
    const to = this.keys.intern(key, 0, key.length);
    this.mergeInto(to, other, row);
    return to;
  }

  /** Adds row `row` of another pane, or of this one, to row `to`. */
  mergeInto(to: number, other: Pane, row: number): void {
    const touched = new Int32Array(1);
    for (let t = 0; t < this.layout.tables.length; t++) {
      const slab = this.slabs[t]!;
      const from = other.slabs[t]!;
      const { group, leaves } = this.layout.tables[t]!;
      const merge = (toSlot: number, fromSlot: number) => {
        for (const { leaf, at } of leaves) {
          const isTaken = mergeLeaf(leaf, slab, toSlot * slab.stride + at, from, fromSlot * slab.stride + at);
          if (isTaken && (other.others[t]!.has(at) || this.others[t]!.has(at))) this.#othersAt(t, at)[toSlot] = other.others[t]!.get(at)?.[fromSlot];
        }
        touched[0] = toSlot;
        slab.touch(touched, 1);
      };
      if (group === undefined) {
        slab.ensure(to + 1);
        merge(to, row);
      } else if (group.kind === 'sketch') this.sketches[t]!.merge(to, other.sketches[t]!, row);
      else if (group.kind === 'dense') {
        slab.ensure((to + 1) * group.size);
        if ((row + 1) * group.size > from.size) continue;
        for (let g = 0; g < group.size; g++) merge(to * group.size + g, row * group.size + g);
      } else {
        const pairs = this.pairs[t]!;
        const theirs = other.pairs[t]!;
        const own = group.kind === 'distinct' && other !== this ? this.labels[t] : undefined;
        for (let slot = theirs.first(row); slot >= 0; slot = theirs.next(slot)) {
          const label = own && other.labels[t]!.key(theirs.groupOf(slot));
          const mine = pairs.slot(to, label === undefined ? theirs.groupOf(slot) : own!.intern(label, 0, label.length));
          slab.ensure(pairs.size);
          merge(mine, slot);
        }
      }
    }
    for (let c = 0; c < this.customs.length; c++) {
      const states = this.customs[c]!;
      const { init, merge } = this.layout.customs[c]!;
      const theirs = other.customs[c]!;
      states[to] = merge(to in states ? states[to] : init(), row in theirs ? theirs[row] : init());
    }
  }

  /**
   * Adds each row of another pane of the same layout and labels to row `to[row]`, or takes it out (-1): where the layout takes back and the other pane is exact. Rows do not count as changed.
   * Cost: one pass over the cells.
   */
  mergeAll(other: Pane, to: Int32Array, sign: 1 | -1): void {
    this.layout.tables.forEach(({ group }, t) => {
      const slab = this.slabs[t]!;
      const from = other.slabs[t]!;
      const pairs = this.pairs[t];
      if (pairs === undefined) {
        const size = group?.size ?? 1;
        slab.ensure(this.size * size);
        addRows(slab, from, slab.stride * size, to, Math.min(other.size, from.size / size), sign);
        return;
      }
      const theirs = other.pairs[t]!;
      const own = group!.kind === 'distinct' ? this.labels[t] : undefined;
      const slots = new Int32Array(theirs.size);
      for (let slot = 0; slot < slots.length; slot++) {
        const label = own && other.labels[t]!.key(theirs.groupOf(slot));
        slots[slot] = pairs.slot(to[theirs.rowOf(slot)]!, label === undefined ? theirs.groupOf(slot) : own!.intern(label, 0, label.length));
      }
      slab.ensure(pairs.size);
      addRows(slab, from, slab.stride, slots, slots.length, sign);
    });
  }

  /**
   * Whether so many panes like this one (or such rows of it) can be added and taken out again without rounding: its sums are whole numbers, and small enough.
   *
   * @param rows the first `n` of them are looked at
   */
  isExact(panes: number, rows?: Int32Array, n = this.size): boolean {
    const most = Number.MAX_SAFE_INTEGER / panes;
    return this.layout.tables.every(({ group, leaves }, t) => {
      const { data, stride, size } = this.slabs[t]!;
      const pairs = this.pairs[t];
      const width = group === undefined ? 1 : group.size;
      return leaves.every(({ leaf, at }) => {
        if (leaf.op !== 'sum') return true;
        const isWhole = (slot: number) => Number.isInteger(data[slot * stride + at]) && Math.abs(data[slot * stride + at]!) <= most && data[slot * stride + at + 1] === 0;
        if (rows === undefined) {
          for (let slot = 0; slot < size; slot++) if (!isWhole(slot)) return false;
          return true;
        }
        for (let i = 0; i < n; i++) {
          if (pairs !== undefined) {
            for (let slot = pairs.first(rows[i]!); slot >= 0; slot = pairs.next(slot)) if (!isWhole(slot)) return false;
          } else for (let slot = rows[i]! * width; slot < (rows[i]! + 1) * width; slot++) if (!isWhole(slot)) return false;
        }
        return true;
      });
    });
  }

  /** What changed since the last call, as bytes for `restore`; undefined when nothing did. `all`: everything. */
  delta(all = false): Uint8Array | undefined {
    const main = this.slabs[0]!;
    if (!all && main.dirtyCount === 0) return undefined;
    const from = all ? 0 : this.#savedKeys;
    const added = this.keys.keys(from);
    const out = byteWriter(1024 + 2 * added.bytes.length + rowBytesGuess * (all ? main.size : main.dirtyCount));
    packInts(out, added.length, 0);
    out.bytes(added.bytes);
    this.#savedKeys = this.keys.size;
    const changed = main.takeDirty();
    const mainRows = all ? everyRow(main.size) : changed;
    packInts(out, mainRows, 1);
    this.layout.tables.forEach(({ group }, t) => {
      const sketches = this.sketches[t];
      if (sketches !== undefined) {
        for (const row of mainRows) out.bytes(sketches.write(row));
        return;
      }
      const slab = this.slabs[t]!;
      const pairs = this.pairs[t];
      const size = group?.kind === 'dense' ? group.size : 1;
      let rows = mainRows;
      if (pairs !== undefined) {
        const slots = slab.takeDirty();
        rows = all ? everyRow(slab.size) : slots;
        packInts(out, rows, 1);
        if (group?.kind === 'distinct') {
          const labels = this.labels[t]!;
          const texts = labels.keys(all ? 0 : this.#savedLabels[t]!);
          packInts(out, texts.length, 0);
          out.bytes(texts.bytes);
          this.#savedLabels[t] = labels.size;
        }
        packInts(out, rows.map((slot) => pairs.rowOf(slot)), 0);
        packInts(out, rows.map((slot) => pairs.groupOf(slot)), 0);
      }
      if (pairs === undefined) slab.ensure(main.size * size);
      packCells(out, slab.data, rows, size * slab.stride);
      const others = [...this.others[t]!];
      out.bytes(others.length === 0 ? new Uint8Array(0) : serialize(others.map(([at, values]) => [at, slotsOf(rows, size).map((slot) => values[slot])])));
    });
    for (const states of this.customs) out.bytes(serialize(Array.from(mainRows, (row) => states[row])));
    this.#rowBytes = out.finish().length / Math.max(1, mainRows.length);
    return out.finish();
  }

  /** Applies what `delta` wrote, in order. */
  restore(bytes: Uint8Array): void {
    const reader = byteReader(bytes);
    internTexts(this.keys, unpackInts(reader, 0), reader.bytes());
    this.#savedKeys = this.keys.size;
    const mainRows = unpackInts(reader, 1);
    this.#rowBytes = bytes.length / Math.max(1, mainRows.length);
    this.layout.tables.forEach(({ group }, t) => {
      const sketches = this.sketches[t];
      if (sketches !== undefined) {
        for (const row of mainRows) sketches.read(row, reader.bytes());
        return;
      }
      const slab = this.slabs[t]!;
      const pairs = this.pairs[t];
      const size = group?.kind === 'dense' ? group.size : 1;
      let rows = mainRows;
      if (pairs !== undefined) {
        rows = unpackInts(reader, 1);
        if (group?.kind === 'distinct') {
          internTexts(this.labels[t]!, unpackInts(reader, 0), reader.bytes());
          this.#savedLabels[t] = this.labels[t]!.size;
        }
        const ofRow = unpackInts(reader, 0);
        const ofGroup = unpackInts(reader, 0);
        // Slots are numbered by first sight: a delta names new ones in that order, since they became dirty then.
        for (let i = 0; i < rows.length; i++) pairs.slot(ofRow[i]!, ofGroup[i]!);
        slab.ensure(pairs.size);
      } else slab.ensure(rows.reduce((most, row) => Math.max(most, row + 1), this.keys.size) * size);
      readCells(reader, slab, rows, size * slab.stride);
      const others = reader.bytes();
      for (const [at, values] of others.length === 0 ? [] : (deserialize(others) as [number, OtherValues][])) {
        const own = this.#othersAt(t, at);
        slotsOf(rows, size).forEach((slot, i) => {
          own[slot] = values[i];
        });
      }
    });
    for (const states of this.customs) {
      const values = deserialize(reader.bytes()) as unknown[];
      for (let i = 0; i < mainRows.length; i++) states[mainRows[i]!] = values[i];
    }
  }
}

/** Bytes that a row takes about when nothing is known. */
const rowBytesGuess = 32;

/** The slots of some rows of `size` slots each. */
const slotsOf = (rows: Int32Array, size: number): number[] => Array.from({ length: rows.length * size }, (_, i) => rows[Math.floor(i / size)]! * size + (i % size));

/** Adds texts to a dictionary, but those that it has. */
function internTexts(dictionary: Dictionary, lengths: Int32Array, bytes: Uint8Array): void {
  let at = 0;
  for (const length of lengths) {
    dictionary.intern(bytes, at, length);
    at += length;
  }
}

/** Reads what `packCells` wrote into the same rows of a slab. */
function readCells(reader: ByteReader, slab: Slab, rows: Int32Array, width: number): void {
  if (slab.data instanceof Float64Array) return unpackCells(reader, slab.data, rows, width);
  const cells = new Float64Array(rows.length * width);
  unpackCells(reader, cells, everyRow(rows.length), width);
  const most = cells.reduce((found, x) => Math.max(found, Math.abs(x)), 0);
  while (most > slab.limit) slab.widen();
  for (let i = 0; i < rows.length; i++) slab.data.set(cells.subarray(i * width, (i + 1) * width), rows[i]! * width);
}

const switches = new WeakMap<Pass, { symbols: readonly string[]; cells: Int32Array }>();

/** Cell of each symbol of an enum column in a pass; the last answer is kept, since the symbols of a column hardly change. */
function switchCells(pass: Pass, symbols: readonly string[]): Int32Array {
  const known = switches.get(pass);
  if (known?.symbols === symbols) return known.cells;
  const cells = Int32Array.from(symbols, (symbol) => pass.leaves.find(({ leaf }) => leaf.where!.equality!.value === symbol)?.at ?? -1);
  switches.set(pass, { symbols, cells });
  return cells;
}
