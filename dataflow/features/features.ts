import type { AggregateNode } from '../aggregates/aggregate.js';
import { type Aggregates, layoutOf, type Layout } from '../accumulators/layout.js';
import type { Aggregate } from '../aggregates/aggregate.js';
import { type Duration, durationMs } from '../duration.js';
import { HeadraceError } from '../errors.js';
import { checkOptions } from '../known-options.js';
import type { ColumnExpression, Expression } from '../expression.js';
import { entityBytes } from '../state/state-table.js';
import { type AnyTopic, definition, type View } from '../topic.js';

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

/** Feature values by name: `clicks_24h`, and behind those by group `clicks_24h{Comedy}`, of which only those that something was counted of are there; null where there is nothing to divide. */
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
    if (!('node' in declared) || !addsUp(declared.node)) {
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

/** State key of the tiles of an entity within an hour, which begins at `start` (epoch ms); a task that does not own the entity adds its number. Those of an entity lie together, in the order of time. */
export function hourKey(entity: Uint8Array, start: number): Uint8Array {
  const named = entityBytes(entity);
  const key = Buffer.allocUnsafe(tilePrefix.length + named.length + 8);
  key.set(tilePrefix);
  key.set(named, tilePrefix.length);
  putTime(key, start, tilePrefix.length + named.length);
  return key;
}

/** The same of an entity by its name: its bytes as `entityBytes` writes them, as text, without their end. */
export function namedHourKey(name: string, start: number): Uint8Array {
  const key = Buffer.allocUnsafe(tilePrefix.length + name.length + 2 + 8);
  key.set(tilePrefix);
  const end = tilePrefix.length + key.write(name, tilePrefix.length, 'latin1');
  key[end] = 0;
  key[end + 1] = 0;
  putTime(key, start, end + 2);
  return key;
}

function putTime(key: Buffer, time: number, at: number): void {
  const high = Math.floor(time / 2 ** 32);
  // offset by 2⁶³, so that times order as bytes
  const low = key.writeUInt32BE(high + 2 ** 31, at);
  key.writeUInt32BE(time - high * 2 ** 32, low);
}

/** Where the keys of an entity have the start of their hour. */
export function hourTime(entity: Uint8Array): number {
  return tilePrefix.length + entityBytes(entity).length;
}

/** Start of the hour that a key names (epoch ms). @param at see `hourTime` */
export function hourOf(key: Uint8Array, at: number): number {
  return (uint32(key, at) - 2 ** 31) * 2 ** 32 + uint32(key, at + 4);
}

function uint32(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}

/** Start of the hour that a time lies in. */
export function hourStart(time: number): number {
  return Math.floor(time / paneMs.large) * paneMs.large;
}

/** First byte of tile keys; others hold what a set keeps beside its tiles. */
export const tilePrefix = Buffer.of(1);

/** First byte of the keys that hold the newest event time of each task. */
export const newestPrefix = 3;

/** In words: tiles of another form cannot be read. It changes with what is counted, and with how that is written. */
export function tileForm({ layout }: Pick<FeatureSet, 'layout'>): string {
  return `sparse ${layout.text}`;
}

/** The same of tiles as they are kept in state. */
export function tilesForm(set: Pick<FeatureSet, 'layout'>): string {
  return `hours of ${tileForm(set)}`;
}

/** State key of the form that the tiles were written with. */
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
