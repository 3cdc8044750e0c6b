import type { Layout, TableLayout } from '../accumulators/layout.js';
import { Pairs } from '../accumulators/pairs.js';
import { Dictionary } from '../dictionary.js';
import { enlarged } from '../enlarged.js';
import { addCells, cellMerges, numberAt, numberEnd } from './tile-codec.js';

/** Slots up to which each is put to its place among those before it. */
const fewSlots = 24;

/** The cells of one table of a row. Slot `s` has those from `s * stride` on: one for the table, or one for each group. */
export class RowTable {
  readonly stride: number;
  cells: Float64Array;
  /** Slots that have something, in the order of their groups, once they are sorted; where groups are numbers, or there are none, all of them. What is behind the first `count` is of rows before. */
  slots: Int32Array;
  count: number;
  readonly #identity: Float64Array;
  readonly #merges: Uint8Array;
  /** Whether groups are met one by one; a group that was ever met keeps its slot. */
  readonly #isOpen: boolean;
  readonly #labels: Dictionary | undefined;
  readonly #numbers = new Pairs();
  readonly #texts: string[] = [];
  #known = 0;
  #isMet = new Uint8Array(0);
  /** All slots in the order of their groups, and the place of each in it. */
  #inOrder: readonly number[] = [];
  #ranks = new Int32Array(0);

  constructor({ group, identity }: TableLayout, merges: Uint8Array) {
    this.stride = identity.length;
    this.#merges = merges;
    this.#isOpen = group !== undefined && group.kind !== 'dense';
    this.#labels = group?.kind === 'labels' ? new Dictionary() : undefined;
    this.count = this.#isOpen ? 0 : (group?.size ?? 1);
    this.slots = Int32Array.from({ length: this.count }, (_, slot) => slot);
    this.#identity = Float64Array.from({ length: this.stride * Math.max(1, this.count) }, (_, cell) => identity[cell % this.stride]!);
    this.cells = this.#isOpen ? new Float64Array(0) : this.#identity.slice();
  }

  /** The group of a slot: a text for labels, else a number. */
  group(slot: number): string | number {
    return this.#labels !== undefined ? this.#texts[slot]! : this.#isOpen ? this.#numbers.groupOf(slot) : slot;
  }

  /** Makes this an empty table. */
  clear(): void {
    const { cells, slots, stride, count } = this;
    if (!this.#isOpen) return cells.set(this.#identity);
    const isMet = this.#isMet;
    for (let i = 0; i < count; i++) {
      const slot = slots[i]!;
      isMet[slot] = 0;
      for (let k = 0, cell = slot * stride; k < stride; k++, cell++) cells[cell] = this.#identity[k]!;
    }
    this.count = 0;
  }

  /** Adds the cells of a tile from `from` on; answers with where they end. */
  add(bytes: Uint8Array, from: number): number {
    const { stride } = this;
    const merges = this.#merges;
    if (!this.#isOpen) return addCells(bytes, from, this.cells, 0, this.cells.length, merges);
    const labels = this.#labels;
    let left = numberAt(bytes, from);
    let at = numberEnd(bytes, from);
    for (; left > 0; left--) {
      const head = numberAt(bytes, at);
      at = numberEnd(bytes, at);
      let slot: number;
      if (labels === undefined) slot = this.#numbers.slot(0, head);
      else {
        slot = labels.intern(bytes, at, head);
        at += head;
      }
      if (slot >= this.#known) this.#learn(slot);
      if (this.#isMet[slot] === 0) {
        this.#isMet[slot] = 1;
        this.slots[this.count++] = slot;
      }
      at = addCells(bytes, at, this.cells, slot * stride, stride, merges);
    }
    return at;
  }

  /** Puts the slots in order. */
  sort(): void {
    if (!this.#isOpen) return;
    if (this.#inOrder.length < this.#known) {
      this.#inOrder = Array.from({ length: this.#known }, (_, slot) => slot).sort((a, b) => (this.group(a) < this.group(b) ? -1 : 1));
      this.#ranks = new Int32Array(this.#known);
      for (const [rank, slot] of this.#inOrder.entries()) this.#ranks[slot] = rank;
    }
    const { slots, count } = this;
    const ranks = this.#ranks;
    if (count > fewSlots) {
      for (let i = 0; i < count; i++) slots[i] = ranks[slots[i]!]!;
      slots.subarray(0, count).sort();
      for (let i = 0; i < count; i++) slots[i] = this.#inOrder[slots[i]!]!;
      return;
    }
    // those of a shorter window are in order already
    for (let i = 1; i < count; i++) {
      const slot = slots[i]!;
      const rank = ranks[slot]!;
      let to = i;
      for (; to > 0 && ranks[slots[to - 1]!]! > rank; to--) slots[to] = slots[to - 1]!;
      slots[to] = slot;
    }
  }

  /** Takes in a group that was not met before. */
  #learn(slot: number): void {
    this.#known = slot + 1;
    if (this.#labels !== undefined) this.#texts.push(Buffer.from(this.#labels.key(slot)).toString());
    const had = this.#isMet.length;
    if (slot < had) return;
    this.#isMet = enlarged(this.#isMet, 16);
    this.slots = enlarged(this.slots, 16);
    this.cells = enlarged(this.cells, 16 * this.stride);
    for (let fresh = had; fresh < this.#isMet.length; fresh++) this.cells.set(this.#identity, fresh * this.stride);
  }
}

/**
 * The row of one entity, added up from tiles: what a look-up works on, again and again. A `Pane` keeps many rows, and what is to be saved of them; a row needs neither, so that a group costs a step
 * when it is met and one when it is forgotten.
 */
export class TileRow {
  readonly tables: readonly RowTable[];
  /** How many it is made of. */
  tiles = 0;

  constructor(layout: Layout) {
    const merges = cellMerges(layout);
    this.tables = layout.tables.map((table, t) => new RowTable(table, merges[t]!));
  }

  /** Makes this the row of an entity of which nothing is known. */
  clear(): void {
    if (this.tiles > 0) for (const table of this.tables) table.clear();
    this.tiles = 0;
  }

  /** Adds the tile that begins at `from` of `bytes`. Cost: one step a cell that the tile has. */
  add(bytes: Uint8Array, from: number): void {
    const { tables } = this;
    this.tiles += 1;
    for (let t = 0, at = from; t < tables.length; t++) at = tables[t]!.add(bytes, at);
  }

  /** Puts the groups of each table in order. */
  sort(): void {
    for (const table of this.tables) table.sort();
  }
}
