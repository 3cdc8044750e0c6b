// Made from ctr-spike.avsc by generate-types.ts: change that file, then run `npm run schemas`.
import type { AvroRecordSchema } from '../avro-schema.js';

/** An item whose click-through rate of the last hour is far above its own of the last week. Key of the topic: itemId. */
export interface CtrSpike {
  readonly itemId: string;
  readonly windowStart: number;
  readonly windowEnd: number;
  /** Clicks per impression of the last hour. */
  readonly ctr: number;
  /** Clicks per impression of the last seven days. */
  readonly baseline: number;
  /** ctr / baseline. */
  readonly ratio: number;
  /** Of the last hour. */
  readonly impressions: number;
  /** Of the last hour. */
  readonly clicks: number;
}

/** Avro schema of CtrSpike. */
export const ctrSpikeSchema = {
  type: 'record',
  name: 'CtrSpike',
  namespace: 'headrace',
  doc: 'An item whose click-through rate of the last hour is far above its own of the last week. Key of the topic: itemId.',
  fields: [
    { name: 'itemId', type: 'string' },
    { name: 'windowStart', type: { type: 'long', logicalType: 'timestamp-millis' } },
    { name: 'windowEnd', type: { type: 'long', logicalType: 'timestamp-millis' } },
    { name: 'ctr', doc: 'Clicks per impression of the last hour.', type: 'double' },
    { name: 'baseline', doc: 'Clicks per impression of the last seven days.', type: 'double' },
    { name: 'ratio', doc: 'ctr / baseline.', type: 'double' },
    { name: 'impressions', doc: 'Of the last hour.', type: 'long' },
    { name: 'clicks', doc: 'Of the last hour.', type: 'long' },
  ],
} as const satisfies AvroRecordSchema;
