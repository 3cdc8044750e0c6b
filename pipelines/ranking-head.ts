import { headPlan } from '../learning/head-plan.js';

/** The head that ranks candidates: its inputs as `headrace simulate --decisions N --drift S` logs them. A copy of this file is where another head begins. */
export const rankingHead = headPlan({
  model: 'ranking-head',
  layout: { context: [], candidate: ['score', 'taste', 'look1', 'look2', 'look3', 'look4', 'look5', 'look6', 'look7', 'look8'] },
  interval: '1h',
  hidden: [32, 16],
  policy: { epsilon: 0.1 },
  training: { batch: 128, epochs: 2, learningRate: 0.001 },
});
