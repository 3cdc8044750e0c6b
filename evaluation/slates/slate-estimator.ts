import type { Estimate } from '../measure.js';
import { standardErrorOf } from '../mean-estimate.js';
import type { LoggedSlates } from './logged-slates.js';

/** An estimator over slates, one pass. Sums of parts of a log add up to those of the whole. */
export interface SlateEstimator {
  readonly name: string;
  readonly formula: string;
  readonly source: string;
  /** The sums of no slates. @param slots length of a slate */
  init(slots: number): Float64Array;
  /** Adds slates to sums. */
  add(sums: Float64Array, slates: LoggedSlates): void;
  /** Adds other sums to sums. */
  merge(sums: Float64Array, other: ArrayLike<number>): void;
  result(sums: ArrayLike<number>): Estimate;
}

/** What an estimator makes of a slate. */
interface SlateEstimatorParts {
  readonly name: string;
  readonly formula: string;
  readonly source: string;
  /** Numbers of a slate: one, whose mean is the estimate; or `ratios` numerators and then as many denominators, whose ratios add up to it. */
  readonly ratios?: (slots: number) => number;
  /** Writes the numbers of slate `s`. */
  readonly numbers: (slates: LoggedSlates, s: number, out: Float64Array) => void;
}

/**
 * Makes an estimator of numbers a slate. Kept are n, the sums of the numbers, and the sums of their products, for the standard error by the delta method.
 *
 * Source: Owen, "Monte Carlo theory, methods and examples", 2013, section 9.2.
 */
export function slateEstimator({ name, formula, source, ratios, numbers }: SlateEstimatorParts): SlateEstimator {
  const widthOf = (size: number): number => Math.round((Math.sqrt(4 * size - 3) - 1) / 2);
  return {
    name,
    formula,
    source,
    init(slots) {
      const width = ratios === undefined ? 1 : 2 * ratios(slots);
      return new Float64Array(1 + width + width * width);
    },
    add(sums, slates) {
      const width = widthOf(sums.length);
      const of = new Float64Array(width);
      for (let s = 0; s < slates.length; s++) {
        numbers(slates, s, of);
        sums[0]! += 1;
        for (let a = 0; a < width; a++) {
          sums[1 + a]! += of[a]!;
          for (let b = 0; b < width; b++) sums[1 + width + a * width + b]! += of[a]! * of[b]!;
        }
      }
    },
    merge(sums, other) {
      for (let k = 0; k < sums.length; k++) sums[k]! += other[k]!;
    },
    result(sums) {
      const n = sums[0]!;
      const width = widthOf(sums.length);
      if (n === 0) return { value: null, standardError: null, n };
      if (ratios === undefined) return { value: sums[1]! / n, standardError: standardErrorOf(n, sums[2]! - sums[1]! ** 2 / n, sums[2]!), n };
      const half = width / 2;
      const slope = new Float64Array(width);
      let value = 0;
      for (let k = 0; k < half; k++) {
        const under = sums[1 + half + k]!;
        if (!(under > 0)) return { value: null, standardError: null, n };
        const ratio = sums[1 + k]! / under;
        value += ratio;
        slope[k] = n / under;
        slope[half + k] = (-ratio * n) / under;
      }
      let deviations = 0;
      let size = 0;
      for (let a = 0; a < width; a++) {
        for (let b = 0; b < width; b++) {
          const product = slope[a]! * slope[b]! * sums[1 + width + a * width + b]!;
          deviations += product;
          size += Math.abs(product);
        }
      }
      return { value, standardError: standardErrorOf(n, deviations, size), n };
    },
  };
}

/** The estimate of one batch of slates. Errors: none beyond those of the estimator. */
export function estimateSlates(estimator: SlateEstimator, slates: LoggedSlates): Estimate {
  const sums = estimator.init(slates.slots);
  estimator.add(sums, slates);
  return estimator.result(sums);
}
