import type { Column, NumberColumn, StringColumn } from '../../schemas/column.js';
import { cell } from '../../schemas/column.js';
import type { Batch, KeyedBy } from '../batch.js';
import { groupLabels, Pane } from '../accumulators/pane.js';
import { resultColumns } from '../accumulators/results.js';
import { type Aggregates, layoutOf } from '../accumulators/layout.js';
import { byPane, type Combiner, isCombinable, paneCombiner, type PartialPane } from '../combining.js';
import { createPaneStore, type PaneMeta } from '../state/pane-store.js';
import type { StateTable } from '../state/state-table.js';
import type { WindowMs } from './window-spec.js';
import { createWindowSums, type WindowSum } from './window-sums.js';

/** Results of one window: a row a key. */
export interface FiredWindow {
  readonly length: number;
  readonly keys: StringColumn;
  /** Event times: the last millisecond of the window. */
  readonly times: Float64Array;
  /** windowStart, windowEnd, revision and the aggregates, by name. */
  readonly columns: readonly (readonly [string, Column])[];
  /** The keys as values of the kind that `keyBy` saw. */
  keyColumn(kind: KeyedBy['kind']): Column;
}

/** The windows of one task: panes of `every`, merged when a window is longer. */
export interface Windows {
  keyedBy: KeyedBy | undefined;
  add(batch: Batch<unknown>): void;
  /** Adds records up before they come here, where these windows can take them in so. */
  readonly combiner?: Combiner | undefined;
  /** Adds what `combiner` has made. */
  addPartial?(partial: PartialPane): void;
  /** Event time is at `time`: the results that are due now, in order of their windows, corrections first. */
  advance(time: number): Iterable<FiredWindow>;
  /** Puts what has changed into the table; answers how many rows are held. */
  save(): number;
}

/** What all kinds of windows are given. */
export interface WindowsOptions {
  /** Milliseconds for which what has been given out can be corrected. */
  readonly lateness: number;
  readonly aggregates: Aggregates<never>;
  readonly table: StateTable;
  readonly task: number;
  /** Gets the records that are later than that; those that were added up on their way only as a number. */
  readonly onLate: (records: number, batch: Batch<unknown> | undefined) => void;
  readonly onCorrections: (n: number) => void;
}

/** Corrections of one window that has fired: which rows were there at that time, and how often each key was emitted again. */
interface Fired {
  /** Pane start to number of rows when the window fired. */
  readonly rows: Map<number, number>;
  /** Key text to its last revision. */
  readonly revisions: Map<string, number>;
  /** Keys touched by late records since the watermark last moved. */
  readonly touched: Map<string, { start: number; row: number }>;
}

/** Dropped panes that are kept for their memory. */
const sparePanes = 1;

/**
 * @param shape in milliseconds
 */
export function createWindows(options: WindowsOptions & { readonly shape: WindowMs }): Windows {
  const { shape, lateness } = options;
  const { every, size, offset } = shape;
  const layout = layoutOf(options.aggregates);
  const labels = groupLabels(layout);
  const newPane = (start: number) => new Pane(layout, labels, start, true);
  const store = createPaneStore<Pane, PaneMeta>(options.table, options.task, { layout: `${offset === 0 ? every : `${every}+${offset}`} ${layout.text}`, labels, create: newPane });
  const saved = store.load();
  const panes = saved.panes;
  const sums = createWindowSums({ layout, labels, shape, panes });
  const fired = new Map<number, Fired>();
  for (const [end, window] of saved.meta.fired ?? []) fired.set(end, { rows: new Map(window.rows), revisions: new Map(window.revisions), touched: new Map(window.touched) });
  let keyedBy = saved.meta.keyedBy;
  let watermark = saved.meta.watermark ?? Number.NEGATIVE_INFINITY;
  // What a later run goes on from: the end of a bounded input is not a time.
  let lastFinite = watermark;
  // Windows that end up to here have fired.
  let closedTo = saved.meta.closedTo ?? Number.NEGATIVE_INFINITY;
  // Windows that the end of a bounded input closed for good, ahead of the watermark that a later run begins with.
  let endedTo = saved.meta.endedTo ?? Number.NEGATIVE_INFINITY;
  let ids = new Int32Array(1024);
  const spare: Pane[] = [];

  const paneStart = (t: number) => Math.floor((t - offset) / every) * every + offset;
  /** End of the last window that holds a pane. */
  const lastEnd = (start: number) => start + size;

  const isLate = (start: number) => lastEnd(start) + lateness <= watermark || lastEnd(start) <= endedTo;
  const paneAt = (start: number): Pane => {
    let pane = panes.get(start);
    if (pane === undefined) {
      pane = spare.pop();
      if (pane === undefined) {
        pane = newPane(start);
        // Panes that follow one another are of like size.
        pane.reserve(Math.ceil((panes.get(start - every)?.size ?? 0) * 1.125));
      } else pane.reuse(start);
      panes.set(start, pane);
    }
    return pane;
  };
  const addToPane = (start: number, batch: Batch<unknown>) => {
    paneAt(start).add(batch, ids);
    sums.added(start, batch, ids);
    touch(start, batch.length, (i) => batch.keyText(i));
  };
  /** The first `n` of `ids` are rows of the pane at `start` that have changed: windows that have fired are to be corrected. */
  const touch = (start: number, n: number, keyText: (i: number) => string) => {
    if (start + every > closedTo) return;
    for (let end = start + every; end <= Math.min(lastEnd(start), closedTo); end += every) {
      if (end + lateness <= watermark || end <= endedTo) continue;
      let window = fired.get(end);
      if (window === undefined) fired.set(end, (window = { rows: new Map(), revisions: new Map(), touched: new Map() }));
      for (let i = 0; i < n; i++) window.touched.set(keyText(i), { start, row: ids[i]! });
    }
  };

  const result = ({ pane, rows }: WindowSum, end: number, revisions: Float64Array): FiredWindow => {
    const n = rows.length;
    const keys = pane.keys.select(rows);
    const constant = (value: number): NumberColumn => ({ kind: 'number', data: new Float64Array(n).fill(value) });
    return {
      length: n,
      keys,
      times: new Float64Array(n).fill(end - 1),
      columns: [['windowStart', constant(end - size)], ['windowEnd', constant(end)], ['revision', { kind: 'number', data: revisions }], ...resultColumns(pane, rows)],
      keyColumn: (kind) => keyValues(keys, n, kind),
    };
  };

  const correct = function* (time: number): Iterable<FiredWindow> {
    for (const end of [...fired.keys()].sort((a, b) => a - b)) {
      const window = fired.get(end)!;
      if (window.touched.size > 0) {
        // In the order of the window: the one of arrival follows the sizes of the batches where a window has several panes.
        const sum = sums.some(end, [...window.touched.keys()].map((key) => Buffer.from(key)));
        const keys = Array.from(sum.rows, (row) => Buffer.from(sum.pane.keys.key(row)).toString());
        const revisions = Float64Array.from(keys, (key) => {
          const { start, row } = window.touched.get(key)!;
          const before = window.revisions.get(key);
          const wasThere = before !== undefined || isIn(window, key, start, row);
          const revision = before === undefined ? (wasThere ? 1 : 0) : before + 1;
          window.revisions.set(key, revision);
          return revision;
        });
        window.touched.clear();
        options.onCorrections(keys.length);
        yield result(sum, end, revisions);
      }
      if (end + lateness <= time) fired.delete(end);
    }
  };
  /** Whether the key had a row in some pane of the window when it fired. */
  const isIn = (window: Fired, key: string, own: number, row: number): boolean => {
    if (row < (window.rows.get(own) ?? 0)) return true;
    const bytes = Buffer.from(key);
    for (const [start, n] of window.rows) {
      const found = panes.get(start)?.keys.find(bytes, 0, bytes.length) ?? -1;
      if (found >= 0 && found < n) return true;
    }
    return false;
  };

  return {
    get keyedBy() {
      return keyedBy;
    },
    set keyedBy(by) {
      keyedBy = by;
    },
    add(batch) {
      if (ids.length < batch.length) ids = new Int32Array(batch.length * 2);
      const late: number[] = [];
      for (const [start, rows] of byPane(batch.times, paneStart)) {
        if (!isLate(start)) addToPane(start, rows === undefined ? batch : batch.select(Int32Array.from(rows)));
        else if (rows === undefined) options.onLate(batch.length, batch);
        else for (const row of rows) late.push(row);
      }
      if (late.length > 0) options.onLate(late.length, batch.select(Int32Array.from(late.sort((a, b) => a - b))));
    },
    combiner: isCombinable(layout) ? paneCombiner(layout, paneStart) : undefined,
    addPartial({ bytes, start, records }) {
      if (isLate(start)) {
        options.onLate(records, undefined);
        return;
      }
      const partial = newPane(start);
      partial.restore(bytes);
      const pane = paneAt(start);
      const n = partial.size;
      if (ids.length < n) ids = new Int32Array(n * 2);
      pane.keys.internAll(partial.keys.keys(), n, ids);
      for (let row = 0; row < n; row++) pane.mergeInto(ids[row]!, partial, row);
      sums.merged(start, partial, ids);
      touch(start, n, (row) => Buffer.from(partial.keys.key(row)).toString());
    },
    *advance(time) {
      if (time <= watermark) return;
      yield* correct(time);
      const ends = new Set<number>();
      for (const start of panes.keys()) {
        for (let end = start + every; end <= lastEnd(start); end += every) if (end <= time && end > closedTo) ends.add(end);
      }
      for (const end of [...ends].sort((a, b) => a - b)) {
        const sum = sums.all(end);
        yield result(sum, end, new Float64Array(sum.rows.length));
        if (end + lateness > time) {
          const rows = new Map<number, number>();
          for (let start = end - size; start < end; start += every) if (panes.has(start)) rows.set(start, panes.get(start)!.size);
          fired.set(end, { rows, revisions: new Map(), touched: new Map() });
        }
        closedTo = Math.max(closedTo, end);
      }
      if (time !== Number.POSITIVE_INFINITY) closedTo = Math.max(closedTo, Math.floor((time - offset) / every) * every + offset);
      watermark = time;
      if (time !== Number.POSITIVE_INFINITY) lastFinite = time;
      for (const start of [...panes.keys()]) {
        if (lastEnd(start) + lateness <= time) {
          if (time === Number.POSITIVE_INFINITY) endedTo = Math.max(endedTo, lastEnd(start));
          sums.drop(start);
          if (spare.length < sparePanes) spare.push(panes.get(start)!);
          panes.delete(start);
          store.drop(start);
        }
      }
    },
    save() {
      store.save(panes, {
        keyedBy,
        closedTo: Number.isFinite(closedTo) ? closedTo : undefined,
        endedTo: Number.isFinite(endedTo) ? endedTo : undefined,
        watermark: Number.isFinite(lastFinite) ? lastFinite : undefined,
        fired: [...fired].map(([end, w]) => [end, { rows: [...w.rows], revisions: [...w.revisions], touched: [...w.touched] }] as const),
      });
      return [...panes.values()].reduce((sum, pane) => sum + pane.size, 0);
    },
  };
}

/** Key texts as values. */
export function keyValues(keys: StringColumn, n: number, kind: KeyedBy['kind']): Column {
  if (kind === 'string') return keys;
  if (kind === 'number') return { kind, data: Float64Array.from({ length: n }, (_, i) => Number(cell(keys, i))) };
  return { kind, data: Uint8Array.from({ length: n }, (_, i) => (cell(keys, i) === 'true' ? 1 : 0)) };
}

