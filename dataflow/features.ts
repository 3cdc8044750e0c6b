import { byteWriter } from './bytes.js';
import { groupLabels, Pane } from './accumulators/pane.js';
import type { AggregateNode, Leaf } from './aggregates/aggregate.js';
import { type Aggregates, layoutOf, type Layout } from './accumulators/layout.js';
import { mergeLeaf } from './accumulators/leaf-loops.js';
import { resultRow } from './accumulators/results.js';
import type { Aggregate } from './aggregates/aggregate.js';
import { type Duration, durationMs } from './duration.js';
import { HeadraceError } from './errors.js';
import { checkOptions } from './known-options.js';
import type { ColumnExpression, Expression } from './expression.js';
import { entityBytes, type StateTable } from './state-table.js';
import { type AnyTopic, definition, type View } from './topic.js';

/** Length of the small panes, and of the large ones for windows of 12 hours and more. */
export const paneMs = { small: 300_000, large: 3_600_000 } as const;
const largeFrom = 12 * 3_600_000;
const longest = 12 * 86_400_000;

/** A rolling window of a feature set. */
export interface RollingWindow<W extends string = string> {
  /** As declared: `24h`. */
  readonly name: W;
  readonly ms: number;
  /** Grid of its tail: [floor(T - ms, pane), T). */
  readonly pane: number;
}

/** Feature values by name: `clicks_24h`, and by group `clicks_24h{Comedy}`; null where there is nothing to divide. */
export type FeatureValues = Readonly<Record<string, number | null>>;

/** Features of an entity, declared once: the stream computes their tiles, the store answers from them, the documentation lists them. */
export interface FeatureSet<T = never, N extends string = string> {
  readonly name: string;
  readonly of: View<T>;
  readonly key: ColumnExpression<T, N, string>;
  readonly windows: readonly RollingWindow[];
  readonly layout: Layout;
  readonly derive: ((values: FeatureValues, at: number) => FeatureValues) | undefined;
}

/** What a feature set is made of. */
export interface FeatureSetOptions<T, N extends string> {
  /** The records: a topic, or the part of one that meets a condition. */
  readonly of: View<T> | (AnyTopic & { where(condition: Expression<T, boolean>): View<T> });
  /** The entity. */
  readonly key: ColumnExpression<T, N, string>;
  /** Rolling windows, up to 12 days: panes of 5 minutes under 12 hours, of 1 hour above. */
  readonly windows: readonly Duration[];
  /** Aggregates by name; a feature is named `<name>_<window>`. */
  readonly values: Readonly<Record<string, Aggregate<T, unknown>>>;
  /** Features computed from the others, as they are looked up. `at` is epoch ms. */
  readonly derive?: (values: FeatureValues, at: number) => FeatureValues;
}

/**
 * Declares features over rolling windows.
 *
 * *Details*: a window W at time T covers [floor(T - W, pane), T). Grouped aggregates give `name_window{group}` and their total as
 * `name_window`; quantiles give `name_window{p50}`.
 *
 * @param name letters, digits, dash
 * @throws HR_FEATURE, HR_DURATION, HR_AGGREGATE
 * @example
 * features('item', { of: clicks, key: clicks.itemId, windows: ['1h', '7d'], values: { clicks: count().where(clicks.eventType.is('CLICK')) } })
 */
export function features<T, N extends string>(name: string, options: FeatureSetOptions<T, N>): FeatureSet<T, N> {
  if (!/^[A-Za-z][A-Za-z0-9-]*$/.test(name)) throw new HeadraceError('HR_FEATURE', `"${name}" cannot be the name of a feature set.`);
  checkOptions(options, ['of', 'key', 'windows', 'values', 'derive'], `features "${name}"`);
  if (options.windows.length === 0) throw new HeadraceError('HR_FEATURE', `Feature set ${name} has no windows.`);
  const windows = options.windows.map((window): RollingWindow => {
    const ms = durationMs(window, `features "${name}": window`, paneMs.small);
    const pane = ms < largeFrom ? paneMs.small : paneMs.large;
    if (ms % pane !== 0 || ms > longest) throw new HeadraceError('HR_FEATURE', `The window ${window} of feature set ${name} is not a whole number of panes up to 12 days.`);
    return { name: String(window), ms, pane };
  });
  for (const [value, declared] of Object.entries(options.values as unknown as Aggregates<never>)) {
    if ('node' in declared && !addsUp(declared.node)) {
      throw new HeadraceError('HR_AGGREGATE', `Feature set ${name} declares ${value} as an aggregate that tiles do not add up: use counts, sums, extremes, means, ratios and quantiles.`);
    }
  }
  const of = definition in options.of ? { topic: options.of, condition: undefined } : options.of;
  return { name, of, key: options.key, windows, layout: layoutOf(options.values as unknown as Aggregates<never>), derive: options.derive };
}

/** Whether tiles of an aggregate give that of a longer stretch, in whatever order they are added. */
function addsUp(node: AggregateNode): boolean {
  if (node.kind === 'ratio') return addsUp(node.over) && addsUp(node.under);
  if (node.kind === 'distinct' || node.kind === 'sketch' || node.kind === 'derived') return false;
  return node.leaf.op !== 'first' && node.leaf.op !== 'last';
}

/** Id of the step that keeps the tiles of a set; its state is what look-ups read. */
export const tilesStep = (set: { readonly name: string }): string => `tiles-${set.name}`;

/** Id of the step that publishes a set. */
export const publicationStep = (set: { readonly name: string }): string => `features-${set.name}`;

/** State key of a tile: entity, size of its pane, start; a task that does not own the entity adds its number. All tiles of an entity lie together, in the order of time. */
export function tileKey(entity: Uint8Array, pane: number, start: number): Uint8Array {
  const tail = Buffer.alloc(9);
  tail[0] = pane === paneMs.small ? 0 : pane === paneMs.large ? 1 : 255;
  tail.writeBigUInt64BE(BigInt(start) + (1n << 63n), 1);
  return Buffer.concat([tilePrefix, entityBytes(entity), tail]);
}

/** First byte of tile keys; others hold what a set keeps beside its tiles. */
export const tilePrefix = Buffer.of(1);

/** First byte of the keys that hold the newest event time of each task. */
export const newestPrefix = 3;

/** State key of the layout that the tiles were written with. */
export const layoutKey = Buffer.of(4);

/** The error for tiles that were written by other aggregates. */
export function tilesMismatch(set: { readonly name: string }): HeadraceError {
  return new HeadraceError('HR_STATE_MISMATCH', `The stored tiles of the feature set ${set.name} belong to other values than it declares now.`, {
    place: { step: tilesStep(set) },
    remedy: 'Give the changed set another name, or begin anew in another data directory.',
  });
}

/** State key of the newest event time that a task has seen. */
export function newestKey(task: number): Uint8Array {
  const bytes = Buffer.alloc(3);
  bytes[0] = newestPrefix;
  bytes.writeUInt16BE(task, 1);
  return bytes;
}

/** The newest event time of a task. */
export function readNewest(stored: Uint8Array): number {
  return Buffer.from(stored.buffer, stored.byteOffset, stored.length).readDoubleLE(0);
}

/** A row of a pane as the bytes of a tile. Groups are in the order of their names, so that the bytes do not tell in which order they came. */
export function packTile(pane: Pane, row: number): Uint8Array {
  const out = packer;
  out.reset();
  pane.layout.tables.forEach(({ group }, t) => {
    const { data, stride } = pane.slabs[t]!;
    if (group === undefined) out.array(data.subarray(row * stride, (row + 1) * stride));
    else if (group.kind === 'dense') out.array(data.subarray(row * group.size * stride, (row + 1) * group.size * stride));
    else {
      const pairs = pane.pairs[t]!;
      const slots: number[] = [];
      for (let slot = pairs.first(row); slot >= 0; slot = pairs.next(slot)) slots.push(slot);
      const labels = pane.labels[t];
      if (labels === undefined) slots.sort((a, b) => pairs.groupOf(a) - pairs.groupOf(b));
      else slots.sort((a, b) => Buffer.compare(labels.key(pairs.groupOf(a)), labels.key(pairs.groupOf(b))));
      out.u32(slots.length);
      for (const slot of slots) {
        if (labels !== undefined) out.bytes(labels.key(pairs.groupOf(slot)));
        else out.i32(pairs.groupOf(slot));
        for (let k = slot * stride; k < (slot + 1) * stride; k++) out.f64(data[k]!);
      }
    }
  });
  return Buffer.from(out.finish());
}

const packer = byteWriter();

/** Adds the bytes of a tile to row `row`. Cost: one merge a cell; nothing is allocated but for groups not seen before. */
export function addTile(pane: Pane, row: number, tile: Uint8Array): void {
  const view = new DataView(tile.buffer, tile.byteOffset, tile.length);
  let at = 0;
  const { tables } = pane.layout;
  for (let t = 0; t < tables.length; t++) {
    const { group, leaves } = tables[t]!;
    const slab = pane.slabs[t]!;
    const { stride } = slab;
    const cells = scratchOf(stride);
    const merge = (slot: number) => {
      for (let k = 0; k < stride; k++) cells[k] = view.getFloat64(at + 8 * k, true);
      at += 8 * stride;
      for (const placed of leaves) mergeLeaf(placed.leaf, slab.data, slot * stride + placed.at, cells, placed.at);
    };
    if (group === undefined) {
      slab.ensure(row + 1);
      merge(row);
    } else if (group.kind === 'dense') {
      slab.ensure((row + 1) * group.size);
      for (let g = 0; g < group.size; g++) merge(row * group.size + g);
    } else {
      const pairs = pane.pairs[t]!;
      const n = view.getUint32(at, true);
      at += 4;
      for (let i = 0; i < n; i++) {
        const word = view.getInt32(at, true);
        at += 4;
        let id = word;
        if (group.kind === 'labels') {
          id = pane.labels[t]!.intern(tile, at, word);
          at += word;
        }
        const slot = pairs.slot(row, id);
        slab.ensure(pairs.size);
        merge(slot);
      }
    }
  }
}

let scratch = new Float64Array(16);

/** Room for the cells of one row; what it holds is used before anything else runs. */
function scratchOf(stride: number): Float64Array {
  if (scratch.length < stride) scratch = new Float64Array(stride * 2);
  return scratch;
}

/** When look-ups answer as of, once an event of that time is in: the end of its pane. */
export function lookUpTime(newest: number): number {
  return Math.floor(newest / paneMs.small) * paneMs.small + paneMs.small;
}

/** Where window `window` at time `at` begins (epoch ms): it covers the records from there up to `at`. */
export function windowStart(window: RollingWindow, at: number): number {
  return Math.floor((at - window.ms) / window.pane) * window.pane;
}

/** The tiles that window `window` at time `at` is made of: ranges of one pane size each, in the order of time. */
export function tileRanges(window: RollingWindow, at: number): { pane: number; from: number; to: number }[] {
  const from = windowStart(window, at);
  if (window.pane === paneMs.small) return [{ pane: paneMs.small, from, to: at }];
  const head = Math.floor(at / paneMs.large) * paneMs.large;
  return [
    { pane: paneMs.large, from, to: head },
    { pane: paneMs.small, from: head, to: at },
  ];
}

/**
 * The features of an entity at `at` (epoch ms, a multiple of 5 minutes), from its tiles. Cost: each tile of the longest window is read and
 * merged once, since a longer window is a shorter one and the tiles before it.
 */
export function featuresAt(set: FeatureSet, table: Pick<StateTable, 'range'>, entity: Uint8Array, at: number): FeatureValues {
  const byWindow = new Map<string, Record<string, number | null>>();
  for (const size of [paneMs.small, paneMs.large]) {
    const windows = set.windows.filter((w) => w.pane === size).toSorted((a, b) => a.ms - b.ms);
    if (windows.length === 0) continue;
    const pane = paneFor(set, entity);
    let done = at;
    for (const window of windows) {
      for (const range of tileRanges(window, at)) {
        const to = Math.min(range.to, done);
        if (range.from >= to) continue;
        for (const tile of table.range(tileKey(entity, range.pane, range.from), tileKey(entity, range.pane, to))) addTile(pane, 0, tile.value);
      }
      done = tileRanges(window, at)[0]!.from;
      const values: Record<string, number | null> = {};
      flatten(values, window.name, resultRow(pane, 0), set.layout);
      byWindow.set(window.name, values);
    }
  }
  const values: Record<string, number | null> = Object.assign({}, ...set.windows.map((w) => byWindow.get(w.name)));
  return set.derive === undefined ? values : { ...values, ...set.derive(values, at) };
}

const panes = new WeakMap<FeatureSet, Pane>();

/** An empty pane with one row. The memory is that of the last look-up in the set: making it anew would cost more than the look-up. */
function paneFor(set: FeatureSet, entity: Uint8Array): Pane {
  let pane = panes.get(set);
  if (pane === undefined) panes.set(set, (pane = new Pane(set.layout, groupLabels(set.layout), 0)));
  else pane.reuse(0);
  pane.keys.intern(entity, 0, entity.length);
  set.layout.tables.forEach(({ group }, t) => {
    if (group === undefined) pane.slabs[t]!.ensure(1);
    else if (group.kind === 'dense') pane.slabs[t]!.ensure(group.size);
  });
  return pane;
}

function flatten(values: Record<string, number | null>, window: string, row: Record<string, unknown>, layout: Layout): void {
  for (const { name, node } of layout.fields) {
    const value = row[name];
    const feature = `${name}_${window}`;
    if (typeof value === 'number' || value === null) values[feature] = value;
    else {
      const groups = Array.isArray(value) ? denseGroups(value as readonly number[], node) : Object.entries(value as Record<string, number | null>);
      if (node?.kind === 'leaf') values[feature] = total(groups, node.leaf.op);
      for (const [group, v] of groups) values[`${feature}{${group}}`] = v;
    }
  }
}

/** The groups of an array by number, as those by text: without counts and sums of 0, and without NaN, which stands for null. */
function denseGroups(cells: readonly number[], node: AggregateNode | undefined): [string, number][] {
  const counts = node?.kind === 'leaf' && (node.leaf.op === 'count' || node.leaf.op === 'sum');
  return cells.flatMap((v, i): [string, number][] => (Number.isNaN(v) || (counts && v === 0) ? [] : [[String(i), v]]));
}

function total(groups: readonly (readonly [string, number | null])[], op: Leaf['op']): number | null {
  const known = groups.map(([, v]) => v).filter((v) => v !== null);
  if (op === 'count' || op === 'sum') return known.reduce((a, b) => a + b, 0);
  if (known.length === 0) return null;
  return op === 'min' ? Math.min(...known) : Math.max(...known);
}
