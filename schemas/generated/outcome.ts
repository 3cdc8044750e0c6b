// Made from outcome.avsc by generate-types.ts: change that file, then run `npm run schemas`.
import type { AvroRecordSchema } from '../avro-schema.js';

/** Something that followed from a decision. Key of the topic: decisionId. */
export interface Outcome {
  /** Unique; the same id twice is a duplicate. */
  readonly outcomeId: string;
  readonly decisionId: string;
  readonly time: number;
  /** Position on the page, from 0. */
  readonly slot: number;
  /** What rewards are made of, by name: click, watchMs, … */
  readonly parts: Readonly<Record<string, number>>;
}

/** Avro schema of Outcome. */
export const outcomeSchema = {
  type: 'record',
  name: 'Outcome',
  namespace: 'headrace',
  doc: 'Something that followed from a decision. Key of the topic: decisionId.',
  fields: [
    { name: 'outcomeId', doc: 'Unique; the same id twice is a duplicate.', type: 'string' },
    { name: 'decisionId', type: 'string' },
    { name: 'time', type: { type: 'long', logicalType: 'timestamp-millis' } },
    { name: 'slot', doc: 'Position on the page, from 0.', type: 'int', default: 0 },
    { name: 'parts', doc: 'What rewards are made of, by name: click, watchMs, …', type: { type: 'map', values: 'double' } },
  ],
} as const satisfies AvroRecordSchema;
