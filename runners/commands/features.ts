import { embeddedFeatures } from '../../connectors/embedded/embedded-features.js';
import { HeadraceError } from '../../dataflow/errors.js';
import { featureSql } from '../../dataflow/features/feature-sql.js';
import { type FeatureSet, paneMs } from '../../dataflow/features/features.js';
import type { FeatureAnswer, FeatureStore } from '../../dataflow/ports/feature-store.js';
import { definition } from '../../dataflow/topic.js';
import { explainFeature, type ExplainedEvent } from '../../serving/explain-feature.js';
import { topFeatures } from '../../serving/top-features.js';
import { createRecordReader } from '../engine/record-rows.js';
import { buildGraph } from '../engine/task.js';
import { loadPipeline } from '../load-pipeline.js';
import { type OpenRuntime, openRuntime } from '../open-runtime.js';
import { formatNumber } from '../terminal/number-format.js';
import { table } from '../terminal/table.js';
import { timeOption, usageError, wholeNumber } from './arguments.js';
import { type Call, type Command, exitCodes } from './command.js';
import { checkSet } from './features-check.js';
import { didYouMean } from './nearest-name.js';

/** `headrace features`: what the pipelines know of users, items and creators. */
export const featuresCommand: Command = {
  name: 'features',
  usage: ['features list', 'features get SET ID [--at T]', 'features top SET --by NAME --window W [--limit N] [--min-events N] [--at T]', 'features explain SET ID FEATURE [--at T]', 'features sql SET --as-of T', 'features check SET [--sample 1%] [--as-of T | --times N [--seed S]]'],
  about:
    'Looks features up: `features get user u42`. SET is a feature set of the pipeline (user or users, item, creator). --at answers as of a past\n' +
    'time, rounded down to 5 minutes; without it the newest state answers. A window W at time T covers [T - W, T), its start rounded down\n' +
    'to the pane: 5 minutes for windows under 12 hours, 1 hour above. explain lists the panes and events that make a value.\n' +
    'sql prints ClickHouse SQL that computes the set from a table with the records of its topic: for a backfill, or a training set as of a past time.\n' +
    'check runs that SQL over the topic in ClickHouse in this process (npm install chdb), and compares; if anything differs the exit code is 3.',
  options: {
    at: { value: 'T', what: 'as of this time (2026-11-01, ISO 8601 with zone, or epoch ms)' },
    by: { value: 'NAME', what: 'top: the feature to order by, without its window (ctr)' },
    window: { value: 'W', what: 'top: the window (24h)' },
    limit: { value: 'N', what: 'top: how many (default 20)' },
    'min-events': { value: 'N', what: 'top: leave out entities with fewer events in the window (default 0)' },
    'as-of': { value: 'T', what: 'sql, check: as of this time, rounded down to 5 minutes (check: the newest)' },
    sample: { value: 'SHARE', what: 'check: the part of the entities, by the hash of their key: 1% (default all)' },
    times: { value: 'N', what: 'check: as of N random times instead of one' },
    seed: { value: 'S', what: 'check: another number gives other random times (default 1)' },
    pipeline: { value: 'P', what: 'name or file of the pipeline (default click-features)' },
  },
  operands: [1, 4],
  async run(call) {
    const [verb, set, ...rest] = call.operands;
    const looking = (use: (lookup: Lookup) => Promise<number | void>) => (declared: Declared) => withLookup(call, declared, use);
    const verbs: Readonly<Record<string, { readonly operands: number; readonly run: (declared: Declared) => Promise<number | void> }>> = {
      list: { operands: 0, run: looking((lookup) => list(call, lookup)) },
      get: { operands: 2, run: (declared) => get(call, declared, findSet(declared, set!), rest[0]!) },
      top: { operands: 1, run: looking((lookup) => top(call, lookup, findSet(lookup, set!))) },
      explain: { operands: 3, run: looking((lookup) => explain(call, lookup, findSet(lookup, set!), rest[0]!, rest[1]!)) },
      sql: { operands: 1, run: (declared) => sql(call, findSet(declared, set!)) },
      check: { operands: 1, run: looking(({ runtime, pipeline, sets }) => checkSet(call, runtime, pipeline, findSet({ sets }, set!))) },
    };
    const chosen = Object.hasOwn(verbs, verb!) ? verbs[verb!]! : undefined;
    if (chosen === undefined) throw usageError(call.command, `There is no \`features ${verb}\`; there are ${Object.keys(verbs).join(', ')}.${didYouMean(verb!, Object.keys(verbs))}`);
    if (call.operands.length - 1 !== chosen.operands) {
      throw usageError(call.command, `This is called as ${featuresCommand.usage.filter((u) => u.startsWith(`features ${verb}`)).map((u) => `headrace ${u}`).join('')}.`);
    }
    const source = call.options.get('pipeline') ?? 'click-features';
    const pipeline = await loadPipeline(source);
    const sets = buildGraph(pipeline).steps.flatMap((step) => (step.features === undefined ? [] : [step.features]));
    if (sets.length === 0) throw new HeadraceError('HR_FEATURE', `The pipeline ${pipeline.name} has no features: it has no tiles(…) step.`);
    return (await chosen.run({ sets, pipeline: pipeline.name })) ?? exitCodes.done;
  },
};

/** What a pipeline declares. */
interface Declared {
  readonly sets: readonly FeatureSet[];
  readonly pipeline: string;
}

/** The same, with what is stored. */
interface Lookup extends Declared {
  readonly runtime: OpenRuntime;
  readonly store: FeatureStore;
}

async function withLookup(call: Call, declared: Declared, use: (lookup: Lookup) => Promise<number | void>): Promise<number | void> {
  const runtime = await openRuntime({ dataDir: call.dataDir, kafka: call.kafka, mode: 'read', pipeline: declared.pipeline, warn: call.notice });
  try {
    return await use({ ...declared, runtime, store: embeddedFeatures(runtime.state, declared.pipeline) });
  } finally {
    await runtime.close();
  }
}

function findSet({ sets }: Pick<Declared, 'sets'>, name: string): FeatureSet {
  const found = sets.find((s) => s.name === name || `${s.name}s` === name);
  if (found !== undefined) return found;
  const names = sets.map((s) => s.name);
  throw new HeadraceError('HR_FEATURE', `There is no feature set "${name}"; there are ${names.join(', ')}.${didYouMean(name, names)}`);
}

async function sql(call: Call, set: FeatureSet): Promise<number> {
  const at = timeOption(call, 'as-of');
  if (at === undefined) throw usageError(call.command, 'Say as of when: --as-of 2026-11-01.');
  const { text, columns } = featureSql(set, { at });
  await call.output.print({ set: set.name, table: set.of.topic[definition].name, columns, sql: text }, () => text.trimEnd());
  return exitCodes.done;
}

async function list(call: Call, { sets }: Lookup): Promise<void> {
  for (const set of sets) {
    const values = set.layout.fields.map((f) => f.name);
    const windows = set.windows.map((w) => w.name);
    await call.output.print({ set: set.name, key: set.key.columnName, of: set.of.topic[definition].name, windows, values }, () => `${set.name}: ${values.join(', ')}; each over ${windows.join(', ')}`);
  }
}

async function get(call: Call, declared: Declared, set: FeatureSet, id: string): Promise<number> {
  const past = timeOption(call, 'at');
  if (call.redis === undefined || past !== undefined) {
    await withLookup(call, declared, ({ store }) => printFeatures(call, set, id, store.get(set, id, past)));
    return exitCodes.done;
  }
  const { redisFeatures } = await import('../../connectors/redis/redis-features.js');
  const reader = redisFeatures(call.redis);
  try {
    const [answer] = await reader.get(set, [id]);
    await printFeatures(call, set, id, answer!);
    return exitCodes.done;
  } finally {
    await reader.close();
  }
}

async function printFeatures(call: Call, set: FeatureSet, id: string, { at, features }: FeatureAnswer): Promise<void> {
  const time = new Date(at).toISOString();
  await call.output.print({ entity: set.name, id, at: time, features }, () => {
    // each group below its total
    const rows = new Map<string, string[][]>();
    for (const [name, value] of Object.entries(features)) {
      const total = name.replace(/\{.*\}$/s, '');
      rows.set(total, [...(rows.get(total) ?? []), [name, value === null ? '-' : shown(value)]]);
    }
    const isEmpty = Object.values(features).every((value) => value === null || value === 0);
    return `${set.name} ${id} at ${time}${isEmpty ? `: nothing was counted in ${set.windows.map((w) => w.name).join(', ')}` : ''}\n${table(['feature', 'value'], [...rows.values()].flat())}`;
  });
}

async function top(call: Call, { store }: Lookup, set: FeatureSet): Promise<void> {
  const by = call.options.get('by');
  const window = call.options.get('window');
  if (by === undefined) throw usageError(call.command, 'Say what to order by: --by ctr.');
  if (window === undefined) throw usageError(call.command, `Say which window: --window ${set.windows[0]!.name}.`);
  const feature = window === '' ? by : `${by}_${window}`;
  const minEvents = wholeNumber(call, 'min-events', 0);
  const ranked = topFeatures(store, set, feature, { limit: wholeNumber(call, 'limit', 1) ?? 20, at: timeOption(call, 'at'), ...(minEvents === undefined ? {} : { events: minEvents }) });
  if (call.json) {
    let rank = 0;
    for (const { entity, value, at } of ranked) {
      rank += 1;
      await call.output.print({ rank, entity: set.name, id: entity, feature, value, at: new Date(at).toISOString() }, () => '');
    }
  } else await call.output.print(ranked, () => table(['', set.name, feature], ranked.map(({ entity, value }, i) => [`${i + 1}`, entity, shown(value)])));
}

async function explain(call: Call, { runtime, store }: Lookup, set: FeatureSet, id: string, feature: string): Promise<void> {
  const asked = timeOption(call, 'at') ?? store.newest(set) ?? 0;
  const at = Math.floor(asked / paneMs.small) * paneMs.small;
  const topic = set.of.topic[definition];
  const reader = createRecordReader(topic, runtime.registry);
  const known = (await runtime.log.topics()).find((t) => t.name === topic.name);
  const panes = await explainFeature(set, {
    log: runtime.log,
    partitions: known?.partitions ?? 0,
    async readRows(block, partition) {
      await reader.learn(block);
      return reader.decode(block, partition).map((run) => run.rows);
    },
    entity: id,
    feature,
    at,
    origin: (row, event): ExplainedEvent =>
      typeof row.originPartition === 'number' && typeof row.originOffset === 'number' ? { ...event, topic: 'clicks', partition: row.originPartition, offset: row.originOffset } : event,
  });
  const { features } = store.get(set, id, at);
  const value = features[feature] ?? null;
  const events = panes.reduce((sum, p) => sum + p.events.length, 0);
  const iso = (t: number) => new Date(t).toISOString();
  await call.output.print(
    {
      entity: set.name,
      id,
      feature,
      at: iso(at),
      value,
      events,
      panes: panes.map((p) => ({ start: iso(p.start), end: iso(p.end), events: p.events.map((e) => ({ ...e, timestamp: iso(e.timestamp) })) })),
    },
    () =>
      [
        `${set.name} ${id}: ${feature} is ${value === null ? 'null' : shown(value)} at ${iso(at)}, from ${formatNumber(events)} events in ${formatNumber(panes.length)} panes`,
        ...panes.flatMap((p) => [`  ${iso(p.start)} to ${iso(p.end)}`, ...p.events.map((e) => `    ${iso(e.timestamp)}  ${e.topic}/${e.partition} offset ${e.offset}`)]),
      ].join('\n'),
  );
}

function shown(value: number): string {
  return Number.isInteger(value) ? formatNumber(value) : String(Number(value.toPrecision(6)));
}
