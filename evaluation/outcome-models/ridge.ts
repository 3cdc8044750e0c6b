import { type LinearModelOptions, linearDesign } from './linear-design.js';
import type { OutcomeModel } from './outcome-model.js';
import { solvePositive } from './solve-positive.js';

/**
 * Linear regression with a penalty on squared coefficients: constant, context, action, slot; no interactions.
 *
 * *When to use*: for rewards that are not 0 or 1, and where context matters. *Details*: costs decisions × (features)² and (coefficients)³.
 *
 * Source: Hoerl and Kennard, "Ridge regression", Technometrics 12(1), 1970.
 *
 * @throws HR_ARGUMENT when it is fitted: a penalty that is not above 0, more than 4,000 coefficients
 * @throws HR_EVALUATION_MODEL when it is fitted: features that are not finite
 *
 * @example expectedOutcomes(log, candidate, ridge({ penalty: 10 }))
 * @see logistic
 */
export function ridge(options: LinearModelOptions = {}): OutcomeModel {
  return {
    name: 'ridge',
    fit(log, rows) {
      const design = linearDesign(log, options);
      const { width } = design;
      const gram = new Float64Array(width * width);
      const right = new Float64Array(width);
      const columns = new Int32Array(design.most);
      const values = new Float64Array(design.most);
      // the constant has no penalty to speak of, but keeps the matrix definite
      for (let k = 0; k < width; k++) gram[k * width + k] = k === 0 ? 1e-9 : design.penalty;
      for (const i of rows) {
        const n = design.row(i, columns, values);
        const m = log.pdrop === undefined ? 1 : 1 / (1 - log.pdrop[i]!);
        // columns ascend, so this is the lower triangle
        for (let a = 0; a < n; a++) {
          const value = m * values[a]!;
          right[columns[a]!]! += value * log.reward[i]!;
          for (let b = 0; b <= a; b++) gram[columns[a]! * width + columns[b]!]! += value * values[b]!;
        }
      }
      return design.fitted(solvePositive(gram, right), (sum) => sum);
    },
  };
}
