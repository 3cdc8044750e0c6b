// Made from training-interval.avsc by generate-types.ts: change that file, then run `npm run schemas`.
import type { AvroRecordSchema } from '../avro-schema.js';

/** What the training of a head made of one stretch of event time. Key of the topic: model. */
export interface TrainingInterval {
  readonly model: string;
  readonly start: number;
  readonly end: number;
  readonly examples: number;
  readonly clicks: number;
  /** Version that served; null before the first one. */
  readonly champion: number | null;
  /** Of the champion on the whole interval, before anything learned from it; null where the examples have one label. */
  readonly auc: number | null;
  /** Its normalised entropy: below 1 is better than knowing the click rate. */
  readonly entropy: number | null;
  /** Predicted over seen clicks. */
  readonly calibration: number | null;
  /** Version that was trained; null where none was registered. */
  readonly candidate: number | null;
  /** Of the candidate on the end of the interval, by which it is judged. */
  readonly candidateAuc: number | null;
  readonly candidateEntropy: number | null;
  readonly candidateCalibration: number | null;
  /** Examples that the candidate learned from. */
  readonly learned: number;
  /** Those of them that came from the reservoir, before thinning. */
  readonly replayed: number;
  readonly verdict: 'PASSED' | 'REJECTED' | 'HELD';
  /** What became of the examples: learned, left out for good, or kept for the next interval. */
  readonly rows: 'LEARNED' | 'DROPPED' | 'CARRIED';
  /** Inputs whose distribution is not that of all history any more: population stability index, where it is above its limit by more than chance. */
  readonly movedInputs: Readonly<Record<string, number>>;
  /** What did not pass, and what was staged. */
  readonly reason: string;
}

/** Avro schema of TrainingInterval. */
export const trainingIntervalSchema = {
  type: 'record',
  name: 'TrainingInterval',
  namespace: 'headrace',
  doc: 'What the training of a head made of one stretch of event time. Key of the topic: model.',
  fields: [
    { name: 'model', type: 'string' },
    { name: 'start', type: { type: 'long', logicalType: 'timestamp-millis' } },
    { name: 'end', type: { type: 'long', logicalType: 'timestamp-millis' } },
    { name: 'examples', type: 'long' },
    { name: 'clicks', type: 'long' },
    { name: 'champion', doc: 'Version that served; null before the first one.', type: ['null', 'int'], default: null },
    {
      name: 'auc',
      doc: 'Of the champion on the whole interval, before anything learned from it; null where the examples have one label.',
      type: ['null', 'double'],
      default: null,
    },
    { name: 'entropy', doc: 'Its normalised entropy: below 1 is better than knowing the click rate.', type: ['null', 'double'], default: null },
    { name: 'calibration', doc: 'Predicted over seen clicks.', type: ['null', 'double'], default: null },
    { name: 'candidate', doc: 'Version that was trained; null where none was registered.', type: ['null', 'int'], default: null },
    { name: 'candidateAuc', doc: 'Of the candidate on the end of the interval, by which it is judged.', type: ['null', 'double'], default: null },
    { name: 'candidateEntropy', type: ['null', 'double'], default: null },
    { name: 'candidateCalibration', type: ['null', 'double'], default: null },
    { name: 'learned', doc: 'Examples that the candidate learned from.', type: 'long' },
    { name: 'replayed', doc: 'Those of them that came from the reservoir, before thinning.', type: 'long' },
    { name: 'verdict', type: { type: 'enum', name: 'TrainingVerdict', symbols: ['PASSED', 'REJECTED', 'HELD'] } },
    {
      name: 'rows',
      doc: 'What became of the examples: learned, left out for good, or kept for the next interval.',
      type: { type: 'enum', name: 'TrainingRows', symbols: ['LEARNED', 'DROPPED', 'CARRIED'] },
    },
    {
      name: 'movedInputs',
      doc: 'Inputs whose distribution is not that of all history any more: population stability index, where it is above its limit by more than chance.',
      type: { type: 'map', values: 'double' },
      default: {},
    },
    { name: 'reason', doc: 'What did not pass, and what was staged.', type: 'string', default: '' },
  ],
} as const satisfies AvroRecordSchema;
