import type { AggregateNode, Leaf } from './aggregates/aggregate.js';
import { quantileName } from './aggregates/quantiles.js';
import { bucketQuantile } from './accumulators/buckets.js';
import { readLeaf } from './accumulators/leaf-loops.js';
import type { Layout } from './accumulators/layout.js';
import { groupLabels, Pane } from './accumulators/pane.js';
import { countedBuckets, resultOf } from './accumulators/results.js';
import { type FeatureSet, type FeatureValues, paneMs, tileRanges } from './features.js';
import { addTile } from './tile-codec.js';

/** The tiles of one entity, wherever they are. */
export interface EntityTiles {
  /** Hands over each tile of panes of size `pane` that begins in [from, to), in the order of time: it begins at `at` of `bytes`. */
  each(pane: number, from: number, to: number, take: (bytes: Uint8Array, at: number) => void): void;
}

/** Those of an entity that nothing is known of. */
export const noTiles: EntityTiles = { each: () => undefined };

/** Names and numbers of one window, to be made an object in one go: that is several times as fast as to add them where they are found. NaN is null. */
interface Found {
  readonly names: string[];
  readonly numbers: number[];
  /** How many there are; what is behind them in the arrays is of look-ups before. */
  count: number;
}

/** Adds one field of the row of a look-up to `found`. */
type FieldWriter = (pane: Pane, found: Found) => void;

/** What look-ups in a set need again and again: making it anew would cost more than the look-up. */
interface Reading {
  readonly pane: Pane;
  /** Windows of one pane size, the shorter ones first, which the longer ones begin with. */
  readonly sizes: readonly (readonly { readonly window: FeatureSet['windows'][number]; readonly fields: readonly FieldWriter[]; readonly found: Found }[])[];
  /** What was found, in the order in which windows are declared. */
  readonly found: readonly Found[];
  readonly groups: readonly LabelledRow[];
}

const readings = new WeakMap<FeatureSet, Reading>();
/** Row of the pane of a look-up. */
const row = 0;
const anybody = Buffer.of(0);

/**
 * The features of an entity at `at` (epoch ms, a multiple of 5 minutes), from its tiles. Cost: each tile of the longest window is read and
 * merged once, since a longer window is a shorter one and the tiles before it; then a step a value. Nothing is allocated but the answer.
 */
export function featuresAt(set: FeatureSet, tiles: EntityTiles, at: number): FeatureValues {
  let reading = readings.get(set);
  if (reading === undefined) readings.set(set, (reading = readingOf(set)));
  const { pane, sizes, groups } = reading;
  const add = (bytes: Uint8Array, from: number) => addTile(pane, row, bytes, from);
  for (const windows of sizes) {
    clear(pane);
    let done = at;
    for (const { window, fields, found } of windows) {
      const ranges = tileRanges(window, at);
      for (const range of ranges) {
        const to = Math.min(range.to, done);
        if (range.from < to) tiles.each(range.pane, range.from, to, add);
      }
      done = ranges[0]!.from;
      for (const group of groups) group.refresh(pane);
      found.count = 0;
      for (const write of fields) write(pane, found);
    }
  }
  const values: Record<string, number | null> = {};
  for (const { names, numbers, count } of reading.found) {
    for (let i = 0; i < count; i++) {
      const number = numbers[i]!;
      values[names[i]!] = number === number ? number : null;
    }
  }
  return set.derive === undefined ? values : Object.assign(values, set.derive(values, at));
}

function readingOf(set: FeatureSet): Reading {
  const groups = set.layout.tables.map(({ group }, table) => (group?.kind === 'labels' ? labelledRow(table) : undefined));
  const sizes = [paneMs.small, paneMs.large]
    .map((size) => set.windows.filter((w) => w.pane === size).toSorted((a, b) => a.ms - b.ms))
    .filter((windows) => windows.length > 0);
  const read = sizes.map((windows) => windows.map((window) => ({ window, fields: set.layout.fields.map((field) => fieldWriter(set.layout, groups, field, window.name)), found: { names: [], numbers: [], count: 0 } })));
  return { pane: new Pane(set.layout, groupLabels(set.layout), 0), sizes: read, found: set.windows.map((window) => read.flat().find((r) => r.window === window)!.found), groups: groups.filter((g) => g !== undefined) };
}

/** Makes the pane one with an empty row. */
function clear(pane: Pane): void {
  pane.reuse(0);
  pane.keys.intern(anybody, 0, 1);
  pane.layout.tables.forEach(({ group }, t) => {
    if (group === undefined) pane.slabs[t]!.ensure(1);
    else if (group.kind === 'dense') pane.slabs[t]!.ensure(group.size);
  });
}

function fieldWriter(layout: Layout, groups: readonly (LabelledRow | undefined)[], field: Layout['fields'][number], window: string): FieldWriter {
  const { name, node } = field;
  const feature = asKey(`${name}_${window}`);
  const leaf = node === undefined ? undefined : firstLeaf(node);
  if (node !== undefined && leaf !== undefined && node.kind !== 'quantiles') {
    const value = valueOf(layout, node);
    if (leaf.by === undefined) return (pane, found) => put(found, feature, value(pane, row));
    if (leaf.by.kind === 'labels') return labelledWriter(groups[layout.place(leaf).table]!, feature, node, value);
  }
  if (node?.kind === 'quantiles') {
    const quantiles = node.at.map((at) => ({ at, name: asKey(`${feature}{${quantileName(at)}}`) }));
    return (pane, found) => {
      const counted = countedBuckets(pane, node, row);
      for (const { at, name } of quantiles) put(found, name, bucketQuantile(counted, at, node.leaf.by!.accuracy) ?? Number.NaN);
    };
  }
  return (pane, found) => {
    const value = resultOf(pane, field, row);
    if (typeof value === 'number' || value === null) return put(found, feature, value ?? Number.NaN);
    const groups = Array.isArray(value) ? denseGroups(value as readonly number[], node) : Object.entries(value as Record<string, number | null>);
    if (node?.kind === 'leaf') put(found, feature, total(groups.map(([, v]) => v ?? Number.NaN), groups.length, node.leaf.op));
    for (const [group, v] of groups) put(found, `${feature}{${group}}`, v ?? Number.NaN);
  };
}

function put(found: Found, name: string, number: number): void {
  const at = found.count++;
  found.names[at] = name;
  found.numbers[at] = number;
}

/** The groups of a row by the texts of a column, in the order of their names. */
interface LabelledRow {
  /** Slots of the row and the labels of their groups, as they are since `refresh`. */
  readonly slots: number[];
  readonly labels: number[];
  /** How many there are; what is behind them in the arrays is of look-ups before. */
  readonly count: number;
  /** Text of a label. */
  text(label: number): string;
  /** The row has changed. */
  refresh(pane: Pane): void;
}

function labelledRow(table: number): LabelledRow {
  const texts: string[] = [];
  let ranks: number[] = [];
  const slots: number[] = [];
  const labels: number[] = [];
  let count = 0;
  return {
    slots,
    labels,
    get count() {
      return count;
    },
    text: (label) => texts[label]!,
    refresh(pane) {
      const [pairs, names] = [pane.pairs[table]!, pane.labels[table]!];
      if (names.size > texts.length) {
        for (let label = texts.length; label < names.size; label++) texts.push(Buffer.from(names.key(label)).toString());
        ranks = [];
        for (const [rank, label] of texts.map((_, i) => i).sort((a, b) => (texts[a]! < texts[b]! ? -1 : 1)).entries()) ranks[label] = rank;
      }
      count = 0;
      for (let slot = pairs.first(row); slot >= 0; slot = pairs.next(slot)) {
        const label = pairs.groupOf(slot);
        // few groups: each goes to its place among those before it
        let at = count++;
        for (; at > 0 && ranks[labels[at - 1]!]! > ranks[label]!; at--) {
          labels[at] = labels[at - 1]!;
          slots[at] = slots[at - 1]!;
        }
        labels[at] = label;
        slots[at] = slot;
      }
    },
  };
}

/** A leaf or ratio by the texts of a column: its total, then each group. A group of which nothing was counted is left out; a minimum or ratio of 0 is something. */
function labelledWriter(groups: LabelledRow, feature: string, node: AggregateNode, value: SlotValue): FieldWriter {
  const { slots, labels, text } = groups;
  const names: string[] = [];
  const counts = node.kind === 'leaf' && (node.leaf.op === 'count' || node.leaf.op === 'sum');
  const numbers: number[] = [];
  return (pane, found) => {
    const { count } = groups;
    for (let i = 0; i < count; i++) numbers[i] = value(pane, slots[i]!);
    if (node.kind === 'leaf') put(found, feature, total(numbers, count, node.leaf.op));
    for (let i = 0; i < count; i++) {
      const number = numbers[i]!;
      if (number === number && !(counts && number === 0)) put(found, (names[labels[i]!] ??= asKey(`${feature}{${text(labels[i]!)}}`)), number);
    }
  };
}

type SlotValue = (pane: Pane, slot: number) => number;

/** How the value of a leaf or ratio comes out of a slot of its table; NaN is null. */
function valueOf(layout: Layout, node: AggregateNode): SlotValue {
  if (node.kind === 'ratio') {
    const [over, under] = [valueOf(layout, node.over), valueOf(layout, node.under)];
    return (pane, slot) => {
      const by = under(pane, slot);
      return by === 0 ? Number.NaN : over(pane, slot) / by;
    };
  }
  const { leaf, table, at } = layout.place((node as Extract<AggregateNode, { kind: 'leaf' }>).leaf);
  return (pane, slot) => {
    const { data, stride } = pane.slabs[table]!;
    return readLeaf(leaf, data, slot * stride + at);
  };
}

/** All leaves of a node have the same group, or none has. */
function firstLeaf(node: AggregateNode): Leaf | undefined {
  if (node.kind === 'ratio') return firstLeaf(node.over);
  return node.kind === 'leaf' || node.kind === 'quantiles' ? node.leaf : undefined;
}

/** The groups of an array by number, as those by text: without counts and sums of 0, and without NaN, which stands for null. */
function denseGroups(cells: readonly number[], node: AggregateNode | undefined): [string, number][] {
  const counts = node?.kind === 'leaf' && (node.leaf.op === 'count' || node.leaf.op === 'sum');
  return cells.flatMap((v, i): [string, number][] => (Number.isNaN(v) || (counts && v === 0) ? [] : [[String(i), v]]));
}

/** Of the first numbers, of which NaN stands for null; so does what comes out. */
function total(numbers: readonly number[], count: number, op: Leaf['op']): number {
  let sum = 0;
  let most = Number.NaN;
  for (let i = 0; i < count; i++) {
    const x = numbers[i]!;
    if (x !== x) continue;
    sum += x;
    if (most !== most || (op === 'min' ? x < most : x > most)) most = x;
  }
  return op === 'count' || op === 'sum' ? sum : most;
}

/** The text as engines keep the names of properties: one that was put together is looked up in a table at each use. */
function asKey(text: string): string {
  return Object.keys({ [text]: 0 })[0]!;
}
