import type { Column } from '../schemas/column.js';
import { Batch, columnRows, type KeyedBy } from './batch.js';
import { Dictionary } from './dictionary.js';
import { Pane } from './accumulators/pane.js';
import type { Layout } from './accumulators/layout.js';

/** Adds records up that go to one task: gives what is sent in their place. */
export type Combiner = (batches: readonly Batch<unknown>[]) => Batch<unknown>[];

/** A step that brings records to other tasks offers to add them up before: to the one step behind it, which takes that or leaves it. */
export interface Combining {
  /** The stream that carries the offer: through other steps it does not hold. */
  readonly of: unknown;
  combine(combiner: Combiner): void;
}

/** What has been added up of one pane: its bytes, where it begins, and of how many records it is made. */
export interface PartialPane {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly records: number;
}

const paneColumn = '~pane';

/** Whether the accumulators of a layout mean the same in another task, and do not depend on who adds records up. */
export function isCombinable({ tables, customs }: Layout): boolean {
  return customs.length === 0 && tables.every(({ group, leaves }) => group?.kind !== 'labels' && leaves.every(({ leaf }) => leaf.op !== 'first' && leaf.op !== 'last'));
}

/** Records of this many are looked at to see whether adding up repays. */
const sampled = 512;
/** Keys among them for one record, at most. */
const mostKeys = 0.5;

/** Tells whether the records of a tick have so few keys that fewer rows would go out. The answer follows from the records alone, so that a replay gives the same. Cost: a look-up for the first 512 records. */
export function combiningTest(): (batches: readonly Batch<unknown>[]) => boolean {
  const keys = new Dictionary();
  const ids = new Int32Array(sampled);
  return (batches) => {
    keys.clear();
    let seen = 0;
    for (const { key, length } of batches) {
      const n = Math.min(length, sampled - seen);
      keys.internAll(key!, n, ids);
      seen += n;
      if (seen === sampled) break;
    }
    return keys.size <= mostKeys * seen;
  };
}

/**
 * Adds records up in panes. The same records give the same bytes.
 *
 * @param paneStart where the pane of an event time begins
 */
export function paneCombiner(layout: Layout, paneStart: (time: number) => number): Combiner {
  let ids = new Int32Array(sampled);
  return (batches) => {
    const panes = new Map<number, { readonly pane: Pane; records: number }>();
    const addTo = (start: number, batch: Batch<unknown>) => {
      let known = panes.get(start);
      if (known === undefined) panes.set(start, (known = { pane: new Pane(layout, layout.tables.map(() => undefined), start), records: 0 }));
      if (ids.length < batch.length) ids = new Int32Array(batch.length * 2);
      known.pane.add(batch, ids);
      known.records += batch.length;
    };
    for (const batch of batches) for (const [start, rows] of byPane(batch.times, paneStart)) addTo(start, rows === undefined ? batch : batch.select(Int32Array.from(rows)));
    const parts = [...panes].map(([start, { pane, records }]): PartialPane => ({ bytes: pane.delta(true)!, start, records }));
    return [partialBatch(parts, batches[0]!.keyedBy)];
  };
}

/** The rows of each pane, in the order of first sight; undefined: all rows, which are of one pane. */
export function byPane(times: Float64Array, paneStart: (time: number) => number): Iterable<readonly [number, readonly number[] | undefined]> {
  let least = Number.POSITIVE_INFINITY;
  let most = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < times.length; i++) {
    const t = times[i]!;
    if (t < least) least = t;
    if (t > most) most = t;
  }
  const first = paneStart(least);
  if (first === paneStart(most)) return [[first, undefined]];
  const panes = new Map<number, number[]>();
  for (let i = 0; i < times.length; i++) {
    const start = paneStart(times[i]!);
    const rows = panes.get(start);
    if (rows === undefined) panes.set(start, [i]);
    else rows.push(i);
  }
  return panes;
}

function partialBatch(parts: readonly PartialPane[], keyedBy: KeyedBy | undefined): Batch<unknown> {
  const columns = new Map<string, Column>([
    [paneColumn, { kind: 'object', data: parts.map(({ bytes }) => bytes) }],
    ['~start', { kind: 'number', data: Float64Array.from(parts, ({ start }) => start) }],
    ['~records', { kind: 'number', data: Float64Array.from(parts, ({ records }) => records) }],
  ]);
  return new Batch<unknown>(columnRows(parts.length, columns), Float64Array.from(parts, ({ start }) => start), undefined, keyedBy);
}

/** What a combiner has made, or undefined where a batch has records. */
export function partialsOf(batch: Batch<unknown>): PartialPane[] | undefined {
  if (batch.rows.names?.[0] !== paneColumn) return undefined;
  const panes = batch.field(paneColumn) as { readonly data: readonly Uint8Array[] };
  const numbers = (name: string) => (batch.field(name) as { readonly data: Float64Array }).data;
  return panes.data.map((bytes, i) => ({ bytes, start: numbers('~start')[i]!, records: numbers('~records')[i]! }));
}
