import { type Pipeline, pipeline } from '../dataflow/pipeline.js';
import type { HeadPlan } from '../learning/head-plan.js';
import { models } from '../learning/models.js';
import { intervalOf, trainHead, type TrainHeadOptions } from '../learning/train-head.js';
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

/**
 * A pipeline that trains a head each interval on what was served and what followed, and hands on what passes the gate; promotions and rollbacks by hand, and new bases, come in as well.
 *
 * *When to use*: for a head of your own, with or without a base (`base` of the plan). *Details*: it reads `logged-decisions` and `models`, and writes `training-intervals` and `models`. A head that is to go on a base, or to leave it, is another model: give its plan another `model`, and its pipeline another name; both
 * may run at once.
 *
 * @param name of the pipeline
 * @example
 * export default headTraining('my-head-training', headPlan({ model: 'my-head', layout: { context: [], candidate: ['score', 'age'] }, base: { model: 'two-tower' } }));
 */
export function headTraining(name: string, plan: HeadPlan, options: TrainHeadOptions = {}): Pipeline {
  return pipeline(name, ({ from }) => {
    const served = from(loggedDecisions, { disorder: '1m' }).pipe(trainingRows(plan));
    const trained = union<TrainingRow | ModelEvent>(served, from(models)).pipe(keyBy('by-model', () => plan.model), trainHead('head', plan, options));
    return [trained.pipe(map(intervalOf), to(trainingIntervals)), trained.pipe(flatMap(({ events }) => events), to(models))];
  });
}

/** Trains the ranking head each hour. */
export default headTraining('head-training', rankingHead);
