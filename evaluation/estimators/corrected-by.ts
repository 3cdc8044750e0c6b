import { expectedOutcome, minus, plus, reward, type RowExpression, shownOutcome, times } from '../row-expression.js';

/** What the model expects, corrected by its weighted error: v + ŵ·(r - q). */
export function correctedBy(weight: RowExpression): RowExpression {
  return plus(expectedOutcome, times(weight, minus(reward, shownOutcome)));
}
