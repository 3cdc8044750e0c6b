import type { NumberColumn } from '../../schemas/column.js';
import { layoutOf } from '../accumulators/layout.js';
import { groupLabels, Pane } from '../accumulators/pane.js';
import { resultColumns } from '../accumulators/results.js';
import type { KeyedBy } from '../batch.js';
import { createJoinSide, type JoinPane } from '../joins/join-side.js';
import { leafInputs } from './leaf-inputs.js';
import { createPaneStore, type StepMeta } from '../state/pane-store.js';
import { slidingPanes } from './sliding-panes.js';
import { type FiredWindow, keyValues, type Windows, type WindowsOptions } from './windows.js';

interface Meta extends StepMeta {
  readonly keyedBy?: KeyedBy | undefined;
  readonly endedTo?: number | undefined;
  /** By pane: positions of rows that came behind the watermark since it last moved. */
  readonly late?: readonly (readonly [number, readonly number[]])[];
  /** By pane: the last revision of rows that were corrected. */
  readonly revisions?: readonly (readonly [number, readonly (readonly [string, number])[]])[];
}

/** Panes that a window is divided into. */
const panesPerWindow = 64;

/**
 * Sliding windows of one task: for each time at which a key has a record, the aggregates of its records in (time - size, time]. The rows are kept as columns in panes of
 * event time; everything else is made from them (`slidingPanes`).
 *
 * @param size milliseconds
 * @param lateness milliseconds behind the watermark for which a record is still taken, and corrects what is out
 */
export function createSlidingWindows(options: WindowsOptions & { readonly size: number }): Windows {
  const { size, lateness } = options;
  const layout = layoutOf(options.aggregates);
  const labels = groupLabels(layout);
  const inputs = leafInputs(layout);
  const paneMs = Math.ceil(size / panesPerWindow);
  const side = createJoinSide(inputs.fields, paneMs, false);
  const store = createPaneStore<JoinPane, Meta>(options.table, options.task, { layout: `sliding ${size} ${layout.text}`, labels, create: side.pane });
  const { meta } = store.load();
  let keyedBy = meta.keyedBy;
  let watermark = meta.watermark ?? Number.NEGATIVE_INFINITY;
  let lastFinite = watermark;
  // Rows up to here were given out by the end of a bounded input, for good.
  let endedTo = meta.endedTo ?? Number.NEGATIVE_INFINITY;
  const late = new Map<number, number[]>((meta.late ?? []).map(([start, positions]) => [start, [...positions]]));
  const revisions = new Map<number, Map<string, number>>((meta.revisions ?? []).map(([start, all]) => [start, new Map(all)]));
  // By pane: positions of the rows whose time has not come, and how many of its rows have been looked at.
  const waiting = new Map<number, number[]>();
  const seen = new Map<number, number>();
  const isOut = (time: number) => time + 1 <= watermark || time + 1 <= endedTo;
  const panes = slidingPanes({ layout, labels, inputs, side, size, lateness, paneMs, isFolded: (start, position, time) => isOut(time) && !late.get(start)?.includes(position) });
  const append = (map: Map<number, number[]>, start: number, position: number) => {
    const list = map.get(start);
    if (list === undefined) map.set(start, [position]);
    else list.push(position);
  };
  const timesOf = (pane: JoinPane, positions: readonly number[]) => side.times(Int32Array.from(positions, (p) => pane.slot[p]!));
  /** Sorts the rows that are new in a pane. */
  const look = (start: number, isRestart: boolean) => {
    const pane = side.panes.get(start)!;
    const from = seen.get(start) ?? 0;
    const times = side.times(pane.slot.subarray(from, pane.count));
    for (let i = 0; i < times.length; i++) {
      if (!isOut(times[i]!)) append(waiting, start, from + i);
      else if (!isRestart) append(late, start, from + i);
    }
    seen.set(start, pane.count);
  };
  for (const start of side.panes.keys()) look(start, true);

  /** What late records change: by pane and key id, their times. */
  const disturbed = (): Map<number, Map<number, number[]>> => {
    const changed = new Map<number, Map<number, number[]>>();
    for (const [start, positions] of late) {
      panes.disturb(start);
      const pane = side.panes.get(start)!;
      const times = timesOf(pane, positions);
      positions.forEach((position, i) => {
        const bytes = pane.keys.key(pane.key[position]!);
        for (let at = start; at < times[i]! + size; at += paneMs) {
          const key = side.panes.get(at)?.keys.find(bytes, 0, bytes.length) ?? -1;
          if (key < 0) continue;
          const keys = changed.get(at) ?? new Map<number, number[]>();
          changed.set(at, keys);
          append(keys, key, times[i]!);
        }
      });
    }
    return changed;
  };
  const result = (pane: JoinPane, sums: Pane, rows: readonly { key: number; time: number; revision: number }[]): FiredWindow => {
    const order = Int32Array.from({ length: rows.length }, (_, i) => i).sort((a, b) => rows[a]!.time - rows[b]!.time || rows[a]!.key - rows[b]!.key);
    const sorted = Array.from(order, (i) => rows[i]!);
    const keys = pane.keys.select(sorted.map(({ key }) => key));
    const times = Float64Array.from(sorted, ({ time }) => time);
    const column = (data: Float64Array): NumberColumn => ({ kind: 'number', data });
    return {
      length: rows.length,
      keys,
      times,
      columns: [
        ['windowStart', column(times.map((time) => time + 1 - size))],
        ['windowEnd', column(times.map((time) => time + 1))],
        ['revision', column(Float64Array.from(sorted, ({ revision }) => revision))],
        ...resultColumns(sums, order),
      ],
      keyColumn: (kind) => keyValues(keys, rows.length, kind),
    };
  };
  /** The rows of one pane that are due, and those that late records have changed. */
  const advancePane = (start: number, time: number, changed: ReadonlyMap<number, readonly number[]>): FiredWindow | undefined => {
    const pane = side.panes.get(start)!;
    const positions: number[] = [];
    const rest: number[] = [];
    const held = waiting.get(start) ?? [];
    timesOf(pane, held).forEach((at, i) => (at + 1 <= time ? positions : rest).push(held[i]!));
    if (rest.length > 0) waiting.set(start, rest);
    else waiting.delete(start);
    const own = new Set(late.get(start));
    // A key that a late record disturbed is added up anew.
    const again = changed.size === 0 ? positions : positions.filter((p) => !changed.has(pane.key[p]!));
    for (const key of changed.keys()) {
      const chain: number[] = [];
      for (let p = pane.first[key]!; p >= 0; p = pane.next[p]!) chain.push(p);
      timesOf(pane, chain).forEach((at, i) => {
        if (at + 1 <= time) again.push(chain[i]!);
      });
    }
    const entries = panes.entries(pane, again);
    const wasOut = new Uint8Array(entries.count);
    again.forEach((p, i) => {
      if (isOut(entries.time[entries.entryOf[i]!]!) && !own.has(p)) wasOut[entries.entryOf[i]!] = 1;
    });
    const sums = new Pane(layout, labels, start);
    const rows: { key: number; time: number; revision: number }[] = [];
    let corrections = 0;
    for (let e = 0; e < entries.count; e++) {
      const [key, at] = [entries.key[e]!, entries.time[e]!];
      const lateTimes = changed.get(key);
      panes.fold(start, entries, e, lateTimes !== undefined && (e === 0 || entries.key[e - 1] !== key));
      let revision = 0;
      if (isOut(at)) {
        if (!lateTimes!.some((t) => t <= at && at < t + size)) continue;
        corrections += 1;
        if (wasOut[e] === 1) {
          const known = revisions.get(start) ?? new Map<string, number>();
          const name = `${at} ${key}`;
          revision = (known.get(name) ?? 0) + 1;
          revisions.set(start, known.set(name, revision));
        }
      }
      panes.collect(sums, rows.length, start, key, at);
      rows.push({ key, time: at, revision });
    }
    if (corrections > 0) options.onCorrections(corrections);
    return rows.length === 0 ? undefined : result(pane, sums, rows);
  };

  return {
    get keyedBy() {
      return keyedBy;
    },
    set keyedBy(by) {
      keyedBy = by;
    },
    add(batch) {
      const { times } = batch;
      const isLate = (time: number) => time + 1 + lateness <= watermark || time + 1 <= endedTo;
      let n = 0;
      for (let i = 0; i < times.length; i++) if (isLate(times[i]!)) n += 1;
      if (n === 0) side.add(batch, undefined, undefined);
      else {
        const rows = Int32Array.from(times.keys());
        options.onLate(n, batch.select(rows.filter((i) => isLate(times[i]!))));
        if (n < times.length) side.add(batch, rows.filter((i) => !isLate(times[i]!)), undefined);
      }
      for (const [start, pane] of side.panes) if (pane.count > (seen.get(start) ?? 0)) look(start, false);
    },
    *advance(time) {
      if (time <= watermark) return;
      panes.reach(time);
      const changed = disturbed();
      let newest = Number.NEGATIVE_INFINITY;
      const due = [...waiting.keys()].filter((start) => start + 1 <= time);
      for (const start of [...new Set([...due, ...changed.keys()])].sort((a, b) => a - b)) {
        const fired = advancePane(start, time, changed.get(start) ?? new Map());
        if (fired === undefined) continue;
        newest = fired.times.at(-1)!;
        yield fired;
      }
      late.clear();
      watermark = time;
      if (time === Number.POSITIVE_INFINITY) endedTo = Math.max(endedTo, newest + 1);
      if (time !== Number.POSITIVE_INFINITY) lastFinite = time;
      // After an end the rows stay for as long as a later run's windows reach back.
      const [settled, stay] = time === Number.POSITIVE_INFINITY ? [endedTo, size] : [time, size + lateness];
      panes.settle(settled);
      for (const start of side.expire(settled - 1 - stay).dropped) {
        store.drop(start);
        panes.drop(start);
        seen.delete(start);
      }
      for (const start of revisions.keys()) if (start + paneMs + lateness < settled) revisions.delete(start);
    },
    save() {
      store.save(side.panes, {
        keyedBy,
        endedTo: Number.isFinite(endedTo) ? endedTo : undefined,
        late: [...late],
        revisions: [...revisions].map(([start, all]) => [start, [...all]] as const),
        watermark: Number.isFinite(lastFinite) ? lastFinite : undefined,
      });
      return side.size;
    },
  };
}
