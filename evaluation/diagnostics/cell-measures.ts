import { largest, type Measure, smallest, square, total } from '../measure.js';
import { constant, joined, late, nonZero, over, propensity, reward, times, weight } from '../row-expression.js';

/** What is kept of each cell: an action at a slot in a stretch of time. */
export type CellSum = 'inverse' | 'inverse2' | 'p' | 'pp' | 'least' | 'most' | 'w' | 'ww' | 'wr' | 'wwrr' | 'wwr' | 'r' | 'hits' | 'joined' | 'late';

/** Sums by name, with the number of decisions. */
export type CellSums = { readonly n: number } & Readonly<Partial<Record<CellSum, number>>> & Readonly<Record<Exclude<CellSum, 'joined' | 'late'>, number>>;

/** Columns of a log that not every log has. */
export interface CellColumns {
  readonly joined: boolean;
  readonly late: boolean;
}

/** Sums from which most diagnostics are made; the result is the sums themselves. */
export function cellMeasure(columns: CellColumns): Measure<CellSum, CellSums> {
  const inverse = over(constant(1), propensity);
  const wr = times(weight, reward);
  return {
    sums: {
      inverse: total(inverse),
      inverse2: square(inverse),
      p: total(propensity),
      pp: square(propensity),
      least: smallest(propensity, true),
      most: largest(propensity, true),
      w: total(weight),
      ww: square(weight),
      wr: total(wr),
      wwrr: square(wr),
      wwr: { kind: 'products', of: weight, by: wr },
      r: total(reward),
      hits: total(nonZero(reward)),
      ...(columns.joined && { joined: total(joined) }),
      ...(columns.late && { late: total(late) }),
    } as Measure<CellSum, CellSums>['sums'],
    result: (sums, n) => ({ n, ...sums }),
  };
}
