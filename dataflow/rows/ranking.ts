import { gatherFloat64, type StringColumn } from '../../schemas/column.js';
import type { Batch, BatchRows } from '../batch.js';
import { byteReader, byteWriter } from '../bytes.js';
import { Dictionary } from '../dictionary.js';
import { enlarged } from '../enlarged.js';
import type { StoredPane } from '../state/pane-store.js';
import { RowStore } from './row-store.js';
import { readColumn, writeColumn } from './row-cells.js';

/** How rows are ranked: more is better, in both criteria; then the earlier event time, then the earlier arrival. */
export interface RankingRule {
  readonly n: number;
  /** Rows that equal the n-th in both criteria are kept too, and equal rows have one rank. */
  readonly ties: boolean;
}

/** Rows of a group that are due, with their ranks. */
export interface RankedRows {
  readonly slots: Int32Array;
  readonly ranks: Float64Array;
  /** 1: the row is taken back. */
  readonly retracted: Uint8Array;
  readonly keys: StringColumn;
}

/**
 * The n best rows of many keys. A row that loses costs a dictionary look-up and a comparison; one that wins is copied once, and moves the ranks behind it.
 */
export interface Ranking extends StoredPane {
  /** Groups held. */
  readonly size: number;
  /** Offers the rows of a batch; `first` and `second` are their criteria. */
  add(batch: Batch<unknown>, first: Float64Array, second: Float64Array | undefined): void;
  /** All rows with their ranks, group after group in the order of first sight. */
  all(): RankedRows;
  /** What has changed since the last call, groups in the order in which they first changed. `retractions`: what was there before comes first. */
  changes(retractions: boolean): RankedRows;
  /** The rows of the last `changes` have been read: what is out may go. */
  settle(): void;
  rows(slots: Int32Array): BatchRows;
  times(slots: Int32Array): Float64Array;
  /** Forgets groups without new rows since `time`, after `changes`; answers whether there were any. All that is left counts as changed since the last `delta`. */
  forget(time: number): boolean;
}

interface Group {
  /** Slots, best first. */
  slots: number[];
  /** What was given out last: slot of each place, and its rank. */
  given: number[];
  ranks: number[];
  /** How manieth group to change since the last `changes`; 0: it has not. */
  changed: number;
  unsaved: boolean;
}

/** @param tracks whether `changes` will be asked for */
export function createRanking(rule: RankingRule, tracks: boolean): Ranking {
  const { n, ties } = rule;
  const store = new RowStore(undefined);
  const keys = new Dictionary();
  const groups: Group[] = [];
  let changed: number[] = [];
  let changes = 0;
  let unsaved: number[] = [];
  // Rows that are out; those that were given out are still to be taken back.
  let retired: number[] = [];
  let ids = new Int32Array(1024);
  // The row that a new one has to beat, by group; a group that is not full has none.
  let barFirst = new Float64Array(64);
  let barSecond = new Float64Array(64);
  let barTime = new Float64Array(64);
  let lastSeen = new Float64Array(64);
  let first = new Float64Array(64);
  let second = new Float64Array(64);
  let times = new Float64Array(64);

  const room = (slot: number) => {
    if (slot < first.length) return;
    first = enlarged(first, slot + 1);
    second = enlarged(second, slot + 1);
    times = enlarged(times, slot + 1);
  };
  const groupRoom = () => {
    if (keys.size <= barFirst.length) return;
    barFirst = enlarged(barFirst, keys.size);
    barSecond = enlarged(barSecond, keys.size);
    barTime = enlarged(barTime, keys.size);
    lastSeen = enlarged(lastSeen, keys.size);
  };
  const begin = (id: number) => {
    groups[id] = { slots: [], given: [], ranks: [], changed: 0, unsaved: false };
    barFirst[id] = Number.NEGATIVE_INFINITY;
    barSecond[id] = Number.NEGATIVE_INFINITY;
    barTime[id] = Number.POSITIVE_INFINITY;
    lastSeen[id] = Number.NEGATIVE_INFINITY;
  };
  const setBar = (id: number) => {
    const { slots } = groups[id]!;
    if (slots.length < n) return;
    const bar = slots[n - 1]!;
    barFirst[id] = first[bar]!;
    barSecond[id] = second[bar]!;
    barTime[id] = times[bar]!;
  };
  const toSave = (id: number) => {
    const group = groups[id]!;
    if (group.unsaved) return;
    group.unsaved = true;
    unsaved.push(id);
  };
  const touch = (id: number) => {
    const group = groups[id]!;
    if (tracks && group.changed === 0) {
      group.changed = ++changes;
      changed.push(id);
    }
    toSave(id);
  };
  const equal = (a: number, b: number) => first[a] === first[b] && second[a] === second[b];
  const better = (a: number, b: number) => (first[a] !== first[b] ? first[a]! > first[b]! : second[a] !== second[b] ? second[a]! > second[b]! : times[a]! < times[b]!);
  const insert = (id: number, slot: number) => {
    const { slots } = groups[id]!;
    let at = slots.length;
    while (at > 0 && better(slot, slots[at - 1]!)) at -= 1;
    slots.splice(at, 0, slot);
    if (slots.length > n) {
      let keep = n;
      if (ties) while (keep < slots.length && equal(slots[keep]!, slots[n - 1]!)) keep += 1;
      for (const gone of slots.splice(keep)) retired.push(gone);
    }
    setBar(id);
    touch(id);
  };
  const rank = (slots: readonly number[], at: number): number => {
    let place = at;
    if (ties) while (place > 0 && equal(slots[place - 1]!, slots[at]!)) place -= 1;
    return place + 1;
  };
  const ranked = (rows: { slots: number[]; ranks: number[]; retracted: number[]; ids: number[] }): RankedRows => ({
    slots: Int32Array.from(rows.slots),
    ranks: Float64Array.from(rows.ranks),
    retracted: Uint8Array.from(rows.retracted),
    keys: keys.select(rows.ids),
  });

  const ranking: Ranking = {
    get size() {
      return groups.length;
    },
    get bytes() {
      return store.bytes + groups.length * 64;
    },
    add(batch, one, two) {
      const count = batch.length;
      if (ids.length < count) ids = new Int32Array(count * 2);
      const known = keys.size;
      keys.internAll(batch.key!, count, ids);
      groupRoom();
      for (let id = known; id < keys.size; id++) begin(id);
      const rows: number[] = [];
      const slots: number[] = [];
      for (let i = 0; i < count; i++) {
        const id = ids[i]!;
        const a = one[i]!;
        const time = batch.times[i]!;
        if (time > lastSeen[id]!) {
          lastSeen[id] = time;
          // A row that loses keeps its key from expiring: a restart has to know.
          if (tracks) toSave(id);
        }
        const bar = barFirst[id]!;
        if (a < bar) continue;
        const b = two === undefined ? 0 : two[i]!;
        if (a === bar && groups[id]!.slots.length >= n) {
          if (b < barSecond[id]!) continue;
          if (b === barSecond[id]! && !ties && time >= barTime[id]!) continue;
        }
        const slot = store.allocate();
        room(slot);
        first[slot] = a;
        second[slot] = b;
        times[slot] = time;
        rows.push(i);
        slots.push(slot);
        insert(id, slot);
      }
      if (rows.length > 0) store.put(batch.select(Int32Array.from(rows)), Int32Array.from(slots));
      if (!tracks) ranking.settle();
    },
    settle() {
      for (const slot of retired) store.free(slot);
      retired = [];
    },
    all() {
      const rows = { slots: [] as number[], ranks: [] as number[], retracted: [] as number[], ids: [] as number[] };
      groups.forEach(({ slots }, id) => {
        slots.forEach((slot, at) => {
          rows.slots.push(slot);
          rows.ranks.push(rank(slots, at));
          rows.retracted.push(0);
          rows.ids.push(id);
        });
      });
      return ranked(rows);
    },
    changes(retractions) {
      const rows = { slots: [] as number[], ranks: [] as number[], retracted: [] as number[], ids: [] as number[] };
      const push = (id: number, slot: number, place: number, retracted: number) => {
        rows.slots.push(slot);
        rows.ranks.push(place);
        rows.retracted.push(retracted);
        rows.ids.push(id);
      };
      for (const id of changed.filter((c) => groups[c]!.changed > 0).sort((a, b) => groups[a]!.changed - groups[b]!.changed)) {
        const group = groups[id]!;
        group.changed = 0;
        const { slots, given, ranks } = group;
        const now = slots.map((_, at) => rank(slots, at));
        const same = (at: number) => slots[at] === given[at] && now[at] === ranks[at];
        if (retractions) given.forEach((slot, at) => void (same(at) || push(id, slot, ranks[at]!, 1)));
        slots.forEach((slot, at) => void (same(at) || push(id, slot, now[at]!, 0)));
        group.given = [...slots];
        group.ranks = now;
        toSave(id);
      }
      changed = [];
      changes = 0;
      return ranked(rows);
    },
    rows: (slots) => store.rows(slots),
    times: (slots) => gatherFloat64(times, slots),
    forget(time) {
      const live = groups.map((_, id) => id).filter((id) => lastSeen[id]! >= time);
      if (live.length === groups.length) return false;
      for (const [id, { slots }] of groups.entries()) if (lastSeen[id]! < time) for (const slot of slots) store.free(slot);
      const kept = keys.select(live);
      keys.clear();
      live.forEach((id, to) => {
        keys.intern(kept.bytes, kept.offset[to]!, kept.length[to]!);
        groups[to] = groups[id]!;
        for (const cells of [barFirst, barSecond, barTime, lastSeen]) cells[to] = cells[id]!;
      });
      groups.length = live.length;
      unsaved = groups.map((_, id) => id);
      for (const group of groups) group.unsaved = true;
      return true;
    },
    delta(all = false) {
      const list = all ? groups.map((_, id) => id) : unsaved;
      if (list.length === 0) return undefined;
      const bytes = packed(list);
      for (const id of unsaved) groups[id]!.unsaved = false;
      unsaved = [];
      return bytes;
    },
    restore(bytes) {
      const reader = byteReader(bytes);
      const total = reader.u32();
      const names = readColumn(reader, total) as StringColumn;
      const seen = reader.float64s(total);
      const shape = reader.int32s(total * 3);
      const rowCount = reader.u32();
      const givenRanks = reader.int32s(rowCount);
      const [one, two, at] = [reader.float64s(rowCount), reader.float64s(rowCount), reader.float64s(rowCount)];
      const slots = new Int32Array(rowCount);
      store.read(reader, rowCount, slots);
      let row = 0;
      for (let g = 0; g < total; g++) {
        const known = keys.size;
        const id = keys.intern(names.bytes, names.offset[g]!, names.length[g]!);
        groupRoom();
        if (id < known) {
          const old = groups[id]!;
          const freed = new Set([...old.slots, ...old.given]);
          for (const slot of freed) store.free(slot);
          retired = retired.filter((slot) => !freed.has(slot));
        }
        begin(id);
        const group = groups[id]!;
        lastSeen[id] = seen[g]!;
        const [current, gone, isChanged] = [shape[3 * g]!, shape[3 * g + 1]!, shape[3 * g + 2]!];
        const given: { slot: number; place: number }[] = [];
        for (let k = 0; k < current + gone; k++, row++) {
          const slot = slots[row]!;
          room(slot);
          first[slot] = one[row]!;
          second[slot] = two[row]!;
          times[slot] = at[row]!;
          if (k < current) group.slots.push(slot);
          if (givenRanks[row]! > 0) given.push({ slot, place: givenRanks[row]! });
          if (k >= current) retired.push(slot);
        }
        given.sort((a, b) => (a.place >> 12) - (b.place >> 12));
        group.given = given.map((x) => x.slot);
        group.ranks = given.map((x) => x.place & 0xfff);
        group.changed = isChanged;
        changes = Math.max(changes, isChanged);
        if (isChanged > 0 && !changed.includes(id)) changed.push(id);
        setBar(id);
      }
    },
  };

  /** Groups with their rows, those included that are gone but have not been taken back yet. */
  const packed = (list: readonly number[]): Uint8Array => {
    const rows: { slot: number; place: number }[] = [];
    const shape = new Int32Array(list.length * 3);
    list.forEach((id, g) => {
      const { slots, given, ranks, changed: isChanged } = groups[id]!;
      const place = new Map(given.map((slot, at) => [slot, ((at + 1) << 12) | ranks[at]!] as const));
      for (const slot of slots) rows.push({ slot, place: place.get(slot) ?? 0 });
      const gone = isChanged > 0 ? given.filter((slot) => !slots.includes(slot)) : [];
      for (const slot of gone) rows.push({ slot, place: place.get(slot)! });
      shape.set([slots.length, gone.length, isChanged], 3 * g);
    });
    const slots = Int32Array.from(rows, (r) => r.slot);
    const out = byteWriter();
    out.u32(list.length);
    writeColumn(out, keys.select(list), list.length);
    out.array(Float64Array.from(list, (id) => lastSeen[id]!));
    out.array(shape);
    out.u32(rows.length);
    out.array(Int32Array.from(rows, (r) => r.place));
    for (const values of [first, second, times]) out.array(gatherFloat64(values, slots));
    store.write(out, slots);
    return out.finish();
  };
  return ranking;
}
