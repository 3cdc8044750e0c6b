import type { Group, Leaf } from '../aggregates/aggregate.js';
import { HeadraceError } from '../errors.js';
import { sqlCondition, type SqlScope, sqlTextOf, type SqlValue } from '../sql/sql-value.js';
import { bucketSql } from './buckets.js';

/** A leaf as one aggregate function: a number, a map from group to number, or the buckets of a sketch (their sorted numbers, and their counts). */
export interface LeafSql {
  readonly shape: 'number' | 'map' | 'buckets';
  readonly text: string;
  /** Whether a number may be NaN, which stands for null. */
  readonly float: boolean;
}

/*
 * A sum of fractions is exact: they are added as whole multiples of 2^-150 in 256 bits, which have room for 2^25 values under 10^24. What is larger, infinite or NaN is
 * added apart.
 */
const unit = 'exp2(150)';
const isSmall = (x: string) => `abs(${x}) < 1e24`;
const inUnits = (x: string) => `toInt256(if(${isSmall(x)}, ${x} * ${unit}, 0))`;

/**
 * What `addToLeaf`, `mergeLeaf` and `readLeaf` compute, in ClickHouse SQL: the leaf over the records of a group for which `within` is true.
 *
 * @throws HR_FEATURE_SQL
 */
export function leafSql(leaf: Leaf, scope: SqlScope, within: readonly string[]): LeafSql {
  const of = leaf.of?.sql(scope);
  const conditions = [...within, ...(leaf.where === undefined ? [] : [sqlCondition(leaf.where.sql(scope))])];
  if (leaf.by?.kind === 'buckets') return { shape: 'buckets', text: bucketCounts(leaf.by, scope, conditions), float: false };
  if (leaf.by === undefined) return { shape: 'number', ...plain(leaf, of, conditions) };
  const group = groupKey(leaf.by, scope);
  return { shape: 'map', ...grouped(leaf, of, group.key, [...conditions, ...group.conditions]) };
}

function plain({ op }: Leaf, of: SqlValue | undefined, conditions: readonly string[]): { text: string; float: boolean } {
  if (op === 'count') return { text: call('count', '', [...conditions, ...known(of)]), float: false };
  const x = numberOf(op, of);
  if (op === 'sum') {
    if (x.kind === 'int') return { text: call('sum', zeroIfNull(x), conditions), float: false };
    if (x.kind === 'long') return { text: `toFloat64(${call('sum', `toInt128(${zeroIfNull(x)})`, conditions)})`, float: false };
    const value = zeroIfNull(x);
    return { text: `toFloat64(${call('sum', inUnits(value), conditions)}) / ${unit} + ${call('sum', value, [...conditions, `NOT ${isSmall(value)}`])}`, float: true };
  }
  if (op !== 'min' && op !== 'max') throw unsaid(op);
  if (x.kind !== 'float') return { text: call(`${op}OrNull`, x.text, conditions), float: false };
  const found = call(`${op}OrNull`, x.text, [...conditions, `NOT isNaN(${x.text})`]);
  return { text: `nullIf(nullIf(${found}, inf), -inf)`, float: false };
}

function grouped({ op }: Leaf, of: SqlValue | undefined, key: string, conditions: readonly string[]): { text: string; float: boolean } {
  if (op === 'count') return { text: call('sumMap', `map(${key}, 1)`, [...conditions, ...known(of)]), float: false };
  const x = numberOf(op, of);
  const asFloats = (map: string, value = 'toFloat64(v)') => `mapApply((k, v) -> (k, ${value}), ${map})`;
  if (op === 'sum') {
    const value = zeroIfNull(x);
    if (x.kind !== 'float') return { text: asFloats(call('sumMap', `map(${key}, ${x.kind === 'int' ? 'toInt64' : 'toInt128'}(${value}))`, conditions)), float: false };
    const small = asFloats(call('sumMap', `map(${key}, ${inUnits(value)})`, conditions), `toFloat64(v) / ${unit}`);
    return { text: `mapAdd(${small}, ${call('sumMap', `map(${key}, ${value})`, [...conditions, `NOT ${isSmall(value)}`])})`, float: true };
  }
  if (op !== 'min' && op !== 'max') throw unsaid(op);
  const value = x.nullable ? `assumeNotNull(${x.text})` : x.text;
  const found = asFloats(call(`${op}Map`, `map(${key}, ${value})`, [...conditions, ...known(x), ...(x.kind === 'float' ? [`NOT isNaN(${x.text})`] : [])]), 'toNullable(toFloat64(v))');
  return { text: x.kind === 'float' ? `mapFilter((k, v) -> isFinite(v), ${found})` : found, float: false };
}

/** The key of a group in a map, and when a record has none. */
function groupKey(group: Group, scope: SqlScope): { key: string; conditions: readonly string[] } {
  const of = group.of.sql(scope);
  const value = of.nullable ? { ...of, text: `assumeNotNull(${of.text})` } : of;
  if (group.kind === 'labels') return { key: sqlTextOf(value), conditions: known(of) };
  if (group.kind !== 'dense' || of.kind === 'text' || of.kind === 'boolean') throw new HeadraceError('HR_FEATURE_SQL', `Groups by ${group.of.text} cannot be said in SQL.`);
  const isWhole = of.kind === 'float' ? [`${of.text} = floor(${of.text})`] : [];
  const conditions = [...known(of), `${of.text} >= 0`, `${of.text} < ${group.size}`, ...isWhole];
  // The key is computed for every record: what is out of range has to be a number as well.
  return { key: of.kind === 'float' ? `toInt32(if(${value.text} >= 0 AND ${value.text} < ${group.size}, ${value.text}, 0))` : `toInt32(${value.text})`, conditions };
}

function bucketCounts(group: Group, scope: SqlScope, conditions: readonly string[]): string {
  const of = numberOf('quantiles', group.of.sql(scope));
  const x = of.nullable ? `assumeNotNull(${of.text})` : of.text;
  return call('sumMap', `[${bucketSql(of.kind === 'float' ? x : `toFloat64(${x})`, group.accuracy)}], [1]`, [...conditions, ...known(of), ...(of.kind === 'float' ? [`NOT isNaN(${of.text})`] : [])]);
}

/** `f(arguments)`, over the records that meet all conditions. */
function call(name: string, args: string, conditions: readonly string[]): string {
  if (conditions.length === 0) return `${name}(${args})`;
  return `${name}If(${args === '' ? '' : `${args}, `}${conditions.join(' AND ')})`;
}

const known = (x: SqlValue | undefined): readonly string[] => (x?.nullable ? [`isNotNull(${x.text})`] : []);
const zeroIfNull = (x: SqlValue): string => (x.nullable ? `ifNull(${x.text}, 0)` : x.text);

function numberOf(what: string, x: SqlValue | undefined): SqlValue {
  if (x === undefined || x.kind === 'text' || x.kind === 'boolean') throw new HeadraceError('HR_FEATURE_SQL', `${what}(${x?.text ?? ''}) needs a number.`);
  return x;
}

function unsaid(op: string): HeadraceError {
  return new HeadraceError('HR_FEATURE_SQL', `${op}(…) depends on the order in which records came, which a table does not tell.`);
}
