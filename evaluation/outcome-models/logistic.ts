import { HeadraceError } from '../../dataflow/errors.js';
import { type LinearModelOptions, linearDesign } from './linear-design.js';
import type { OutcomeModel } from './outcome-model.js';
import { solvePositive } from './solve-positive.js';

/** Newton's method doubles its digits each time; a penalised problem needs about ten. */
const mostSteps = 50;

/**
 * Logistic regression with a penalty on squared coefficients: constant, context, action, slot; no interactions.
 *
 * *When to use*: for clicks and other rewards of 0 or 1, where context matters. *Details*: Newton's method, with half steps where a whole one goes too far.
 *
 * Source: le Cessie and van Houwelingen, "Ridge estimators in logistic regression", Applied Statistics 41(1), 1992.
 *
 * @throws HR_ARGUMENT when it is fitted: a penalty that is not above 0, more than 4,000 coefficients
 * @throws HR_EVALUATION_MODEL when it is fitted: rewards outside of [0, 1], features that are not finite, or no solution
 *
 * @example expectedOutcomes(log, candidate, logistic())
 * @see ridge
 */
export function logistic(options: LinearModelOptions = {}): OutcomeModel {
  return {
    name: 'logistic',
    fit(log, rows) {
      const design = linearDesign(log, options);
      const { width, penalty } = design;
      const columns = new Int32Array(design.most);
      const values = new Float64Array(design.most);
      const outside = rows.find((i) => !(log.reward[i]! >= 0 && log.reward[i]! <= 1));
      if (outside !== undefined) throw new HeadraceError('HR_EVALUATION_MODEL', `A logistic model learns rewards from 0 to 1; there is ${log.reward[outside]}.`, { remedy: 'Use ridge or smoothed.' });
      const penaltyOf = (k: number): number => (k === 0 ? 1e-9 : penalty);
      const loss = (beta: Float64Array): number => {
        let sum = 0;
        for (let k = 0; k < width; k++) sum += (penaltyOf(k) * beta[k]! ** 2) / 2;
        for (const i of rows) {
          const z = scoreOf(design.row(i, columns, values), columns, values, beta);
          const m = log.pdrop === undefined ? 1 : 1 / (1 - log.pdrop[i]!);
          sum += m * (Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z))) - log.reward[i]! * z);
        }
        return sum;
      };
      let beta = new Float64Array(width);
      let least = loss(beta);
      for (let step = 0; step < mostSteps; step++) {
        const hessian = new Float64Array(width * width);
        const gradient = new Float64Array(width);
        for (let k = 0; k < width; k++) {
          hessian[k * width + k] = penaltyOf(k);
          gradient[k] = -penaltyOf(k) * beta[k]!;
        }
        for (const i of rows) {
          const n = design.row(i, columns, values);
          const p = sigmoid(scoreOf(n, columns, values, beta));
          const m = log.pdrop === undefined ? 1 : 1 / (1 - log.pdrop[i]!);
          for (let a = 0; a < n; a++) {
            gradient[columns[a]!]! += m * values[a]! * (log.reward[i]! - p);
            const curvature = m * values[a]! * p * (1 - p);
            for (let b = 0; b <= a; b++) hessian[columns[a]! * width + columns[b]!]! += curvature * values[b]!;
          }
        }
        const direction = solvePositive(hessian, gradient);
        let size = 1;
        let next = moved(beta, direction, size);
        let reached = loss(next);
        // `!(≤)` also halves a step to where the loss is no number
        while (!(reached <= least) && size > 1e-9) {
          size /= 2;
          next = moved(beta, direction, size);
          reached = loss(next);
        }
        if (!(reached <= least)) break;
        const change = direction.reduce((most, d) => Math.max(most, Math.abs(d)), 0) * size;
        beta = next;
        least = reached;
        if (change < 1e-10) break;
      }
      return design.fitted(beta, sigmoid);
    },
  };
}

function sigmoid(z: number): number {
  return 1 / (1 + Math.exp(-z));
}

function scoreOf(n: number, columns: Int32Array, values: Float64Array, beta: Float64Array): number {
  let sum = 0;
  for (let k = 0; k < n; k++) sum += values[k]! * beta[columns[k]!]!;
  return sum;
}

function moved(from: Float64Array, direction: Float64Array, size: number): Float64Array<ArrayBuffer> {
  return Float64Array.from(from, (x, k) => x + size * direction[k]!);
}
