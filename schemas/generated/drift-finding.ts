// Made from drift-finding.avsc by generate-types.ts: change that file, then run `npm run schemas`.
import type { AvroRecordSchema } from '../avro-schema.js';

/** Something about a model or its inputs that is not as it was. Key of the topic: model. */
export interface DriftFinding {
  readonly model: string;
  /** End of the interval in which it was found. */
  readonly time: number;
  readonly kind: 'INPUT_MOVED' | 'ENTROPY_ROSE' | 'CLICK_RATE_CHANGED' | 'LABELS_HELD' | 'CALIBRATION_OFF' | 'FEATURE_SKEWED' | 'FEATURE_MISSING' | 'FEATURE_STALE';
  /** The input that has moved, the feature that is served otherwise than its events say, or the set whose features are old; else empty. */
  readonly subject: string;
  readonly value: number;
  /** What it was held against. */
  readonly limit: number;
  readonly message: string;
}

/** Avro schema of DriftFinding. */
export const driftFindingSchema = {
  type: 'record',
  name: 'DriftFinding',
  namespace: 'headrace',
  doc: 'Something about a model or its inputs that is not as it was. Key of the topic: model.',
  fields: [
    { name: 'model', type: 'string' },
    { name: 'time', doc: 'End of the interval in which it was found.', type: { type: 'long', logicalType: 'timestamp-millis' } },
    {
      name: 'kind',
      type: {
        type: 'enum',
        name: 'DriftKind',
        symbols: ['INPUT_MOVED', 'ENTROPY_ROSE', 'CLICK_RATE_CHANGED', 'LABELS_HELD', 'CALIBRATION_OFF', 'FEATURE_SKEWED', 'FEATURE_MISSING', 'FEATURE_STALE'],
      },
    },
    {
      name: 'subject',
      doc: 'The input that has moved, the feature that is served otherwise than its events say, or the set whose features are old; else empty.',
      type: 'string',
      default: '',
    },
    { name: 'value', type: 'double' },
    { name: 'limit', doc: 'What it was held against.', type: 'double' },
    { name: 'message', type: 'string' },
  ],
} as const satisfies AvroRecordSchema;
