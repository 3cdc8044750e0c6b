import { cell, type Column } from '../../schemas/column.js';
import { columnFrom } from '../column-from.js';
import type { AggregateNode, Leaf } from '../aggregates/aggregate.js';
import { quantileName } from '../aggregates/quantiles.js';
import { bucketQuantile } from './buckets.js';
import { everyRow } from './every-row.js';
import { type OtherValues, readLeaf } from './leaf-loops.js';
import type { Pane } from './pane.js';

/** The results of all rows of a pane (or of `rows`), a column a field. Cost: one pass a field; groups make one object a row. */
export function resultColumns(pane: Pane, rows?: Int32Array): Map<string, Column> {
  const chosen = rows ?? everyRow(pane.size);
  const columns = new Map<string, Column>();
  for (const { name, node, custom } of pane.layout.fields) {
    if (node === undefined) {
      const { init, result } = pane.layout.customs[custom]!;
      columns.set(name, { kind: 'object', data: Array.from(chosen, (row) => result(row in pane.customs[custom]! ? pane.customs[custom]![row] : init())) });
    } else columns.set(name, nodeColumn(pane, node, chosen));
  }
  return columns;
}

function nodeColumn(pane: Pane, node: AggregateNode, rows: Int32Array): Column {
  if (node.kind === 'quantiles') return { kind: 'object', data: Array.from(rows, (row) => quantilesOf(pane, node, row)) };
  if (node.kind === 'distinct' || node.kind === 'sketch') return { kind: 'number', data: distinctCounts(pane, node, rows) };
  const others = node.kind === 'leaf' ? othersOf(pane, node.leaf) : undefined;
  if (node.kind === 'derived') {
    const parts = node.parts.map((part) => nodeColumn(pane, part, rows));
    return columnFrom(Array.from({ length: rows.length }, (_, i) => node.result(parts.map((part) => cell(part, i)))));
  }
  const by = groupOf(node);
  if (by === undefined && others !== undefined) return columnFrom(Array.from(plain(pane, node, rows), (x, i) => others[rows[i]!] ?? (Number.isNaN(x) ? null : x)));
  const counts = node.kind === 'leaf' && node.leaf.op === 'count' ? node.leaf : undefined;
  if (by === undefined) {
    const data = counts && smallCounts(pane, counts, rows, 1);
    return data === undefined ? withNulls(plain(pane, node, rows)) : { kind: 'number', data };
  }
  const { table } = pane.layout.place(by);
  const { size, kind } = by.by!;
  if (kind === 'dense' && others !== undefined) {
    const numbers = denseValues(pane, node, rows, size);
    return { kind: 'object', data: Array.from(rows, (row, i) => Array.from({ length: size }, (_, g) => others[row * size + g] ?? numbers[i * size + g]!)) };
  }
  if (kind === 'dense') return { kind: 'vector', width: size, data: (counts && smallCounts(pane, counts, rows, size)) ?? denseValues(pane, node, rows, size) };
  const pairs = pane.pairs[table]!;
  const labels = pane.labels[table]!;
  // A group of which nothing was counted is left out; a minimum or ratio of 0 is something.
  const addsUp = node.kind === 'leaf' && (node.leaf.op === 'count' || node.leaf.op === 'sum');
  const texts = new Map<number, string>();
  const label = (group: number) => {
    let text = texts.get(group);
    if (text === undefined) texts.set(group, (text = Buffer.from(labels.key(group)).toString()));
    return text;
  };
  return {
    kind: 'object',
    data: Array.from(rows, (row) => {
      const entries: [string, unknown][] = [];
      for (let slot = pairs.first(row); slot >= 0; slot = pairs.next(slot)) {
        const value = evaluate(pane, node, slot);
        if (others?.[slot] !== undefined) entries.push([label(pairs.groupOf(slot)), others[slot]]);
        else if (!Number.isNaN(value) && !(addsUp && value === 0)) entries.push([label(pairs.groupOf(slot)), value]);
      }
      return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
    }),
  };
}

/** The first grouped leaf of a node: all leaves of a node have the same group, or none has. */
function groupOf(node: AggregateNode): Leaf | undefined {
  if (node.kind === 'ratio') return groupOf(node.over) ?? groupOf(node.under);
  if (node.kind === 'derived' || node.kind === 'distinct' || node.kind === 'sketch') return undefined;
  return node.leaf.by === undefined ? undefined : node.leaf;
}

/** Value of a node in slot `slot` of its table; NaN is null. */
function evaluate(pane: Pane, given: AggregateNode, slot: number): number {
  const node = given as PlainNode;
  if (node.kind === 'ratio') {
    const under = evaluate(pane, node.under, slot);
    return under === 0 ? Number.NaN : evaluate(pane, node.over, slot) / under;
  }
  const { leaf, table, at } = pane.layout.place(node.leaf);
  const slab = pane.slabs[table]!;
  return readLeaf(leaf, slab.data, slot * slab.stride + at);
}

/** Group g of row i at [i * size + g], in half of the memory; undefined where a count is too large for that. */
function smallCounts(pane: Pane, leaf: Leaf, rows: Int32Array, size: number): Int32Array | undefined {
  const { table, at } = pane.layout.place(leaf);
  const { data, stride, limit } = pane.slabs[table]!;
  const out = new Int32Array(rows.length * size);
  if (limit < Number.POSITIVE_INFINITY) {
    for (let i = 0, k = 0; i < rows.length; i++) {
      for (let cell = rows[i]! * size * stride + at, end = cell + size * stride; cell < end; cell += stride, k++) out[k] = data[cell]!;
    }
    return out;
  }
  for (let i = 0, k = 0; i < rows.length; i++) {
    for (let cell = rows[i]! * size * stride + at, end = cell + size * stride; cell < end; cell += stride, k++) {
      out[k] = data[cell]!;
      if (out[k] !== data[cell]) return undefined;
    }
  }
  return out;
}

/** Group g of row i at [i * size + g]; null is NaN. */
function denseValues(pane: Pane, given: AggregateNode, rows: Int32Array, size: number): Float64Array {
  const node = given as PlainNode;
  const out = new Float64Array(rows.length * size);
  if (node.kind === 'ratio') {
    const over = denseValues(pane, node.over, rows, size);
    const under = denseValues(pane, node.under, rows, size);
    for (let k = 0; k < out.length; k++) out[k] = under[k] === 0 ? Number.NaN : over[k]! / under[k]!;
    return out;
  }
  const { leaf, table, at } = pane.layout.place(node.leaf);
  const { data, stride } = pane.slabs[table]!;
  for (let i = 0, k = 0; i < rows.length; i++) {
    for (let from = rows[i]! * size, g = 0; g < size; g++) out[k++] = readLeaf(leaf, data, (from + g) * stride + at);
  }
  return out;
}

/** How many values of each row were counted at least once, or about how many. */
function distinctCounts(pane: Pane, { kind, leaf }: Extract<AggregateNode, { kind: 'distinct' | 'sketch' }>, rows: Int32Array): Float64Array {
  const { table, at } = pane.layout.place(leaf);
  if (kind === 'sketch') return Float64Array.from(rows, (row) => pane.sketches[table]!.estimate(row));
  const pairs = pane.pairs[table]!;
  const { data, stride } = pane.slabs[table]!;
  const out = new Float64Array(rows.length);
  for (let i = 0; i < out.length; i++) for (let slot = pairs.first(rows[i]!); slot >= 0; slot = pairs.next(slot)) if (data[slot * stride + at]! > 0) out[i]!++;
  return out;
}

/** The values of a first or last that are no numbers, where there are any. */
function othersOf(pane: Pane, leaf: Leaf): OtherValues | undefined {
  const { table, at } = pane.layout.place(leaf);
  return pane.others[table]!.get(at);
}

/** The nodes that have one number a row. */
type PlainNode = Extract<AggregateNode, { kind: 'leaf' | 'ratio' }>;

function plain(pane: Pane, given: AggregateNode, rows: Int32Array): Float64Array {
  if (given.kind === 'distinct' || given.kind === 'sketch') return distinctCounts(pane, given, rows);
  if (given.kind === 'derived' || given.kind === 'quantiles') return Float64Array.from({ length: rows.length }, (_, i) => Number(cell(nodeColumn(pane, given, rows), i) ?? Number.NaN));
  const node: PlainNode = given;
  const n = rows.length;
  const out = new Float64Array(n);
  if (node.kind === 'ratio') {
    const over = plain(pane, node.over, rows);
    const under = plain(pane, node.under, rows);
    for (let i = 0; i < n; i++) out[i] = under[i] === 0 ? Number.NaN : over[i]! / under[i]!;
    return out;
  }
  const { leaf, table, at } = pane.layout.place(node.leaf);
  const { data, stride } = pane.slabs[table]!;
  if (leaf.op === 'count') for (let i = 0; i < n; i++) out[i] = data[rows[i]! * stride + at]!;
  else for (let i = 0; i < n; i++) out[i] = readLeaf(leaf, data, rows[i]! * stride + at);
  return out;
}

function withNulls(data: Float64Array): Column {
  let nulls: Uint8Array | undefined;
  for (let i = 0; i < data.length; i++) if (data[i] !== data[i]) (nulls ??= new Uint8Array(data.length))[i] = 1;
  return { kind: 'number', data, nulls };
}

function quantilesOf(pane: Pane, node: QuantilesNode, row: number): Record<string, number | null> {
  const counted = countedBuckets(pane, node, row);
  return Object.fromEntries(node.at.map((q) => [quantileName(q), bucketQuantile(counted, q, node.leaf.by!.accuracy)]));
}

type QuantilesNode = Extract<AggregateNode, { kind: 'quantiles' }>;

/** The buckets of a row that something was counted in, in order, with how much. */
function countedBuckets(pane: Pane, { leaf }: QuantilesNode, row: number): [bucket: number, count: number][] {
  const { table, at } = pane.layout.place(leaf);
  const pairs = pane.pairs[table]!;
  const { data, stride } = pane.slabs[table]!;
  const counted: [number, number][] = [];
  for (let slot = pairs.first(row); slot >= 0; slot = pairs.next(slot)) {
    const n = data[slot * stride + at]!;
    if (n > 0) counted.push([pairs.groupOf(slot), n]);
  }
  return counted.length > 1 ? counted.sort(([a], [b]) => a - b) : counted;
}
