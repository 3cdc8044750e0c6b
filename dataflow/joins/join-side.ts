import { type Column, gatherFloat64, type StringColumn } from '../../schemas/column.js';
import type { Batch } from '../batch.js';
import { byteReader, byteWriter } from '../bytes.js';
import { Dictionary } from '../dictionary.js';
import { enlarged } from '../enlarged.js';
import type { StoredPane } from '../state/pane-store.js';
import { readColumn, writeColumn } from '../rows/row-cells.js';
import { RowStore, type StoredField } from '../rows/row-store.js';

/** A stored row can be matched, has been, or was given out as one without a partner. */
export const rowState = { open: 0, matched: 1, closed: 2 } as const;

/** Pairs found by `probe`: row `rows[i]` of the batch with the stored row in `slots[i]`. */
export interface Matches {
  readonly rows: Int32Array;
  readonly slots: Int32Array;
}

/**
 * The rows of one input of a join that may still find a partner: columns in one store, found by key in panes of event time. A pane is dropped as a
 * whole. Cost of a look-up: one dictionary probe for each pane that the interval touches.
 */
export interface JoinSide {
  /** Rows held. */
  readonly size: number;
  /** Keeps rows `rows` of a batch (undefined: all) whose state is `states[i]`. */
  add(batch: Batch<unknown>, rows: Int32Array | undefined, states: Uint8Array | undefined): void;
  /** The stored rows with the key of row `i` and a time in [least[i], most[i]], for each row in turn, in the order of panes and arrival. Marks them as matched. */
  probe(batch: Batch<unknown>, least: Float64Array, most: Float64Array): Matches;
  times(slots: Int32Array): Float64Array;
  columns(slots: Int32Array): (readonly [string, Column])[];
  /** Drops the panes that end up to `time`; answers with their starts and, where it tracks, the rows that were never matched, in order of time. */
  expire(time: number): { readonly dropped: readonly number[]; readonly rest: Unmatched | undefined };
  /** Takes out the rows that were never matched without dropping them: nothing can match them any more. */
  close(): Unmatched | undefined;
  readonly panes: Map<number, JoinPane>;
  pane(start: number): JoinPane;
}

/** Rows without a partner. */
export interface Unmatched {
  readonly slots: Int32Array;
  readonly times: Float64Array;
  readonly keys: readonly Uint8Array[];
  readonly columns: (readonly [string, Column])[];
}

/** Rows of one stretch of event time. */
export interface JoinPane extends StoredPane {
  readonly keys: Dictionary;
  /** First and last row of a key id, by position in the pane; -1: none. */
  first: Int32Array;
  last: Int32Array;
  count: number;
  /** Position to slot, to key id, and to the next position with that key. */
  slot: Int32Array;
  key: Int32Array;
  next: Int32Array;
}

/**
 * @param paneMs length of a pane; Infinity: one pane for ever
 * @param tracks whether rows without a partner will be asked for
 */
export function createJoinSide(fields: readonly StoredField[], paneMs: number, tracks: boolean): JoinSide {
  const store = new RowStore(fields);
  const panes = new Map<number, JoinPane>();
  let times = new Float64Array(64);
  let states = new Uint8Array(64);
  let scratch = new Int32Array(1024);
  let ids = new Int32Array(1024);
  let found = { row: new Int32Array(1024), slot: new Int32Array(1024), count: 0 };
  const startOf = (time: number) => (Number.isFinite(paneMs) ? Math.floor(time / paneMs) * paneMs : 0);

  const makeRoom = () => {
    if (store.top <= times.length) return;
    times = enlarged(times, store.top);
    states = enlarged(states, store.top);
  };
  const keep = (pane: JoinPane, batch: Batch<unknown>, batchStates: Uint8Array | undefined) => {
    const n = batch.length;
    if (scratch.length < n) {
      scratch = new Int32Array(n * 2);
      ids = new Int32Array(n * 2);
    }
    store.addAll(batch, scratch);
    makeRoom();
    pane.keys.internAll(batch.key!, n, ids);
    for (let i = 0; i < n; i++) {
      const slot = scratch[i]!;
      times[slot] = batch.times[i]!;
      states[slot] = batchStates === undefined ? rowState.open : batchStates[i]!;
      link(pane, ids[i]!, slot);
    }
  };

  const createPane = (start: number): JoinPane => {
    let saved = 0;
    let savedKeys = 0;
    let savedStates = new Uint8Array(0);
    const pane: JoinPane = {
      keys: new Dictionary(),
      first: new Int32Array(16).fill(-1),
      last: new Int32Array(16).fill(-1),
      count: 0,
      slot: new Int32Array(16),
      key: new Int32Array(16),
      next: new Int32Array(16),
      get bytes() {
        return pane.count * 96;
      },
      delta(all = false) {
        const flagged: number[] = [];
        for (let i = 0; tracks && !all && i < saved; i++) if (states[pane.slot[i]!] !== savedStates[i]) flagged.push(i);
        const from = all ? 0 : saved;
        if (from === pane.count && flagged.length === 0) return undefined;
        const slots = pane.slot.subarray(from, pane.count);
        const newKeys = pane.keys.keys(all ? 0 : savedKeys);
        const out = byteWriter();
        out.u32(flagged.length);
        out.array(Int32Array.from(flagged));
        out.array(Int32Array.from(flagged, (i) => states[pane.slot[i]!]!));
        out.u32(newKeys.length.length);
        writeColumn(out, newKeys, newKeys.length.length);
        out.u32(slots.length);
        out.array(pane.key.subarray(from, pane.count));
        out.array(gatherFloat64(times, slots));
        out.array(Int32Array.from(slots, (slot) => states[slot]!));
        store.write(out, slots);
        remember();
        return out.finish();
      },
      restore(bytes) {
        const reader = byteReader(bytes);
        const flagged = reader.int32s(reader.u32());
        const flags = reader.int32s(flagged.length);
        flagged.forEach((i, k) => (states[pane.slot[i]!] = flags[k]!));
        const added = reader.u32();
        const newKeys = readColumn(reader, added) as StringColumn;
        for (let i = 0; i < added; i++) pane.keys.intern(newKeys.bytes, newKeys.offset[i]!, newKeys.length[i]!);
        const n = reader.u32();
        const keys = reader.int32s(n);
        const rowTimes = reader.float64s(n);
        const rowStates = reader.int32s(n);
        const slots = new Int32Array(n);
        store.read(reader, n, slots);
        makeRoom();
        for (let i = 0; i < n; i++) {
          times[slots[i]!] = rowTimes[i]!;
          states[slots[i]!] = rowStates[i]!;
          link(pane, keys[i]!, slots[i]!);
        }
        remember();
      },
    };
    const remember = () => {
      saved = pane.count;
      savedKeys = pane.keys.size;
      if (tracks) savedStates = Uint8Array.from({ length: saved }, (_, i) => states[pane.slot[i]!]!);
    };
    panes.set(start, pane);
    return pane;
  };
  const paneAt = (start: number) => panes.get(start) ?? createPane(start);

  const unmatched = (chosen: readonly JoinPane[]): Unmatched | undefined => {
    const rows: { slot: number; key: Uint8Array }[] = [];
    for (const pane of chosen) {
      for (let i = 0; i < pane.count; i++) {
        const slot = pane.slot[i]!;
        if (states[slot] === rowState.open) rows.push({ slot, key: pane.keys.key(pane.key[i]!).slice() });
      }
    }
    if (rows.length === 0) return undefined;
    rows.sort((a, b) => times[a.slot]! - times[b.slot]!);
    const slots = Int32Array.from(rows, ({ slot }) => slot);
    return { slots, times: Float64Array.from(slots, (slot) => times[slot]!), keys: rows.map(({ key }) => key), columns: store.columns(slots) };
  };
  const inOrder = () => [...panes.keys()].sort((a, b) => a - b);

  return {
    panes,
    pane: paneAt,
    get size() {
      return store.size;
    },
    add(batch, rows, batchStates) {
      const kept = rows === undefined ? batch : batch.select(rows);
      const keptStates = rows === undefined || batchStates === undefined ? batchStates : Uint8Array.from(rows, (row) => batchStates[row]!);
      const starts = new Map<number, number[]>();
      let only = startOf(kept.times[0]!);
      let single = true;
      for (let i = 1; single && i < kept.length; i++) single = startOf(kept.times[i]!) === only;
      if (single) {
        keep(paneAt(only), kept, keptStates);
        return;
      }
      for (let i = 0; i < kept.length; i++) {
        only = startOf(kept.times[i]!);
        const list = starts.get(only);
        if (list === undefined) starts.set(only, [i]);
        else list.push(i);
      }
      for (const [start, list] of starts) {
        const part = Int32Array.from(list);
        keep(paneAt(start), kept.select(part), keptStates && Uint8Array.from(part, (i) => keptStates[i]!));
      }
    },
    probe(batch, least, most) {
      const n = batch.length;
      if (ids.length < n) {
        scratch = new Int32Array(n * 2);
        ids = new Int32Array(n * 2);
      }
      let from = Number.POSITIVE_INFINITY;
      let to = Number.NEGATIVE_INFINITY;
      for (let i = 0; i < n; i++) {
        if (least[i]! < from) from = least[i]!;
        if (most[i]! > to) to = most[i]!;
      }
      found.count = 0;
      let panesWithMatches = 0;
      for (const start of inOrder()) {
        if (start > to || start + paneMs <= from) continue;
        const before = found.count;
        const pane = panes.get(start)!;
        pane.keys.findAll(batch.key!, n, ids);
        const { first, next, slot: slots } = pane;
        for (let i = 0; i < n; i++) {
          const id = ids[i]!;
          if (id < 0) continue;
          const low = least[i]!;
          const high = most[i]!;
          for (let at = first[id]!; at >= 0; at = next[at]!) {
            const slot = slots[at]!;
            const time = times[slot]!;
            if (time < low || time > high || states[slot] === rowState.closed) continue;
            if (found.count === found.row.length) found = { row: enlarged(found.row, found.count + 1), slot: enlarged(found.slot, found.count + 1), count: found.count };
            found.row[found.count] = i;
            found.slot[found.count++] = slot;
            states[slot] = rowState.matched;
          }
        }
        if (found.count > before) panesWithMatches += 1;
      }
      const rows = found.row.slice(0, found.count);
      const slots = found.slot.slice(0, found.count);
      return panesWithMatches > 1 ? byRow(rows, slots, n) : { rows, slots };
    },
    times: (slots) => gatherFloat64(times, slots),
    columns: (slots) => store.columns(slots),
    expire(time) {
      const ended = inOrder().filter((start) => start + paneMs <= time);
      const rest = tracks ? unmatched(ended.map((start) => panes.get(start)!)) : undefined;
      for (const start of ended) {
        const pane = panes.get(start)!;
        for (let i = 0; i < pane.count; i++) store.free(pane.slot[i]!);
        panes.delete(start);
      }
      return { dropped: ended, rest };
    },
    close() {
      const rest = unmatched(inOrder().map((start) => panes.get(start)!));
      for (const slot of rest?.slots ?? []) states[slot] = rowState.closed;
      return rest;
    },
  };
}

/** Appends a row to a pane, and to the chain of its key. */
function link(pane: JoinPane, id: number, slot: number): void {
  const at = pane.count++;
  if (at === pane.slot.length) {
    pane.slot = enlarged(pane.slot, at + 1);
    pane.key = enlarged(pane.key, at + 1);
    pane.next = enlarged(pane.next, at + 1);
  }
  if (id >= pane.first.length) {
    const size = pane.first.length;
    pane.first = enlarged(pane.first, id + 1).fill(-1, size);
    pane.last = enlarged(pane.last, id + 1).fill(-1, size);
  }
  pane.slot[at] = slot;
  pane.key[at] = id;
  pane.next[at] = -1;
  if (pane.first[id] === -1) pane.first[id] = at;
  else pane.next[pane.last[id]!] = at;
  pane.last[id] = at;
}

/** Matches in the order of their rows; those of a row stay in the order they have. Counting sort. */
function byRow(rows: Int32Array, slots: Int32Array, n: number): Matches {
  const at = new Int32Array(n + 1);
  for (let i = 0; i < rows.length; i++) at[rows[i]! + 1]!++;
  for (let i = 0; i < n; i++) at[i + 1] = at[i + 1]! + at[i]!;
  const sorted = { rows: new Int32Array(rows.length), slots: new Int32Array(rows.length) };
  for (let i = 0; i < rows.length; i++) {
    const to = at[rows[i]!]!++;
    sorted.rows[to] = rows[i]!;
    sorted.slots[to] = slots[i]!;
  }
  return sorted;
}
