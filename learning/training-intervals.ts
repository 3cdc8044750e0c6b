import { topic } from '../dataflow/topic.js';
import { type TrainingInterval, trainingIntervalSchema } from '../schemas/generated/training-interval.js';

/** What each stretch of training gave: the champion's progressive quality, the candidate, and what the gate said. */
export const trainingIntervals = topic<TrainingInterval>('training-intervals', { value: trainingIntervalSchema, key: 'model', time: 'end' });
