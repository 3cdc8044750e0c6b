import type { Interval } from './intervals/interval.js';

/** What an evaluation said, and what a test showed afterwards. */
export interface Forecast {
  readonly value: number;
  readonly interval: Interval;
  /** What the policy that is compared with was thought to be worth. */
  readonly baseline: number | null;
  readonly observed: number;
  /** What the policy that is compared with was worth in the test. */
  readonly control: number | null;
}

/** How well an estimator has done. */
export interface Score {
  readonly n: number;
  /** Forecasts with an interval, and those whose interval held what was observed. */
  readonly intervals: number;
  readonly covered: number;
  /** Forecasts of a difference, and those that had its sign right. */
  readonly signs: number;
  readonly right: number;
  /** Spearman's, of forecast and observed values; null for fewer than three, or where all are alike. */
  readonly rankCorrelation: number | null;
  /** Mean of forecast less observed: above 0 where it promises too much. */
  readonly bias: number | null;
}

/**
 * Holds forecasts against what came true.
 *
 * *When to use*: to learn how far offline numbers can be believed for one's own product. *Details*: a 95 % interval of a log speaks of that log's time; tests run later, so coverage under
 * 95 % also shows how much the world moves.
 *
 * Source: Spearman, American Journal of Psychology 15, 1904 (rank correlation; ties have their mean rank).
 *
 * @example scoreOf([{ value: 0.05, interval: { low: 0.04, high: 0.06 }, baseline: 0.045, observed: 0.052, control: 0.046 }])
 */
export function scoreOf(forecasts: readonly Forecast[]): Score {
  const withInterval = forecasts.filter(({ interval }) => interval !== null);
  const withSign = forecasts.filter(({ baseline, control, value, observed }) => baseline !== null && control !== null && value !== baseline && observed !== control);
  const n = forecasts.length;
  return {
    n,
    intervals: withInterval.length,
    covered: withInterval.filter(({ interval, observed }) => observed >= interval!.low && observed <= interval!.high).length,
    signs: withSign.length,
    right: withSign.filter(({ value, baseline, observed, control }) => (value > baseline!) === (observed > control!)).length,
    rankCorrelation: n < 3 ? null : correlation(ranks(forecasts.map(({ value }) => value)), ranks(forecasts.map(({ observed }) => observed))),
    bias: n === 0 ? null : forecasts.reduce((sum, { value, observed }) => sum + value - observed, 0) / n,
  };
}

/** Ranks from 1; equal values share the mean of theirs. */
function ranks(values: readonly number[]): readonly number[] {
  const sorted = [...values].sort((a, b) => a - b);
  return values.map((x) => (sorted.indexOf(x) + sorted.lastIndexOf(x)) / 2 + 1);
}

function correlation(a: readonly number[], b: readonly number[]): number | null {
  const mean = (of: readonly number[]): number => of.reduce((sum, x) => sum + x, 0) / of.length;
  const [ma, mb] = [mean(a), mean(b)];
  const products = (x: readonly number[], mx: number, y: readonly number[], my: number): number => x.reduce((sum, v, i) => sum + (v - mx) * (y[i]! - my), 0);
  const scale = Math.sqrt(products(a, ma, a, ma) * products(b, mb, b, mb));
  return scale > 0 ? products(a, ma, b, mb) / scale : null;
}
