import { headPlan } from '../learning/head-plan.js';
import { headTraining } from './head-training.js';
import { rankingHead } from './ranking-head.js';
import { twoTower } from './two-tower.js';

/** The ranking head with the embeddings of user and item before its features: a model of its own, which may be trained beside the other. */
export const headOnBase = headPlan({
  model: 'head-on-base',
  layout: rankingHead.layout,
  hidden: rankingHead.shape.hidden,
  policy: { epsilon: 0.1 },
  training: rankingHead.training,
  base: { model: twoTower.model, width: twoTower.width },
});

/** Trains the ranking head on the base that is champion, each hour. */
export default headTraining('head-on-base', headOnBase);
