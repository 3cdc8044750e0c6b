import { gather, gatherFloat64, gatherInt32 } from '../../schemas/column.js';
import type { Layout } from '../accumulators/layout.js';
import { type GroupLabels, Pane } from '../accumulators/pane.js';
import { enlarged } from '../enlarged.js';
import type { JoinPane, JoinSide } from '../joins/join-side.js';
import type { LeafInputs } from './leaf-inputs.js';

/** Records of one pane: those of one key and time are one entry, a row of accumulators. In the order of key and time. */
export interface Entries {
  readonly count: number;
  readonly pane: Pane;
  readonly key: Int32Array;
  readonly time: Float64Array;
  /** The entry of each position that was given. */
  readonly entryOf: Int32Array;
}

/** Sub-aggregates of the rows of sliding windows. All of them follow from the rows, so that none is stored. */
export interface SlidingPanes {
  /** The entries of some positions of a pane. */
  entries(rows: JoinPane, positions: readonly number[]): Entries;
  /** Adds an entry to what its key has in the pane so far; `anew`: begins again. Entries of a key come in the order of time. */
  fold(start: number, entries: Entries, entry: number, anew: boolean): void;
  /** Adds up the records of a key in (time - size, time], of which all up to `time` are folded, in row `to` of a pane. */
  collect(out: Pane, to: number, start: number, key: number, time: number): void;
  /** A pane got rows at times that had been folded. */
  disturb(start: number): void;
  /** Event time moves to `time`: no row before it comes any more, but late ones. */
  reach(time: number): void;
  /** Frees what only rows before `time` need. */
  settle(time: number): void;
  drop(start: number): void;
}

/** What is kept of one pane. */
interface Derived {
  /** By key id: its row in `sums`, and in `between` with the pane that this begins behind. */
  row: Int32Array;
  rows: number;
  readonly sums: Pane;
  suffix: { readonly entries: Entries; readonly first: Int32Array; readonly end: Int32Array } | undefined;
  between: { readonly pane: Pane; row: Int32Array; after: Float64Array; rows: number } | undefined;
}

/** Panes that one pane of the upper level holds. */
const panesPerGroup = 8;

/**
 * A window (t - size, t] is added up from its old end to its new one: the last entries of the pane that it begins in, whole panes (eight at a time where they are aligned so),
 * and the first entries of the pane of t. Where a record lies decides how it is added, not when it came: sums of fractions agree to the last bit. Cost of a row: three merges, and
 * the first of a key in a pane some twenty more.
 *
 * @param paneMs length of a pane, at most `size`
 * @param isFolded whether a row belongs to what has been given out, when a restart begins with the rows alone
 */
export function slidingPanes(options: {
  readonly layout: Layout;
  readonly labels: GroupLabels;
  readonly inputs: LeafInputs;
  readonly side: JoinSide;
  readonly size: number;
  readonly lateness: number;
  readonly paneMs: number;
  readonly isFolded: (start: number, position: number, time: number) => boolean;
}): SlidingPanes {
  const { layout, labels, inputs, side, size, lateness, paneMs } = options;
  const groupMs = paneMs * panesPerGroup;
  const derived = new Map<number, Derived>();
  const groups = new Map<number, Pane>();
  const create = () => new Pane(layout, labels, 0);
  let reached = Number.NEGATIVE_INFINITY;

  const entriesOf = (rows: JoinPane, positions: readonly number[]): Entries => {
    const n = positions.length;
    const slots = Int32Array.from(positions, (p) => rows.slot[p]!);
    const keys = Int32Array.from(positions, (p) => rows.key[p]!);
    const times = side.times(slots);
    const columns = side.columns(slots).map(([, column]) => column);
    const order = Int32Array.from({ length: n }, (_, i) => i);
    // Records of one time are taken in the order of their values: that of arrival must not show.
    order.sort((a, b) => keys[a]! - keys[b]! || times[a]! - times[b]! || inputs.compare(columns, a, b) || a - b);
    const time = gatherFloat64(times, order);
    const key = gatherInt32(keys, order);
    const ids = new Int32Array(n);
    const entryOf = new Int32Array(n);
    let count = 0;
    for (let i = 0; i < n; i++) {
      if (i > 0 && (key[i] !== key[i - 1] || time[i] !== time[i - 1])) count += 1;
      ids[i] = count;
      entryOf[order[i]!] = count;
    }
    if (n > 0) count += 1;
    const pane = create();
    pane.accumulate(inputs.batch(columns.map((column) => gather(column, order)), time), ids, count);
    for (let i = 0; i < n; i++) {
      key[ids[i]!] = key[i]!;
      time[ids[i]!] = time[i]!;
    }
    return { count, pane, key, time, entryOf };
  };
  const fold = (own: Derived, entries: Entries, entry: number, anew: boolean) => {
    const key = entries.key[entry]!;
    if (key >= own.row.length) own.row = enlarged(own.row, key + 1).fill(-1, own.row.length);
    if (anew || own.row[key] === -1) own.row[key] = own.rows++;
    own.sums.mergeInto(own.row[key]!, entries.pane, entry);
  };
  const derivedOf = (start: number): Derived => {
    let own = derived.get(start);
    if (own === undefined) {
      derived.set(start, (own = { row: new Int32Array(16).fill(-1), rows: 0, sums: create(), suffix: undefined, between: undefined }));
      const rows = side.panes.get(start)!;
      const entries = entriesOf(rows, positionsOf(rows, (p, time) => options.isFolded(start, p, time)));
      for (let e = 0; e < entries.count; e++) fold(own, entries, e, false);
    }
    return own;
  };
  const positionsOf = (rows: JoinPane, keep: (position: number, time: number) => boolean): number[] => {
    const times = side.times(rows.slot.subarray(0, rows.count));
    return Array.from(times.keys()).filter((p) => keep(p, times[p]!));
  };

  /** Adds the entries of a key in the pane at `start` that are behind `time`. */
  const addSuffix = (out: Pane, to: number, start: number, keyBytes: Uint8Array, time: number) => {
    const rows = side.panes.get(start);
    const key = rows === undefined ? -1 : rows.keys.find(keyBytes, 0, keyBytes.length);
    if (key < 0) return;
    const own = derivedOf(start);
    if (own.suffix === undefined) {
      const entries = entriesOf(rows!, positionsOf(rows!, () => true));
      const first = new Int32Array(rows!.keys.size);
      const end = new Int32Array(rows!.keys.size);
      // From the end: each entry's row becomes the sum of the entries of its key from there on.
      for (let e = entries.count - 1; e >= 0; e--) {
        const mine = entries.key[e]!;
        if (end[mine] === 0) end[mine] = e + 1;
        else entries.pane.mergeInto(e, entries.pane, e + 1);
        first[mine] = e;
      }
      own.suffix = { entries, first, end };
    }
    const { entries, first, end } = own.suffix;
    let low = first[key]!;
    for (let high = end[key]!; low < high; ) {
      const middle = (low + high) >> 1;
      if (entries.time[middle]! <= time) low = middle + 1;
      else high = middle;
    }
    if (low < end[key]!) out.mergeInto(to, entries.pane, low);
  };
  const addPane = (out: Pane, to: number, start: number, keyBytes: Uint8Array) => {
    const rows = side.panes.get(start);
    const key = rows === undefined ? -1 : rows.keys.find(keyBytes, 0, keyBytes.length);
    if (key < 0) return;
    const own = derivedOf(start);
    const row = key < own.row.length ? own.row[key]! : -1;
    if (row >= 0) out.mergeInto(to, own.sums, row);
  };
  const addGroup = (out: Pane, to: number, start: number, keyBytes: Uint8Array) => {
    let group = groups.get(start);
    if (group === undefined && start + groupMs + lateness <= reached) {
      groups.set(start, (group = create()));
      for (let at = start; at < start + groupMs; at += paneMs) {
        const rows = side.panes.get(at);
        for (let key = 0; key < (rows?.keys.size ?? 0); key++) {
          const bytes = rows!.keys.key(key);
          addPane(group, group.keys.intern(bytes, 0, bytes.length), at, bytes);
        }
      }
    }
    if (group !== undefined) {
      const row = group.keys.find(keyBytes, 0, keyBytes.length);
      if (row >= 0) out.mergeInto(to, group, row);
      return;
    }
    // Late records may still change it: added up for this row alone, the same way.
    const sum = create();
    for (let at = start; at < start + groupMs; at += paneMs) addPane(sum, 0, at, keyBytes);
    if (sum.slabs[0]!.size > 0) out.mergeInto(to, sum, 0);
  };
  const addBetween = (out: Pane, to: number, after: number, start: number, key: number, keyBytes: Uint8Array) => {
    const own = derivedOf(start);
    const between = (own.between ??= { pane: create(), row: new Int32Array(16).fill(-1), after: new Float64Array(16), rows: 0 });
    if (key >= between.row.length) {
      between.row = enlarged(between.row, key + 1).fill(-1, between.row.length);
      between.after = enlarged(between.after, key + 1);
    }
    if (between.row[key] === -1 || between.after[key] !== after) {
      const row = between.rows++;
      between.row[key] = row;
      between.after[key] = after;
      for (let at = after + paneMs; at < start; ) {
        const isGroup = (at / paneMs) % panesPerGroup === 0 && at + groupMs <= start;
        if (isGroup) addGroup(between.pane, row, at, keyBytes);
        else addPane(between.pane, row, at, keyBytes);
        at += isGroup ? groupMs : paneMs;
      }
    }
    if (between.row[key]! < between.pane.slabs[0]!.size) out.mergeInto(to, between.pane, between.row[key]!);
  };

  return {
    entries: entriesOf,
    fold: (start, entries, entry, anew) => fold(derivedOf(start), entries, entry, anew),
    collect(out, to, start, key, time) {
      const after = Math.floor((time - size) / paneMs) * paneMs;
      const keyBytes = side.panes.get(start)!.keys.key(key);
      addSuffix(out, to, after, keyBytes, time - size);
      addBetween(out, to, after, start, key, keyBytes);
      const own = derivedOf(start);
      out.mergeInto(to, own.sums, own.row[key]!);
    },
    disturb(start) {
      const own = derived.get(start);
      if (own !== undefined) own.suffix = undefined;
      for (const each of derived.values()) each.between = undefined;
    },
    reach: (time) => void (reached = time),
    settle(time) {
      for (const [start, own] of derived) {
        if (start + paneMs <= time - 1) own.between = undefined;
        if (start + paneMs <= time - size) own.suffix = undefined;
      }
      for (const start of groups.keys()) if (start + groupMs <= time - size - lateness - 1) groups.delete(start);
    },
    drop: (start) => void derived.delete(start),
  };
}
