import { type AggregateNode, type Leaf, leafText } from '../aggregates/aggregate.js';
import { quantileName } from '../aggregates/quantiles.js';
import { bucketFunctions, quantileSql } from '../accumulators/buckets.js';
import { leafSql, type LeafSql } from '../accumulators/leaf-sql.js';
import { HeadraceError } from '../errors.js';
import { type FeatureSet, type FeatureValues, paneMs, windowStart } from './features.js';
import { recordTime, sqlColumn, type SqlColumnType, topicScope } from '../sql/sql-columns.js';
import { sqlName } from '../sql/sql-text.js';
import { sqlCondition, type SqlScope, sqlTextOf } from '../sql/sql-value.js';
import { definition } from '../topic.js';

/** SQL of a feature set. */
export interface FeatureSql {
  /** One `SELECT`: a row an entity, with the entity in the first column. */
  readonly text: string;
  /** The columns that it reads. */
  readonly columns: Readonly<Record<string, SqlColumnType>>;
}

/**
 * ClickHouse SQL that computes a feature set as of `at` from a table with the records of its topic: the definition that the stream compiles, said in another language.
 *
 * *Details*: each leaf of an aggregate is one aggregate function in the inner `SELECT`, for each window; features are made of those in the outer one, as `results.ts` makes them of cells. Entities
 * without a record in the longest window have no row. A grouped value is a `Map` named `clicks_7d{}`, with its total beside it. `derive` is JavaScript, and is left to whoever reads the rows.
 *
 * @param options `at`: epoch ms, rounded down to 5 minutes; `table`: @default the name of the topic
 * @throws HR_FEATURE_SQL for what SQL cannot say
 * @example featureSql(userFeatures, { at: Date.parse('2026-11-01T00:00:00Z') }).text
 */
export function featureSql<T, N extends string>(given: FeatureSet<T, N>, options: { readonly at: number; readonly table?: string }): FeatureSql {
  const set = given as unknown as FeatureSet;
  const topic = set.of.topic[definition];
  const at = Math.floor(options.at / paneMs.small) * paneMs.small;
  const used = new Set<string>();
  const scope = topicScope(topic, (name) => used.add(name));
  const key = set.key.sql(scope);
  const condition = set.of.condition === undefined ? [] : [sqlCondition(set.of.condition.sql(scope))];
  const time = topic.time ?? recordTime;
  used.add(time);
  const isClock = /DateTime64/.test(sqlColumn(topic, time).type);

  const names = uniqueNames([...topic.schema.fields.map((f) => f.name), ...set.layout.fields.flatMap((f) => set.windows.flatMap((w) => [`${f.name}_${w.name}`, `${f.name}_${w.name}{}`]))]);
  const windows = set.windows.map((window) => ({ name: window.name, start: windowStart(window, at), alias: names(`from_${window.name}`) }));
  const longest = windows.reduce((a, b) => (b.start < a.start ? b : a));
  const asOf = names('as_of');
  const bounds = [...windows.map(({ alias, start }) => ({ alias, time: start })), { alias: asOf, time: at }].map((b) => `  ${isClock ? clockText(b.time) : b.time} AS ${b.alias}`);
  const functions = [...new Set(set.layout.tables.flatMap(({ group }) => (group?.kind === 'buckets' ? bucketFunctions(group.accuracy) : [])))].map((f) => `  ${f}`);
  const within = windows.map((w) => (w.start === longest.start ? [] : [`${sqlName(time)} >= ${w.alias}`]));

  const leaves = innerLeaves(set, scope, within, names);
  const inner = [...leaves.values()].flatMap(({ columns }) => columns.map((c) => `${c.text} AS ${sqlName(c.alias)}`));
  const outer = set.layout.fields.flatMap(({ name, node }) => {
    if (node === undefined) throw new HeadraceError('HR_FEATURE_SQL', `${name} is a custom aggregate, which SQL cannot call.`);
    return windows.flatMap((window, w) => nodeColumns(node, `${name}_${window.name}`, (leaf) => leaves.get(leafText(leaf))!.columns[w]!));
  });

  const keyName = sqlName(set.key.columnName);
  const keyText = key.kind === 'text' ? key.text : `${sqlTextOf(key)} AS ${keyName}`;
  const where = [`${sqlName(time)} >= ${longest.alias}`, `${sqlName(time)} < ${asOf}`, ...(key.nullable ? [`isNotNull(${key.text})`] : []), ...condition];
  const columns = Object.fromEntries([...used].map((name) => [name, sqlColumn(topic, name).type]));
  const text = [
    `-- The features "${set.name}" as of ${new Date(at).toISOString()}: the records of ${topic.name} in [from_…, as_of).`,
    `-- Reads ${Object.entries(columns).map(([name, type]) => `${name} ${type}`).join(', ')}.`,
    ...(set.derive === undefined ? [] : ['-- What `derive` adds is computed from these columns at the look-up, by JavaScript.']),
    'WITH',
    [...bounds, ...functions].join(',\n'),
    'SELECT',
    [keyName, ...outer].map((line) => `  ${line}`).join(',\n'),
    'FROM (',
    '  SELECT',
    [keyText, ...inner].map((line) => `    ${line}`).join(',\n'),
    `  FROM ${sqlName(options.table ?? topic.name)}`,
    `  WHERE ${where.join(' AND ')}`,
    `  GROUP BY ${keyName}`,
    ')',
    '',
  ].join('\n');
  return { text, columns };
}

/** The values of a row of `featureSql`, named as look-ups name them. */
export function featuresOfRow(set: Pick<FeatureSet, 'key'>, row: Readonly<Record<string, unknown>>): FeatureValues {
  const values: Record<string, number | null> = {};
  for (const [name, value] of Object.entries(row)) {
    if (name === set.key.columnName) continue;
    if (name.endsWith('{}')) for (const [group, v] of Object.entries(value as Record<string, unknown>)) values[`${name.slice(0, -1)}${group}}`] = numberOf(v);
    else values[name] = numberOf(value);
  }
  return values;
}

/** An infinity within a map is a text. */
function numberOf(value: unknown): number | null {
  const number = typeof value === 'string' ? Number(value.replace('inf', 'Infinity')) : (value as number | null);
  return number === null || Number.isNaN(number) ? null : number;
}

interface InnerColumn extends LeafSql {
  readonly alias: string;
  readonly leaf: Leaf;
}

/** The aggregate functions: one a leaf and window. Leaves that are alike are computed once, as in the stream. */
function innerLeaves(set: FeatureSet, scope: SqlScope, within: readonly (readonly string[])[], names: (wanted: string) => string): Map<string, { columns: readonly InnerColumn[] }> {
  const known = new Map<string, { columns: readonly InnerColumn[] }>();
  const put = (leaf: Leaf, base: string, isFeature: boolean) => {
    if (known.has(leafText(leaf))) return;
    const columns = set.windows.map(({ name }, w): InnerColumn => {
      const sql = leafSql(leaf, scope, within[w]!);
      // Sums of 0 are left out of a feature, and are there to divide.
      const suffix = sql.shape === 'number' ? '' : sql.shape === 'buckets' ? '{buckets}' : leaf.op === 'sum' ? '{sums}' : '{}';
      const wanted = `${base}_${name}${suffix}`;
      return { ...sql, leaf, alias: isFeature && (suffix === '' || suffix === '{}') ? wanted : names(wanted) };
    });
    known.set(leafText(leaf), { columns });
  };
  // First those that are features themselves, so that the others find them under these names.
  for (const { name, node } of set.layout.fields) if (node?.kind === 'leaf' || node?.kind === 'quantiles') put(node.leaf, name, true);
  const visit = (node: AggregateNode, base: string): void => {
    if (node.kind === 'ratio') {
      visit(node.over, `${base}_over`);
      visit(node.under, `${base}_under`);
    } else if (node.kind === 'leaf') put(node.leaf, base, false);
    else if (node.kind !== 'quantiles') throw new HeadraceError('HR_FEATURE_SQL', `${base} is an aggregate that tiles do not add up.`);
  };
  for (const { name, node } of set.layout.fields) if (node !== undefined) visit(node, name);
  return known;
}

/** The columns of a feature in the outer `SELECT`. */
function nodeColumns(node: AggregateNode, feature: string, columnOf: (leaf: Leaf) => InnerColumn): string[] {
  if (node.kind === 'quantiles') {
    const buckets = sqlName(columnOf(node.leaf).alias);
    return node.at.map((q) => `${quantileSql(buckets, q, node.leaf.by!.accuracy)} AS ${sqlName(`${feature}{${quantileName(q)}}`)}`);
  }
  const columns = leavesOf(node).map(columnOf);
  const isFloat = columns.some((c) => c.float);
  if (columns[0]!.shape === 'number') {
    const text = valueSql(node, (leaf) => sqlName(columnOf(leaf).alias));
    const value = isFloat ? `if(isNaN(${text}), NULL, ${text})` : text;
    return [value === sqlName(feature) ? value : `${value} AS ${sqlName(feature)}`];
  }
  const map = (leaf: Leaf) => sqlName(columnOf(leaf).alias);
  const groups = sqlName(`${feature}{}`);
  if (node.kind === 'leaf') {
    const { op } = node.leaf;
    const own = map(node.leaf);
    if (op === 'count') return [`arraySum(mapValues(${own})) AS ${sqlName(feature)}`, own === groups ? own : `${own} AS ${groups}`];
    if (op === 'sum') {
      const shown = `mapFilter((k, v) -> v != 0${isFloat ? ' AND NOT isNaN(v)' : ''}, ${own})`;
      return [`arraySum(mapValues(${shown})) AS ${sqlName(feature)}`, `${shown} AS ${groups}`];
    }
    return [`if(empty(${own}), NULL, array${op === 'min' ? 'Min' : 'Max'}(mapValues(${own}))) AS ${sqlName(feature)}`, own === groups ? own : `${own} AS ${groups}`];
  }
  // Where the ratio is something, the group is among those of what it is divided by.
  const keys = map(lowest(node));
  const ratios = `mapApply((k, v) -> (k, toNullable(${valueSql(node, (leaf) => `${map(leaf)}[k]`)})), ${keys})`;
  return [`mapFilter((k, v) -> isNotNull(v) AND NOT isNaN(v), ${ratios}) AS ${groups}`];
}

/** The value of a node, of the values of its leaves. */
function valueSql(node: AggregateNode, leaf: (leaf: Leaf) => string): string {
  if (node.kind === 'leaf') return leaf(node.leaf);
  if (node.kind !== 'ratio') throw new HeadraceError('HR_FEATURE_SQL', `${node.kind} cannot be divided.`);
  const inner = (part: AggregateNode) => (part.kind === 'leaf' ? leaf(part.leaf) : `(${valueSql(part, leaf)})`);
  return `${inner(node.over)} / nullIf(${valueSql(node.under, leaf)}, 0)`;
}

function leavesOf(node: AggregateNode): readonly Leaf[] {
  if (node.kind === 'ratio') return [...leavesOf(node.over), ...leavesOf(node.under)];
  return node.kind === 'derived' ? node.parts.flatMap(leavesOf) : [node.leaf];
}

/** The leaf that a ratio is divided by in the end. */
function lowest(node: AggregateNode): Leaf {
  return node.kind === 'ratio' ? lowest(node.under) : leavesOf(node)[0]!;
}

function clockText(time: number): string {
  const iso = new Date(time).toISOString();
  return `toDateTime64('${iso.slice(0, 10)} ${iso.slice(11, 23)}', 3, 'UTC')`;
}

/** Gives names that are not taken yet: a table may have a column `from_1h`. */
function uniqueNames(taken: readonly string[]): (wanted: string) => string {
  const used = new Set(taken);
  return (wanted) => {
    let name = wanted;
    while (used.has(name)) name += '_';
    used.add(name);
    return name;
  };
}
