// Made from feature-consistency.avsc by generate-types.ts: change that file, then run `npm run schemas`.
import type { AvroRecordSchema } from '../avro-schema.js';

/** How a feature as it was served agrees with what its events say, over an interval. Key of the topic: model. */
export interface FeatureConsistency {
  /** The model that it is served to. */
  readonly model: string;
  readonly set: string;
  /** As it is logged; empty: the look-ups of the set, of which ages are told. */
  readonly feature: string;
  readonly start: number;
  /** Of the interval in which they were compared. */
  readonly end: number;
  /** Values of the sample, or look-ups. */
  readonly served: number;
  /** Of these, those that were served and can be computed. */
  readonly compared: number;
  /** Of the compared ones, those that differ. */
  readonly mismatch: number;
  /** Not served, though events give a value. */
  readonly missing: number;
  /** Served, though events give no value. */
  readonly extra: number;
  /** Of look-ups so old that they were not compared. */
  readonly stale: number;
  /** Symmetric mean absolute percentage error of the compared ones, from 0 to 2. */
  readonly smape: number | null;
  /** Age of the newest event at the look-up (ms): half of the look-ups had one younger than this. */
  readonly ageP50: number | null;
  readonly ageP90: number | null;
  readonly ageP99: number | null;
}

/** Avro schema of FeatureConsistency. */
export const featureConsistencySchema = {
  type: 'record',
  name: 'FeatureConsistency',
  namespace: 'headrace',
  doc: 'How a feature as it was served agrees with what its events say, over an interval. Key of the topic: model.',
  fields: [
    { name: 'model', doc: 'The model that it is served to.', type: 'string' },
    { name: 'set', type: 'string' },
    { name: 'feature', doc: 'As it is logged; empty: the look-ups of the set, of which ages are told.', type: 'string' },
    { name: 'start', type: { type: 'long', logicalType: 'timestamp-millis' } },
    { name: 'end', doc: 'Of the interval in which they were compared.', type: { type: 'long', logicalType: 'timestamp-millis' } },
    { name: 'served', doc: 'Values of the sample, or look-ups.', type: 'long' },
    { name: 'compared', doc: 'Of these, those that were served and can be computed.', type: 'long' },
    { name: 'mismatch', doc: 'Of the compared ones, those that differ.', type: 'long' },
    { name: 'missing', doc: 'Not served, though events give a value.', type: 'long' },
    { name: 'extra', doc: 'Served, though events give no value.', type: 'long' },
    { name: 'stale', doc: 'Of look-ups so old that they were not compared.', type: 'long' },
    { name: 'smape', doc: 'Symmetric mean absolute percentage error of the compared ones, from 0 to 2.', type: ['null', 'double'] },
    { name: 'ageP50', doc: 'Age of the newest event at the look-up (ms): half of the look-ups had one younger than this.', type: ['null', 'double'] },
    { name: 'ageP90', type: ['null', 'double'] },
    { name: 'ageP99', type: ['null', 'double'] },
  ],
} as const satisfies AvroRecordSchema;
