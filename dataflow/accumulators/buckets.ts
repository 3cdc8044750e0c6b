import type { Column } from '../../schemas/column.js';
import { HeadraceError } from '../errors.js';

/** Distance of a bucket's number from 0, so that positive and negative values and zero do not meet. */
const shift = 1 << 20;

/** Group number of a null: it is in no bucket. */
const nullBucket = -0x8000_0000;

/**
 * Bucket numbers of DDSketch: a value x > 0 is in bucket ceil(log(x) / log(gamma)) with gamma = (1 + accuracy) / (1 - accuracy);
 * negative values mirror positive ones. Source: Masson, Rim and Lee, "DDSketch", VLDB 2019, section 2.1.
 */
export function bucketsOf(column: Column, accuracy: number, n: number): Int32Array {
  const out = new Int32Array(n);
  if (column.kind !== 'number') {
    if (column.kind === 'object' && column.data.every((v) => v === null)) return out.fill(nullBucket);
    throw new HeadraceError('HR_AGGREGATE', `quantiles need a number; the column holds ${column.kind} values.`);
  }
  const scale = 1 / Math.log((1 + accuracy) / (1 - accuracy));
  for (let i = 0; i < n; i++) {
    const x = column.data[i]!;
    if (column.nulls?.[i] || Number.isNaN(x)) out[i] = nullBucket;
    else if (x === 0) out[i] = 0;
    else if (x > 0) out[i] = ceilSteady(Math.log(Math.min(x, Number.MAX_VALUE)) * scale) + shift;
    else out[i] = -(ceilSteady(Math.log(Math.min(-x, Number.MAX_VALUE)) * scale) + shift);
  }
  return out;
}

/** Steps to which a logarithm is rounded before it is rounded up: a value on the edge of a bucket then belongs to the same one whoever's logarithm it is, to the last bit or not. */
const steps = 2 ** 30;

function ceilSteady(x: number): number {
  return Math.ceil(Math.floor(x * steps + 0.5) / steps);
}

/**
 * The sketch in ClickHouse SQL, as functions of the query: the bucket of a Float64 that is not NaN, and a quantile of counted buckets (a tuple of their numbers, sorted,
 * and their counts).
 */
export function bucketFunctions(accuracy: number): readonly string[] {
  const gamma = (1 + accuracy) / (1 - accuracy);
  const log = `log(least(if(x = 0, 1, abs(x)), ${Number.MAX_VALUE})) * ${1 / Math.log(gamma)}`;
  const bucket = `x -> if(x = 0, 0, sign(x) * (toInt32(ceil(floor(${log} * ${steps} + 0.5) / ${steps})) + ${shift}))`;
  const ranked = 's.1[arrayFirstIndex(seen -> seen > floor(q * (arraySum(s.2) - 1)), arrayCumSum(s.2))]';
  const quantile = `(s, q) -> if(empty(s.1), NULL, arrayMap(b -> if(b = 0, 0, sign(b) * 2 * pow(${gamma}, abs(b) - ${shift}) / ${gamma + 1}), [${ranked}])[1])`;
  return [`(${bucket}) AS ${functionName('bucket', accuracy)}`, `(${quantile}) AS ${functionName('quantile', accuracy)}`];
}

/** The bucket number of `x` in SQL. */
export function bucketSql(x: string, accuracy: number): string {
  return `${functionName('bucket', accuracy)}(${x})`;
}

/** The quantile `at` of counted buckets in SQL. */
export function quantileSql(buckets: string, at: number, accuracy: number): string {
  return `${functionName('quantile', accuracy)}(${buckets}, ${at})`;
}

const functionName = (name: string, accuracy: number): string => `${name}_${String(accuracy).replaceAll(/\W/g, '_')}`;

/** The value that stands for a bucket: off by at most `accuracy`, relatively, from every value in it. */
export function bucketValue(bucket: number, accuracy: number): number {
  if (bucket === 0) return 0;
  const gamma = (1 + accuracy) / (1 - accuracy);
  const value = (2 * gamma ** (Math.abs(bucket) - shift)) / (gamma + 1);
  return bucket > 0 ? value : -value;
}

/**
 * The value at quantile `at` of counted buckets (sorted by bucket): the one with rank floor(at * (n - 1)), counted from 0.
 */
export function bucketQuantile(buckets: readonly (readonly [bucket: number, count: number])[], at: number, accuracy: number): number | null {
  const total = buckets.reduce((sum, [, count]) => sum + count, 0);
  if (total === 0) return null;
  const rank = Math.floor(at * (total - 1));
  let seen = 0;
  for (const [bucket, count] of buckets) {
    seen += count;
    if (seen > rank) return bucketValue(bucket, accuracy);
  }
  return null;
}
