import { embeddedFeatures } from '../connectors/embedded/embedded-features.js';
import { type Chdb, openChdb } from '../connectors/clickhouse/open-chdb.js';
import type { Batch } from '../dataflow/batch.js';
import { HeadraceError } from '../dataflow/errors.js';
import { featureSql, featuresOfRow } from '../dataflow/features/feature-sql.js';
import { featuresAt, noTiles } from '../dataflow/features/feature-values.js';
import { type FeatureSet, type FeatureValues, paneMs, windowStart } from '../dataflow/features/features.js';
import { keySample } from '../dataflow/key-sample.js';
import type { LogClient } from '../dataflow/ports/log-client.js';
import type { SchemaRegistry } from '../dataflow/ports/schema-registry.js';
import { maxKeyBytes, type StateBackend } from '../dataflow/ports/state-backend.js';
import { relativeDifference } from '../dataflow/relative-difference.js';
import { splitmix } from '../dataflow/splitmix.js';
import { recordTime } from '../dataflow/sql/sql-columns.js';
import { sqlName } from '../dataflow/sql/sql-text.js';
import { textColumn } from '../dataflow/text-column.js';
import { definition } from '../dataflow/topic.js';
import { entityBytes, entityOf } from '../dataflow/state/state-table.js';
import { createInput } from './engine/input.js';
import { createRecordReader } from './engine/record-rows.js';

/** How a feature set is checked. */
export interface CheckOptions {
  /** Topics and state of the pipeline that keeps the set. */
  readonly runtime: { readonly log: LogClient; readonly state: StateBackend; readonly registry: SchemaRegistry };
  readonly pipeline: string;
  /** Share of the entities, by the hash of their key. @default 1: all */
  readonly share?: number;
  /** Times (epoch ms), or random ones. @default the newest */
  readonly times?: readonly number[] | { readonly count: number; readonly seed: number };
  /** ClickHouse to run the SQL in; the topic becomes a table there. @default one of its own */
  readonly chdb?: Chdb;
  /** Told what is done: records read, then look-ups compared. */
  readonly onProgress?: (phase: 'reading' | 'comparing', done: number, total: number) => void;
}

/** How the values of a feature agree, groups together. */
export interface FeatureAgreement {
  readonly feature: string;
  /** Values that are there on both sides. */
  readonly compared: number;
  /** Of these, those that differ: whole numbers at all, others by more than `tolerance`, relatively. */
  readonly mismatch: number;
  /** Values that SQL has and the stream has not. */
  readonly missing: number;
  /** Values that the stream has and SQL has not. */
  readonly extra: number;
  /** Symmetric mean absolute percentage error of the values on both sides, from 0 to 2. */
  readonly smape: number;
}

/** A value that is not the same on both sides; null: there is none. */
export interface FeatureDifference {
  readonly entity: string;
  readonly at: number;
  readonly feature: string;
  readonly stream: number | null;
  readonly sql: number | null;
}

/** What a check has found. */
export interface CheckResult {
  readonly equal: boolean;
  readonly records: number;
  readonly entities: number;
  readonly times: readonly number[];
  readonly features: readonly FeatureAgreement[];
  /** The first `differencesKept`. */
  readonly differences: readonly FeatureDifference[];
}

/** Relative difference up to which two fractions are the same: sums are rounded once on either side, and powers to a few bits. */
export const tolerance = 1e-12;

/** Differences under this one do not count: SQL adds fractions as multiples of 2^-150. */
const smallest = 1e-30;

/** Differences that a check keeps. */
export const differencesKept = 10;

const rowsAtOnce = 16_384;

/**
 * Compares what the stream has stored of a feature set with what its SQL gives over the records of its topic, in ClickHouse in this process.
 *
 * *Details*: the records are those that the pipeline has taken, and their bad ones are left out as there. They go into a temporary table with the columns that the SQL reads. Entities
 * are those of the records and those of the stream.
 *
 * @throws HR_CHDB, HR_FEATURE_SQL, HR_FEATURE; HR_OFFSET_GONE where retention has deleted records of a window
 * @example
 * const runtime = openEmbedded({ dataDir: '.headrace', mode: 'read' });
 * const { equal } = await checkFeatures(userFeatures, { runtime, pipeline: 'click-features', share: 0.01, times: { count: 100, seed: 1 } });
 */
export async function checkFeatures<T, N extends string>(given: FeatureSet<T, N>, options: CheckOptions): Promise<CheckResult> {
  const set = given as unknown as FeatureSet;
  const store = embeddedFeatures(options.runtime.state, options.pipeline);
  const newest = store.newest(set) ?? 0;
  featureSql(set, { at: newest });
  const chdb = options.chdb ?? (await openChdb());
  try {
    const share = options.share ?? 1;
    const loaded = await loadRecords(chdb, set, options, share);
    const times = chosenTimes(set, options, loaded, newest);
    const entities = await entitiesOf(chdb, set, share, store.entities(set));
    const tally = createTally(set);
    for (const [done, at] of times.entries()) {
      const rows = new Map((await chdb.query(featureSql(set, { at }).text)).map((row) => [String(row[set.key.columnName]), row]));
      const nothing = featuresAt({ ...set, derive: undefined }, noTiles, at);
      let looked = 0;
      for (const entity of entities) {
        const row = rows.get(entity);
        const declared = row === undefined ? nothing : { ...nothing, ...featuresOfRow(set, row) };
        tally.compare(entity, at, store.get(set, entity, at).features, set.derive === undefined ? declared : { ...declared, ...set.derive(declared, at) });
        looked += 1;
        if (looked % 1_024 === 0) options.onProgress?.('comparing', done * entities.length + looked, times.length * entities.length);
        // Lets signals and the progress line have their turn.
        if (looked % 8_192 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
    }
    const { features, differences } = tally.result();
    return { equal: features.every((f) => f.mismatch + f.missing + f.extra === 0), records: loaded.records, entities: entities.length, times, features, differences };
  } finally {
    if (options.chdb === undefined) await chdb.close();
  }
}

interface LoadedRecords {
  readonly records: number;
  /** Event times of random records. */
  readonly samples: readonly number[];
  /** All records with an event time after this one are there. */
  readonly completeFrom: number;
}

/** Puts the records of the sampled entities into a table named as the topic. */
async function loadRecords(chdb: Chdb, set: FeatureSet, options: CheckOptions, share: number): Promise<LoadedRecords> {
  const { log, registry } = options.runtime;
  const topic = set.of.topic[definition];
  const { columns: types } = featureSql(set, { at: 0 });
  const table = await chdb.createTable(topic.name, types);
  const isIn = keySample(share);
  const known = (await log.topics()).find((t) => t.name === topic.name);
  if (known === undefined) throw new HeadraceError('HR_TOPIC_MISSING', `There is no topic ${topic.name}, of which the feature set ${set.name} is made.`);
  const taken = new Map((await log.committed(options.pipeline))?.positions.filter((p) => p.topic === topic.name).map((p) => [p.partition, p.offset]));
  const bounds = await Promise.all(Array.from({ length: known.partitions }, (_, partition) => log.bounds(topic.name, partition)));
  const ends = bounds.map(({ end }, partition) => (taken.size === 0 ? end : Math.min(end, taken.get(partition) ?? 0)));
  const total = ends.reduce((sum, end, partition) => sum + Math.max(0, end - bounds[partition]!.start), 0);
  const drawn = drawnTimes(options);
  const random = splitmix(drawn?.seed ?? 0);
  const wanted = drawn?.count ?? 0;
  const samples: number[] = [];
  let seen = 0;
  let records = 0;
  let newest = Number.NEGATIVE_INFINITY;
  let isGone = false;
  let completeFrom = Number.NEGATIVE_INFINITY;
  const append = async (batch: Batch<unknown>) => {
    const keys = textColumn(batch.column(set.key as never), batch.length);
    const rows = new Int32Array(batch.length);
    let n = 0;
    for (let i = 0; i < batch.length; i++) {
      if (isIn(keys.bytes, keys.offset[i]!, keys.length[i]!)) rows[n++] = i;
      if (wanted === 0) continue;
      // Vitter's algorithm R.
      seen += 1;
      if (samples.length < wanted) samples.push(batch.times[i]!);
      else if (random.real() * seen < wanted) samples[random.below(wanted)] = batch.times[i]!;
    }
    if (n === 0) return;
    const chosen = batch.select(rows.subarray(0, n));
    await table.append(Object.fromEntries(Object.keys(types).map((name) => [name, name === recordTime ? chosen.times : chosen.field(name)])), n);
  };
  for (const [partition, { start }] of bounds.entries()) {
    const input = createInput({ log, reader: createRecordReader(topic, registry), topic, partition, tickMs: Number.MAX_SAFE_INTEGER, start: { offset: start, progress: Number.NEGATIVE_INFINITY } });
    let first = Number.POSITIVE_INFINITY;
    while (input.offset < ends[partition]!) {
      await input.prefetch(rowsAtOnce, ends[partition]!);
      for (let slice = input.take(Number.POSITIVE_INFINITY); slice !== undefined; slice = input.take(Number.POSITIVE_INFINITY)) {
        records += slice.count;
        if (slice.batch === undefined) continue;
        for (const t of slice.batch.times) {
          if (t < first) first = t;
          if (t > newest) newest = t;
        }
        await append(slice.batch as Batch<unknown>);
      }
      options.onProgress?.('reading', records, total);
    }
    if (start > 0 && first < Number.POSITIVE_INFINITY) completeFrom = Math.max(completeFrom, first);
    isGone ||= start > 0 && first === Number.POSITIVE_INFINITY;
  }
  // A partition of which nothing is left: what it had was older than the topic keeps.
  if (isGone) completeFrom = Math.max(completeFrom, newest - (Number.isFinite(known.retentionMs) ? known.retentionMs : 0));
  await table.finish();
  return { records, samples, completeFrom };
}

function drawnTimes({ times }: CheckOptions): { readonly count: number; readonly seed: number } | undefined {
  return times !== undefined && 'count' in times ? times : undefined;
}

/** The times at which sets are compared: random ones lie where records are in a window, from just behind one to the length of the longest window behind it. */
function chosenTimes(set: FeatureSet, options: CheckOptions, loaded: LoadedRecords, newest: number): readonly number[] {
  const longest = set.windows.reduce((a, b) => (b.ms > a.ms ? b : a));
  const pane = (t: number) => Math.floor(t / paneMs.small) * paneMs.small;
  const isKept = (at: number) => windowStart(longest, at) > loaded.completeFrom;
  const drawn = drawnTimes(options);
  if (drawn === undefined) {
    const times = ((options.times as readonly number[] | undefined) ?? [newest]).map(pane);
    const gone = times.find((at) => !isKept(at));
    if (gone === undefined) return times;
    throw new HeadraceError('HR_OFFSET_GONE', `Retention has deleted records of the window ${longest.name} at ${new Date(gone).toISOString()}: SQL cannot count them any more.`, { remedy: 'Check a later time.' });
  }
  const random = splitmix(drawn.seed);
  random.seed(1, 0);
  return loaded.samples.map((t) => pane(t + paneMs.small + random.real() * longest.ms)).filter(isKept);
}

/** The entities of the records and those of the stream that are in the sample, in order. */
async function entitiesOf(chdb: Chdb, set: FeatureSet, share: number, stored: Iterable<string>): Promise<readonly string[]> {
  const column = sqlName(set.key.columnName);
  const rows = await chdb.query(`SELECT DISTINCT toString(${column}) AS entity FROM ${sqlName(set.of.topic[definition].name)} WHERE isNotNull(${column})`);
  const entities = new Set(rows.map((row) => String(row.entity)));
  // A long name is stored cut, with a digest.
  const written = new Set([...entities].map((entity) => Buffer.from(entityOf(entityBytes(Buffer.from(entity)))).toString()));
  const isIn = keySample(share);
  for (const entity of stored) {
    const bytes = Buffer.from(entity);
    if (!written.has(entity) && bytes.length <= maxKeyBytes / 2 && !/ …[0-9a-f]{64}$/.test(entity) && isIn(bytes, 0, bytes.length)) entities.add(entity);
  }
  return [...entities].sort();
}

interface Tally {
  compare(entity: string, at: number, stream: FeatureValues, sql: FeatureValues): void;
  result(): { features: readonly FeatureAgreement[]; differences: readonly FeatureDifference[] };
}

function createTally(set: FeatureSet): Tally {
  const order = new Map(set.layout.fields.flatMap(({ name }) => set.windows.flatMap((w) => [`${name}_${w.name}`, `${name}_${w.name}{}`])).map((feature, i) => [feature, i]));
  const counts = new Map<string, { compared: number; mismatch: number; missing: number; extra: number; error: number }>();
  const differences: FeatureDifference[] = [];
  const names = new Map<string, string>();
  const countsOf = (name: string) => {
    let feature = names.get(name);
    if (feature === undefined) names.set(name, (feature = name.replace(/\{.*\}$/s, '{}')));
    let count = counts.get(feature);
    if (count === undefined) counts.set(feature, (count = { compared: 0, mismatch: 0, missing: 0, extra: 0, error: 0 }));
    return count;
  };
  return {
    compare(entity, at, stream, sql) {
      const differs = (feature: string, a: number | null, b: number | null) => {
        if (differences.length < differencesKept) differences.push({ entity, at, feature, stream: a, sql: b });
      };
      for (const name of Object.keys(stream)) {
        const count = countsOf(name);
        const a = stream[name] ?? null;
        const b = sql[name] ?? null;
        if (a !== null && b !== null) {
          count.compared += 1;
          if (a === b) continue;
          count.error += relativeDifference(a, b);
          if (isSame(a, b)) continue;
          count.mismatch += 1;
        } else if (a === b) continue;
        else if (a === null) count.missing += 1;
        else count.extra += 1;
        differs(name, a, b);
      }
      for (const name of Object.keys(sql)) {
        if (name in stream || sql[name] === null) continue;
        if (Object.keys(stream).some((s) => s.endsWith('{~other}'))) throw tooManyGroups(name);
        countsOf(name).missing += 1;
        differs(name, null, sql[name]!);
      }
    },
    result: () => ({
      // As they are declared; derived ones last.
      features: [...counts]
        .map(([feature, { error, ...count }]) => ({ feature, ...count, smape: count.compared === 0 ? 0 : error / count.compared }))
        .sort((a, b) => (order.get(a.feature) ?? order.size) - (order.get(b.feature) ?? order.size)),
      differences,
    }),
  };
}

function tooManyGroups(feature: string): HeadraceError {
  return new HeadraceError('HR_FEATURE_SQL', `The stream counts groups of ${feature.replace(/\{.*$/s, '')} together as ~other, since they are too many; which ones depends on the order in which they came.`);
}

function isSame(a: number, b: number): boolean {
  if (Number.isInteger(a) && Number.isInteger(b) && Math.abs(a) <= Number.MAX_SAFE_INTEGER) return a === b;
  return Math.abs(a - b) <= Math.max(tolerance * Math.max(Math.abs(a), Math.abs(b)), smallest);
}
