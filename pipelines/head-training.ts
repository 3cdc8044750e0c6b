import { pipeline } from '../dataflow/pipeline.js';
import { models } from '../learning/models.js';
import { intervalOf, trainHead } from '../learning/train-head.js';
import { trainingIntervals } from '../learning/training-intervals.js';
import { type TrainingRow, trainingRows } from '../learning/training-rows.js';
import { flatMap } from '../operators/flat-map.js';
import { keyBy } from '../operators/key-by.js';
import { map } from '../operators/map.js';
import { to } from '../operators/to.js';
import { union } from '../operators/union.js';
import type { ModelEvent } from '../schemas/generated/model-event.js';
import { loggedDecisions } from './logged-decisions.js';
import { rankingHead } from './ranking-head.js';

/** Trains the ranking head each hour on what was served and what followed, and hands on what passes the gate; promotions and rollbacks by hand come in as well. */
export default pipeline('head-training', ({ from }) => {
  const served = from(loggedDecisions, { disorder: '1m' }).pipe(trainingRows(rankingHead));
  const trained = union<TrainingRow | ModelEvent>(served, from(models)).pipe(keyBy('by-model', () => rankingHead.model), trainHead('head', rankingHead));
  return [trained.pipe(map(intervalOf), to(trainingIntervals)), trained.pipe(flatMap(({ events }) => events), to(models))];
});
