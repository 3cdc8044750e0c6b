import { gatherFloat64, type NumberColumn, type StringColumn } from '../../schemas/column.js';
import { layoutOf } from '../accumulators/layout.js';
import { groupLabels, Pane } from '../accumulators/pane.js';
import { resultColumns } from '../accumulators/results.js';
import type { Batch, KeyedBy } from '../batch.js';
import { byteReader, byteWriter } from '../bytes.js';
import { Dictionary } from '../dictionary.js';
import { enlarged } from '../enlarged.js';
import { createPaneStore, type StepMeta, type StoredPane } from '../state/pane-store.js';
import { readColumn, writeColumn } from '../rows/row-cells.js';
import { timeHeap } from './time-heap.js';
import { type FiredWindow, keyValues, type Windows, type WindowsOptions } from './windows.js';

interface Meta extends StepMeta {
  readonly keyedBy?: KeyedBy | undefined;
  readonly endedTo?: number | undefined;
  readonly generation?: number;
  readonly made?: number;
}

/** Sessions of one generation: the numbers of those that have ended stay unused until the next one. */
interface Generation extends StoredPane {
  readonly pane: Pane;
  readonly keys: Dictionary;
  /** First session of a key id, and the next one of the same key; -1: none. */
  first: Int32Array;
  next: Int32Array;
  key: Int32Array;
  start: Float64Array;
  end: Float64Array;
  /** How manieth session this is: results with one end come in that order. */
  order: Float64Array;
  /** Revision of the next result. */
  revision: Int32Array;
  state: Uint8Array;
  top: number;
  live: number;
  unsaved: number[];
  isUnsaved: Uint8Array;
}

const ended = 0;
const open = 1;
/** The result is out; a late record may change it. */
const fired = 2;

/** Ended sessions that are kept for nothing before the others move together. */
const slack = 1_024;

/**
 * Session windows of one task: records of a key that are at most `gap` apart are one session, [first, last + gap). Each session is a row of accumulators; a record that
 * lies between two sessions merges them. Cost of a record: one key look-up, and a pass a leaf.
 *
 * @param gap milliseconds
 * @param lateness milliseconds for which a session can still change after its result
 */
export function createSessions(options: WindowsOptions & { readonly gap: number }): Windows {
  const { gap, lateness } = options;
  const layout = layoutOf(options.aggregates);
  const labels = groupLabels(layout);
  const create = () => generation(new Pane(layout, labels, 0));
  const store = createPaneStore<Generation, Meta>(options.table, options.task, { layout: `session ${layout.text}`, labels, create });
  const { panes, meta } = store.load();
  let number = meta.generation ?? 0;
  let sessions = panes.get(number) ?? create();
  panes.set(number, sessions);
  let keyedBy = meta.keyedBy;
  let watermark = meta.watermark ?? Number.NEGATIVE_INFINITY;
  let lastFinite = watermark;
  let endedTo = meta.endedTo ?? Number.NEGATIVE_INFINITY;
  let made = meta.made ?? 0;
  let keyIds = new Int32Array(1024);
  let rowSession = new Int32Array(1024);
  // Sessions whose result is due at their end, and those that are kept for late records until then.
  const due = timeHeap();
  const kept = timeHeap();
  const queue = () => {
    due.clear();
    kept.clear();
    for (let s = 0; s < sessions.top; s++) {
      if (sessions.state[s] === open) due.push(sessions.end[s]!, sessions.order[s]!, s);
      else if (sessions.state[s] === fired) kept.push(sessions.end[s]! + lateness, sessions.order[s]!, s);
    }
  };
  queue();

  const begin = (id: number, time: number): number => {
    const s = sessions.top++;
    sessions.live += 1;
    if (s >= sessions.start.length) {
      for (const name of ['start', 'end', 'order'] as const) sessions[name] = enlarged(sessions[name], s + 1);
      for (const name of ['next', 'key', 'revision'] as const) sessions[name] = enlarged(sessions[name], s + 1);
      sessions.state = enlarged(sessions.state, s + 1);
      sessions.isUnsaved = enlarged(sessions.isUnsaved, s + 1);
    }
    sessions.start[s] = time;
    sessions.end[s] = time + gap;
    sessions.order[s] = made++;
    sessions.revision[s] = 0;
    sessions.state[s] = open;
    sessions.key[s] = id;
    link(sessions, id, s);
    due.push(time + gap, sessions.order[s]!, s);
    return s;
  };
  const finish = (s: number) => {
    sessions.state[s] = ended;
    sessions.live -= 1;
    unlink(sessions, s);
    changed(sessions, s);
  };
  /** A session gets another record: its result, if it is out, will go out again. */
  const extend = (s: number, time: number) => {
    if (time < sessions.start[s]!) sessions.start[s] = time;
    if (time + gap > sessions.end[s]!) sessions.end[s] = time + gap;
    if (sessions.state[s] !== fired) return;
    sessions.state[s] = open;
    due.push(sessions.end[s]!, sessions.order[s]!, s);
  };
  const accumulate = (batch: Batch<unknown>, from: number, to: number) => {
    if (from === to) return;
    const ids = rowSession.subarray(from, to);
    for (const s of ids) if (s >= 0) changed(sessions, s);
    if (!ids.includes(-1)) {
      sessions.pane.accumulate(batch.slice(from, to), ids, sessions.top);
      return;
    }
    const rows = Int32Array.from(ids.keys()).filter((i) => ids[i]! >= 0);
    if (rows.length > 0) sessions.pane.accumulate(batch.slice(from, to).select(rows), rows.map((i) => ids[i]!), sessions.top);
  };
  /** Merges a session into another one of the same key. */
  const absorb = (into: number, s: number) => {
    sessions.pane.mergeInto(into, sessions.pane, s);
    sessions.revision[into] = Math.max(sessions.revision[into]!, sessions.revision[s]!);
    extend(into, sessions.start[s]!);
    if (sessions.end[s]! > sessions.end[into]!) sessions.end[into] = sessions.end[s]!;
    finish(s);
    changed(sessions, into);
  };
  const compact = () => {
    const before = sessions;
    const order = Array.from({ length: before.top }, (_, s) => s).filter((s) => before.state[s] !== ended).sort((a, b) => before.order[a]! - before.order[b]!);
    sessions = create();
    for (const old of order) {
      const key = before.keys.key(before.key[old]!);
      const id = sessions.keys.intern(key, 0, key.length);
      const count = made;
      const s = begin(id, before.start[old]!);
      made = count;
      sessions.end[s] = before.end[old]!;
      sessions.order[s] = before.order[old]!;
      sessions.revision[s] = before.revision[old]!;
      sessions.state[s] = before.state[old]!;
      ensureRows(sessions.pane, sessions.top);
      sessions.pane.mergeInto(s, before.pane, old);
      changed(sessions, s);
    }
    panes.delete(number);
    store.drop(number);
    number += 1;
    panes.set(number, sessions);
    queue();
  };
  const result = (list: readonly number[], revisions: Float64Array): FiredWindow => {
    const rows = Int32Array.from(list);
    const keys: StringColumn = sessions.keys.select(Int32Array.from(list, (s) => sessions.key[s]!));
    const ends = gatherFloat64(sessions.end, rows);
    const column = (data: Float64Array): NumberColumn => ({ kind: 'number', data });
    return {
      length: list.length,
      keys,
      times: ends.map((end) => end - 1),
      columns: [['windowStart', column(gatherFloat64(sessions.start, rows))], ['windowEnd', column(ends)], ['revision', column(revisions)], ...resultColumns(sessions.pane, rows)],
      keyColumn: (kind) => keyValues(keys, list.length, kind),
    };
  };

  return {
    get keyedBy() {
      return keyedBy;
    },
    set keyedBy(by) {
      keyedBy = by;
    },
    add(batch) {
      const n = batch.length;
      if (keyIds.length < n) {
        keyIds = new Int32Array(n * 2);
        rowSession = new Int32Array(n * 2);
      }
      sessions.keys.internAll(batch.key!, n, keyIds);
      makeKeyRoom(sessions, sessions.keys.size);
      let from = 0;
      const late: number[] = [];
      for (let i = 0; i < n; i++) {
        const time = batch.times[i]!;
        const id = keyIds[i]!;
        let mine = -1;
        for (let s = sessions.first[id]!; s >= 0; ) {
          const following = sessions.next[s]!;
          if (time <= sessions.end[s]! && time + gap >= sessions.start[s]!) {
            if (mine < 0) {
              mine = s;
              extend(s, time);
            } else {
              // The records so far belong to sessions that are about to be one.
              accumulate(batch, from, i);
              from = i;
              const [into, other] = sessions.order[mine]! < sessions.order[s]! ? [mine, s] : [s, mine];
              absorb(into, other);
              extend(into, time);
              mine = into;
            }
          }
          s = following;
        }
        if (mine < 0) {
          if (time + gap + lateness <= watermark || time + gap <= endedTo) late.push(i);
          else mine = begin(id, time);
        }
        rowSession[i] = mine;
      }
      accumulate(batch, from, n);
      if (late.length > 0) options.onLate(late.length, batch.select(Int32Array.from(late)));
    },
    *advance(time) {
      if (time <= watermark) return;
      const list: number[] = [];
      for (let next = due.popUntil(time); next !== undefined; next = due.popUntil(time)) {
        const s = next.id;
        if (sessions.state[s] !== open || sessions.order[s] !== next.order) continue;
        if (sessions.end[s]! > next.time) {
          due.push(sessions.end[s]!, next.order, s);
          continue;
        }
        sessions.state[s] = fired;
        list.push(s);
      }
      if (list.length > 0) {
        const revisions = Float64Array.from(list, (s) => sessions.revision[s]!);
        yield result(list, revisions);
        const corrected = revisions.reduce((sum, r) => sum + (r > 0 ? 1 : 0), 0);
        if (corrected > 0) options.onCorrections(corrected);
        for (const s of list) {
          sessions.revision[s]! += 1;
          changed(sessions, s);
          kept.push(sessions.end[s]! + lateness, sessions.order[s]!, s);
        }
      }
      watermark = time;
      if (time !== Number.POSITIVE_INFINITY) lastFinite = time;
      for (let next = kept.popUntil(time); next !== undefined; next = kept.popUntil(time)) {
        const s = next.id;
        if (sessions.state[s] !== fired || sessions.order[s] !== next.order || sessions.end[s]! + lateness > time) continue;
        if (time === Number.POSITIVE_INFINITY) endedTo = Math.max(endedTo, sessions.end[s]!);
        finish(s);
      }
      if (sessions.top > 2 * sessions.live + slack) compact();
    },
    save() {
      store.save(panes, {
        keyedBy,
        endedTo: Number.isFinite(endedTo) ? endedTo : undefined,
        generation: number,
        made,
        watermark: Number.isFinite(lastFinite) ? lastFinite : undefined,
      });
      return sessions.top;
    },
  };
}

function changed(sessions: Generation, s: number): void {
  if (sessions.isUnsaved[s] === 1) return;
  sessions.isUnsaved[s] = 1;
  sessions.unsaved.push(s);
}

/** Room for the first sessions of `keys` keys; a key without one has -1. */
function makeKeyRoom(sessions: Generation, keys: number): void {
  const size = sessions.first.length;
  if (keys > size) sessions.first = enlarged(sessions.first, keys).fill(-1, size);
}

function link(sessions: Generation, id: number, s: number): void {
  makeKeyRoom(sessions, id + 1);
  sessions.next[s] = sessions.first[id]!;
  sessions.first[id] = s;
}

function unlink(sessions: Generation, s: number): void {
  const id = sessions.key[s]!;
  if (sessions.first[id] === s) {
    sessions.first[id] = sessions.next[s]!;
    return;
  }
  for (let at = sessions.first[id]!; at >= 0; at = sessions.next[at]!) if (sessions.next[at] === s) sessions.next[at] = sessions.next[s]!;
}

function ensureRows(pane: Pane, rows: number): void {
  pane.slabs[0]!.ensure(rows);
}

function generation(pane: Pane): Generation {
  const made: Generation = {
    pane,
    keys: new Dictionary(),
    first: new Int32Array(64).fill(-1),
    next: new Int32Array(64),
    key: new Int32Array(64),
    start: new Float64Array(64),
    end: new Float64Array(64),
    order: new Float64Array(64),
    revision: new Int32Array(64),
    state: new Uint8Array(64),
    top: 0,
    live: 0,
    unsaved: [],
    isUnsaved: new Uint8Array(64),
    get bytes() {
      return pane.bytes + made.top * 64;
    },
    delta(all = false) {
      const list = all ? Array.from({ length: made.top }, (_, s) => s) : made.unsaved;
      if (list.length === 0) return undefined;
      const rows = Int32Array.from(list);
      const out = byteWriter();
      out.u32(rows.length);
      out.array(rows);
      writeColumn(out, made.keys.select(Int32Array.from(rows, (s) => made.key[s]!)), rows.length);
      for (const values of [made.start, made.end, made.order]) out.array(gatherFloat64(values, rows));
      out.array(Int32Array.from(rows, (s) => made.revision[s]!));
      out.array(Int32Array.from(rows, (s) => made.state[s]!));
      out.bytes(pane.delta(all) ?? new Uint8Array(0));
      for (const s of made.unsaved) made.isUnsaved[s] = 0;
      made.unsaved = [];
      return out.finish();
    },
    restore(bytes) {
      const reader = byteReader(bytes);
      const n = reader.u32();
      const rows = reader.int32s(n);
      const keys = readColumn(reader, n) as StringColumn;
      const [start, end, order] = [reader.float64s(n), reader.float64s(n), reader.float64s(n)];
      const [revision, state] = [reader.int32s(n), reader.int32s(n)];
      const most = rows.reduce((a, b) => Math.max(a, b), -1);
      if (most >= made.start.length) {
        for (const name of ['start', 'end', 'order'] as const) made[name] = enlarged(made[name], most + 1);
        for (const name of ['next', 'key', 'revision'] as const) made[name] = enlarged(made[name], most + 1);
        made.state = enlarged(made.state, most + 1);
        made.isUnsaved = enlarged(made.isUnsaved, most + 1);
      }
      for (let i = 0; i < n; i++) {
        const s = rows[i]!;
        const was = made.state[s] !== ended;
        if (was) {
          unlink(made, s);
          made.live -= 1;
        }
        made.key[s] = made.keys.intern(keys.bytes, keys.offset[i]!, keys.length[i]!);
        made.start[s] = start[i]!;
        made.end[s] = end[i]!;
        made.order[s] = order[i]!;
        made.revision[s] = revision[i]!;
        made.state[s] = state[i]!;
        made.top = Math.max(made.top, s + 1);
        if (state[i] !== ended) {
          link(made, made.key[s]!, s);
          made.live += 1;
        }
      }
      const cells = reader.bytes();
      ensureRows(pane, made.top);
      if (cells.length > 0) pane.restore(Uint8Array.from(cells));
    },
  };
  return made;
}
