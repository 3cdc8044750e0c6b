import { HeadraceError } from '../../dataflow/errors.js';
import { checkLength, type LoggedDecisions } from '../logged-decisions.js';
import { checkParameter } from '../parameter.js';
import type { FittedModel } from './outcome-model.js';

/** Settings of the linear models. */
export interface LinearModelOptions {
  /** Weight of the squared coefficients, except the constant. @default 1 */
  readonly penalty?: number;
  /** Actions × features, row after row. @default a coefficient of its own for every action */
  readonly actionFeatures?: Float64Array;
}

/** Coefficients: constant, context, action (or its features), slot. */
export interface LinearDesign {
  readonly width: number;
  readonly penalty: number;
  /** Writes the columns and values of a row that are not 0, and gives their number. */
  row(i: number, columns: Int32Array, values: Float64Array): number;
  /** Most values a row has. */
  readonly most: number;
  /** Predicts by coefficients; `link` makes an outcome of a sum. */
  fitted(coefficients: Float64Array, link: (sum: number) => number): FittedModel;
}

/** The matrix of the normal equations has as many rows and columns. */
const mostColumns = 4000;

/** Lays out the columns for a log. Errors: HR_ARGUMENT, HR_EVALUATION_COLUMNS. */
export function linearDesign(log: LoggedDecisions, options: LinearModelOptions): LinearDesign {
  const { penalty = 1, actionFeatures } = options;
  checkParameter('The penalty', penalty, Number.MIN_VALUE, Number.MAX_VALUE);
  const actions = log.actions!;
  const context = (log.context?.length ?? 0) / log.length;
  const features = actionFeatures === undefined ? actions : actionFeatures.length / actions;
  if (actionFeatures !== undefined) checkLength('actionFeatures', actionFeatures.length, actions * Math.floor(features));
  const actionAt = 1 + context;
  const slotAt = actionAt + features;
  const width = slotAt + (log.slots > 1 ? log.slots : 0);
  if (width > mostColumns) throw new HeadraceError('HR_ARGUMENT', `A linear model of ${width} coefficients is too large; ${mostColumns} is the most.`, { remedy: 'Give actionFeatures, or use the smoothed model.' });
  return {
    width,
    penalty,
    most: 2 + context + (actionFeatures === undefined ? 1 : features),
    row(i, columns, values) {
      let n = 0;
      columns[n] = 0;
      values[n++] = 1;
      for (let k = 0; k < context; k++) {
        columns[n] = 1 + k;
        values[n++] = log.context![i * context + k]!;
      }
      const action = log.action![i]!;
      if (actionFeatures === undefined) {
        columns[n] = actionAt + action;
        values[n++] = 1;
      } else {
        for (let k = 0; k < features; k++) {
          columns[n] = actionAt + k;
          values[n++] = actionFeatures[action * features + k]!;
        }
      }
      if (log.slots > 1) {
        columns[n] = slotAt + log.slot![i]!;
        values[n++] = 1;
      }
      return n;
    },
    fitted(coefficients, link) {
      const scores = new Float64Array(actions);
      for (let a = 0; a < actions; a++) {
        if (actionFeatures === undefined) scores[a] = coefficients[actionAt + a]!;
        else for (let k = 0; k < features; k++) scores[a]! += coefficients[actionAt + k]! * actionFeatures[a * features + k]!;
      }
      return {
        predict(log, row, out) {
          let sum = coefficients[0]!;
          for (let k = 0; k < context; k++) sum += coefficients[1 + k]! * log.context![row * context + k]!;
          if (log.slots > 1) sum += coefficients[slotAt + log.slot![row]!]!;
          for (let a = 0; a < actions; a++) out[a] = link(sum + scores[a]!);
        },
      };
    },
  };
}
