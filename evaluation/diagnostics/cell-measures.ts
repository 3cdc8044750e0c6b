import { largest, type Measure, products, smallest, square, total } from '../measure.js';
import { constant, joined, late, nonZero, over, propensity, reward, times, weight } from '../row-expression.js';

/** What is kept of each cell: an action at a slot in a stretch of time. */
export type CellSum = 'inverse' | 'inverse2' | 'p' | 'pp' | 'least' | 'most' | 'w' | 'ww' | 'wr' | 'wwrr' | 'r' | 'hits' | 'ir' | 'irir' | 'iri' | 'rr' | 'joined' | 'late';

/** Sums by name, with the number of decisions. */
export type CellSums = { readonly n: number } & Readonly<Record<Exclude<CellSum, Optional>, number>> & Readonly<Partial<Record<Optional, number>>>;

/** Sums that not every table has. */
type Optional = 'ir' | 'irir' | 'iri' | 'rr' | 'joined' | 'late';

/** What a table has beyond the sums that each has. */
export interface CellColumns {
  /** Sums of reward / propensity, for the value of each action by itself. */
  readonly actionValues: boolean;
  readonly joined: boolean;
  readonly late: boolean;
}

/** Sums from which most diagnostics are made; the result is the sums themselves. */
export function cellMeasure(columns: CellColumns): Measure<CellSum, CellSums> {
  const inverse = over(constant(1), propensity);
  const wr = times(weight, reward);
  const ir = times(inverse, reward);
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
      r: total(reward),
      hits: total(nonZero(reward)),
      ...(columns.actionValues && { ir: total(ir), irir: square(ir), iri: products(ir, inverse), rr: square(reward) }),
      ...(columns.joined && { joined: total(joined) }),
      ...(columns.late && { late: total(late) }),
    } as Measure<CellSum, CellSums>['sums'],
    result: (sums, n) => ({ n, ...sums }),
  };
}
