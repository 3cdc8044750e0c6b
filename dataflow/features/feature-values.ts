import type { AggregateNode, Leaf } from '../aggregates/aggregate.js';
import { quantileName } from '../aggregates/quantiles.js';
import { bucketValue } from '../accumulators/buckets.js';
import type { Layout } from '../accumulators/layout.js';
import { readLeaf } from '../accumulators/leaf-loops.js';
import { type FeatureSet, type FeatureValues, paneMs, tileRanges } from './features.js';
import { type RowTable, TileRow } from './tile-row.js';

/** The tiles of one entity, wherever they are. */
export interface EntityTiles {
  /** Hands over each tile of panes of size `pane` that begins in [from, to), in the order of time: it begins at `at` of `bytes`. */
  each(pane: number, from: number, to: number, take: (bytes: Uint8Array, at: number) => void): void;
}

/** Those of an entity that nothing is known of. */
export const noTiles: EntityTiles = { each: () => undefined };

/** What a feature is called: as a property, and before its number in JSON. */
interface FeatureName {
  readonly key: string;
  readonly json: string;
}

/** The numbers of one window, to be made an object in one go: that is several times as fast as to add them where they are found. NaN is null. */
interface Found {
  /** Those that every entity has, by their place among the names of a window. */
  readonly always: number[];
  /** Those of groups, and the place of each. */
  readonly places: number[];
  readonly numbers: number[];
  /** How many groups there are; what is behind them in the arrays is of look-ups before. */
  count: number;
}

interface ReadWindow {
  readonly window: FeatureSet['windows'][number];
  readonly names: FeatureName[];
  /** Where its numbers are put. */
  readonly own: Found;
  /** Its numbers: `own`, or those of another window that has the same tiles. */
  found: Found;
}

/** What a set may declare: tiles add it up. */
type AddedUp = Extract<AggregateNode, { kind: 'leaf' | 'ratio' | 'quantiles' }>;

/** Adds one field of the row of a look-up to `found`. */
type FieldWriter = (found: Found) => void;

/** Gives a value a place: its name is that of the field, and what follows the window in braces. Those that every entity has come first. */
type Placing = (field: string, of?: string) => number;

/** What look-ups in a set need again and again: making it anew would cost more than the look-up. */
interface Reading {
  readonly row: TileRow;
  /** An object with the names that every entity has, and room for so many in all. */
  readonly begin: (count: number) => Record<string, number | null>;
  readonly fields: readonly FieldWriter[];
  /** As they are declared. */
  readonly windows: readonly ReadWindow[];
  /** Those of one pane size, the shorter ones first, which the longer ones begin with. */
  readonly sizes: readonly (readonly ReadWindow[])[];
  /** What is found where there are no tiles. */
  readonly nothing: Found;
  readonly add: (bytes: Uint8Array, at: number) => void;
}

/** Of places in the table of an object that is made beforehand: larger ones grow. */
const largestPower = 10;

const readings = new WeakMap<FeatureSet, Reading>();

/**
 * The features of an entity at `at` (epoch ms, a multiple of 5 minutes), from its tiles: those that every entity has, then those of groups. Cost: each tile of the longest window is read and
 * merged once, since a longer window is a shorter one and the tiles before it; then a step a value. Nothing is allocated but the answer.
 */
export function featuresAt(set: FeatureSet, tiles: EntityTiles, at: number): FeatureValues {
  const values = valuesOf(find(set, tiles, at));
  if (set.derive === undefined) return values;
  const derived = set.derive(values, at);
  for (const name of Object.keys(derived)) values[name] = derived[name]!;
  return values;
}

/** `featuresAt` as JSON text, without the text of an object that has them. */
export function featuresJson(set: FeatureSet, tiles: EntityTiles, at: number): string {
  const reading = find(set, tiles, at);
  const text = jsonOf(reading);
  if (set.derive === undefined) return `{${text}}`;
  const values = valuesOf(reading);
  const derived = set.derive(values, at);
  // one that has the name of a value takes its place
  if (Object.keys(derived).some((name) => Object.hasOwn(values, name))) return JSON.stringify(Object.assign(values, derived));
  const more = JSON.stringify(derived).slice(1, -1);
  return `{${text}${text === '' || more === '' ? '' : ','}${more}}`;
}

/** Adds up the tiles, and finds the numbers of each window. */
function find(set: FeatureSet, tiles: EntityTiles, at: number): Reading {
  let reading = readings.get(set);
  if (reading === undefined) readings.set(set, (reading = readingOf(set)));
  const { row, fields, sizes, nothing, add } = reading;
  for (const sameSize of sizes) {
    row.clear();
    let found = nothing;
    let done = at;
    for (const read of sameSize) {
      const before = row.tiles;
      const ranges = tileRanges(read.window, at);
      for (const range of ranges) {
        const to = Math.min(range.to, done);
        if (range.from < to) tiles.each(range.pane, range.from, to, add);
      }
      done = ranges[0]!.from;
      if (row.tiles > before) {
        found = read.own;
        found.count = 0;
        row.sort();
        for (const write of fields) write(found);
      }
      read.found = found;
    }
  }
  return reading;
}

function valuesOf({ begin, windows }: Reading): Record<string, number | null> {
  let count = 0;
  for (const { found } of windows) count += found.always.length + found.count;
  const values = begin(count);
  for (const { names, found } of windows) {
    const { always } = found;
    for (let i = 0; i < always.length; i++) {
      const number = always[i]!;
      values[names[i]!.key] = number === number ? number : null;
    }
  }
  for (const { names, found } of windows) {
    const { places, numbers, count } = found;
    for (let i = 0; i < count; i++) {
      const number = numbers[i]!;
      values[names[places[i]!]!.key] = number === number ? number : null;
    }
  }
  return values;
}

function jsonOf({ windows }: Reading): string {
  let text = '';
  const put = ({ json }: FeatureName, number: number): void => {
    // neither NaN nor the infinite is a number of JSON
    text += (text === '' ? json : `,${json}`) + (number - number === 0 ? number : 'null');
  };
  for (const { names, found } of windows) for (let i = 0; i < found.always.length; i++) put(names[i]!, found.always[i]!);
  for (const { names, found } of windows) for (let i = 0; i < found.count; i++) put(names[found.places[i]!]!, found.numbers[i]!);
  return text;
}

/**
 * Makes objects that have `names` already, as null, and room for more. An object of so many names is a hash table, and one that names are added to grows again and again: a copy of one that is large enough takes less
 * than half of the time, and throws nothing away. Only a literal without a prototype is copied as a table, so it gets its prototype afterwards. It has room for the names that it is written with, each as often as it is, and a table is at most two thirds full.
 */
function objectsWith(names: readonly string[]): Reading['begin'] {
  const makers: (() => Record<string, number | null>)[] = [];
  return (count) => {
    const power = Math.min(largestPower, 32 - Math.clz32(count + (count >> 1) - 1));
    return Object.setPrototypeOf((makers[power] ??= objectMaker(names, Math.round(2 ** (power + 1) / 3)))(), Object.prototype) as Record<string, number | null>;
  };
}

function objectMaker(names: readonly string[], room: number): () => Record<string, number | null> {
  const texts = names.map((name) => `${JSON.stringify(name)}: null`);
  const again = Array.from({ length: texts.length === 0 ? 0 : Math.max(0, room - texts.length) }, () => texts[0]!);
  return new Function(`return { ${['__proto__: null', ...texts, ...again].join(', ')} };`) as () => Record<string, number | null>;
}

function readingOf(set: FeatureSet): Reading {
  const row = new TileRow(set.layout);
  const emptyFound = (): Found => ({ always: [], places: [], numbers: [], count: 0 });
  const nothing = emptyFound();
  const windows = set.windows.map((window): ReadWindow => ({ window, names: [], own: emptyFound(), found: nothing }));
  const place: Placing = (field, of) => {
    for (const { window, names } of windows) names.push(nameOf(`${field}_${window.name}${of === undefined ? '' : `{${of}}`}`));
    return windows[0]!.names.length - 1;
  };
  const fields = set.layout.fields.map((field) => fieldWriter(set.layout, row, field, place));
  const begin = objectsWith(windows.flatMap(({ names }) => names.map(({ key }) => key)));
  for (const write of fields) write(nothing);
  const sizes = [paneMs.small, paneMs.large].map((size) => windows.filter(({ window }) => window.pane === size).sort((a, b) => a.window.ms - b.window.ms));
  return { row, begin, fields, windows, sizes, nothing, add: (bytes, at) => row.add(bytes, at) };
}

function fieldWriter(layout: Layout, { tables }: TileRow, { name, node: declared }: Layout['fields'][number], place: Placing): FieldWriter {
  const node = declared as AddedUp;
  const leaf = firstLeaf(node);
  const { table: number, at } = layout.place(leaf);
  const table = tables[number]!;
  if (node.kind === 'quantiles') return quantilesWriter(table, at, node, node.at.map((q) => place(name, quantileName(q))));
  const value = valueOf(layout, table, node);
  if (leaf.by !== undefined) return groupsWriter(table, name, node, value, place);
  const own = place(name);
  return (found) => void (found.always[own] = value(0));
}

/** A leaf or ratio by groups: its total, then each group. A group of which nothing was counted is left out; a minimum or ratio of 0 is something. A ratio has no total. */
function groupsWriter(table: RowTable, name: string, node: AddedUp, value: SlotValue, place: Placing): FieldWriter {
  const op = node.kind === 'leaf' ? node.leaf.op : undefined;
  const addsUp = op === 'count' || op === 'sum';
  const own = op === undefined ? -1 : place(name);
  const places: number[] = [];
  return (found) => {
    const { slots, count } = table;
    let total = addsUp ? 0 : Number.NaN;
    for (let i = 0; i < count; i++) {
      const slot = slots[i]!;
      const x = value(slot);
      if (x !== x || (addsUp && x === 0)) continue;
      if (addsUp) total += x;
      else if (total !== total || (op === 'min' ? x < total : x > total)) total = x;
      const at = found.count++;
      found.places[at] = places[slot] ??= place(name, String(table.group(slot)));
      found.numbers[at] = x;
    }
    if (own >= 0) found.always[own] = total;
  };
}

/** Quantiles of counted buckets, by the value that stands for a bucket. */
function quantilesWriter(table: RowTable, at: number, { leaf, at: quantiles }: Extract<AddedUp, { kind: 'quantiles' }>, places: readonly number[]): FieldWriter {
  const { accuracy } = leaf.by!;
  /** By slot. */
  const known: number[] = [];
  return (found) => {
    const { slots, count, cells, stride } = table;
    let total = 0;
    for (let i = 0; i < count; i++) total += cells[slots[i]! * stride + at]!;
    for (let q = 0; q < places.length; q++) {
      const rank = Math.floor(quantiles[q]! * (total - 1));
      let value = Number.NaN;
      for (let i = 0, seen = 0; i < count; i++) {
        const slot = slots[i]!;
        const n = cells[slot * stride + at]!;
        if (n === 0 || (seen += n) <= rank) continue;
        value = known[slot] ??= bucketValue(table.group(slot) as number, accuracy);
        break;
      }
      found.always[places[q]!] = value;
    }
  };
}

/** The value of a leaf or ratio in a slot of its table; NaN is null. */
type SlotValue = (slot: number) => number;

function valueOf(layout: Layout, table: RowTable, node: AddedUp): SlotValue {
  if (node.kind === 'ratio') {
    const [over, under] = [valueOf(layout, table, node.over as AddedUp), valueOf(layout, table, node.under as AddedUp)];
    return (slot) => {
      const by = under(slot);
      return by === 0 ? Number.NaN : over(slot) / by;
    };
  }
  const { leaf, at } = layout.place(node.leaf);
  const { stride } = table;
  if (leaf.op === 'count') return (slot) => table.cells[slot * stride + at]!;
  return (slot) => readLeaf(leaf, table.cells, slot * stride + at);
}

/** All leaves of a node have the same group, or none has. */
function firstLeaf(node: AddedUp): Leaf {
  return node.kind === 'ratio' ? firstLeaf(node.over as AddedUp) : node.leaf;
}

function nameOf(text: string): FeatureName {
  // As engines keep the names of properties: a text that was put together is looked up in a table at each use.
  const key = Object.keys({ [text]: 0 })[0]!;
  return { key, json: `${JSON.stringify(text)}:` };
}
