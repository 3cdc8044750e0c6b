import type { Batch } from '../batch.js';
import type { Layout } from '../accumulators/layout.js';
import { type GroupLabels, Pane } from '../accumulators/pane.js';
import { everyRow } from '../accumulators/every-row.js';
import { enlarged } from '../enlarged.js';
import type { WindowMs } from './window-spec.js';

/** What a window adds up to: `rows` of a pane, in the order in which the window's panes first have their keys. */
export interface WindowSum {
  readonly pane: Pane;
  readonly rows: Int32Array;
}

/** The sums of windows over the panes that they share. They follow from the panes, so that none is stored. */
export interface WindowSums {
  /** The window that ends at `end`, at or behind that of the last call. The rows stay as they are until the next call. */
  all(end: number): WindowSum;
  /** Some keys of the window that ends at `end`, in the order of `all`. Keys that it does not have are left out. */
  some(end: number, keys: readonly Uint8Array[]): WindowSum;
  /** Records of a batch were added to the rows `ids[i]` of the pane at `start`. */
  added(start: number, batch: Batch<unknown>, ids: Int32Array): void;
  /** The rows of another pane were added to the rows `ids[row]` of the pane at `start`. */
  merged(start: number, other: Pane, ids: Int32Array): void;
  /** The pane at `start`, which is still there, goes. */
  drop(start: number): void;
}

/** The sum over the panes of the last window. */
interface Moving {
  readonly pane: Pane;
  /** By start of a pane in it: the row in `pane` of each of its rows. */
  readonly held: Map<number, Int32Array>;
  /** Keys of the last window. */
  live: number;
}

/**
 * One window after the other is made of the one before it: the new pane is added and the old one taken out, where what was added can be taken out to the last bit (`Pane.isExact`: counts, sums
 * of whole numbers, and what is made of them). Any other window is added up from its panes. Cost of a key and window: two merges, or one a pane.
 */
export function createWindowSums(options: { readonly layout: Layout; readonly labels: GroupLabels; readonly shape: WindowMs; readonly panes: ReadonlyMap<number, Pane> }): WindowSums {
  const { layout, labels, panes } = options;
  const { every, size } = options.shape;
  const perWindow = size / every;
  const create = () => new Pane(layout, labels, 0, true);
  let moving: Moving | undefined;
  // Windows that end up to here have a pane that cannot be taken out.
  let inexactTo = layout.takesBack ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  // By row of `moving`: the last call for which it was met.
  let met = new Int32Array(1024);
  let call = 0;
  let order = new Int32Array(1024);

  const isExact = (start: number, rows?: Int32Array, n?: number): boolean => {
    if (panes.get(start)!.isExact(perWindow, rows, n)) return true;
    inexactTo = Math.max(inexactTo, start + size);
    moving = undefined;
    return false;
  };
  const take = (start: number) => {
    const rows = moving?.held.get(start);
    if (rows === undefined) return;
    moving!.pane.mergeAll(panes.get(start)!, rows, -1);
    moving!.held.delete(start);
  };
  /** Adds a pane; undefined when it could not be taken out again. */
  const hold = (to: Moving, start: number, pane: Pane): Int32Array | undefined => {
    const known = to.held.get(start);
    if (known !== undefined) return known;
    if (!isExact(start)) return undefined;
    const rows = new Int32Array(pane.size);
    to.pane.keys.internAll(pane.keys.keys(), pane.size, rows);
    to.pane.mergeAll(pane, rows, 1);
    to.held.set(start, rows);
    return rows;
  };
  /** The window from the one before it; undefined when it has to be added up. */
  const moved = (end: number): WindowSum | undefined => {
    if (end <= inexactTo) return undefined;
    const sum = (moving ??= { pane: create(), held: new Map(), live: 0 });
    for (const start of sum.held.keys()) if (start < end - size) take(start);
    call += 1;
    let n = 0;
    for (let start = end - size; start < end; start += every) {
      const pane = panes.get(start);
      if (pane === undefined) continue;
      const rows = hold(sum, start, pane);
      if (rows === undefined) return undefined;
      if (sum.pane.size > order.length) {
        order = enlarged(order, sum.pane.size);
        met = enlarged(met, sum.pane.size);
      }
      for (let i = 0; i < pane.size; i++) {
        const row = rows[i]!;
        if (met[row] === call) continue;
        met[row] = call;
        order[n++] = row;
      }
    }
    sum.live = n;
    return { pane: sum.pane, rows: order.subarray(0, n) };
  };
  const added = (end: number): WindowSum => {
    const sum = create();
    for (let start = end - size; start < end; start += every) {
      const pane = panes.get(start);
      if (pane !== undefined) for (let row = 0; row < pane.size; row++) sum.mergeRow(pane, row);
    }
    return { pane: sum, rows: everyRow(sum.size) };
  };

  /** Rows of `moving` for the first `n` rows `ids` of the pane at `start`, whose keys these are. */
  const keep = (start: number, known: Int32Array, rows: Int32Array, ids: Int32Array, n: number) => {
    const own = panes.get(start)!;
    const held = own.size > known.length ? enlarged(known, own.size) : known;
    for (let i = 0; i < n; i++) held[ids[i]!] = rows[i]!;
    moving!.held.set(start, held);
  };

  return {
    all(end) {
      if (perWindow === 1) {
        const pane = panes.get(end - size) ?? create();
        return { pane, rows: everyRow(pane.size) };
      }
      if (moving !== undefined && isMostlyGone(moving, panes)) moving = undefined;
      return moved(end) ?? added(end);
    },
    some(end, keys) {
      const found: { start: number; row: number; key: Uint8Array }[] = [];
      for (const key of keys) {
        for (let start = end - size; start < end; start += every) {
          const row = panes.get(start)?.keys.find(key, 0, key.length) ?? -1;
          if (row < 0) continue;
          found.push({ start, row, key });
          break;
        }
      }
      found.sort((a, b) => a.start - b.start || a.row - b.row);
      if (perWindow === 1) return { pane: panes.get(end - size) ?? create(), rows: Int32Array.from(found, ({ row }) => row) };
      const sum = create();
      for (const { start: first, key } of found) {
        for (let start = first; start < end; start += every) {
          const pane = panes.get(start);
          const row = pane?.keys.find(key, 0, key.length) ?? -1;
          if (row >= 0) sum.mergeRow(pane!, row);
        }
      }
      return { pane: sum, rows: everyRow(sum.size) };
    },
    added(start, batch, ids) {
      const known = moving?.held.get(start);
      if (known === undefined || !isExact(start, ids, batch.length)) return;
      const { pane } = moving!;
      const rows = new Int32Array(batch.length);
      pane.keys.internAll(batch.key!, batch.length, rows);
      pane.accumulate(batch, rows, pane.size);
      keep(start, known, rows, ids, batch.length);
    },
    merged(start, other, ids) {
      const known = moving?.held.get(start);
      if (known === undefined || !isExact(start, ids, other.size)) return;
      const { pane } = moving!;
      const rows = new Int32Array(other.size);
      pane.keys.internAll(other.keys.keys(), other.size, rows);
      pane.mergeAll(other, rows, 1);
      keep(start, known, rows, ids, other.size);
    },
    drop: take,
  };
}

/** Empty rows that are not worth beginning anew. */
const fewRows = 1024;

/** Keys and groups that are gone leave empty rows behind: whether half of the rows may be such. */
function isMostlyGone({ pane, live }: Moving, panes: ReadonlyMap<number, Pane>): boolean {
  if (pane.size > 2 * live + fewRows) return true;
  return pane.pairs.some((pairs, t) => {
    if (pairs === undefined) return false;
    let held = 0;
    for (const each of panes.values()) held += each.pairs[t]!.size;
    return pairs.size > 2 * held + fewRows;
  });
}
