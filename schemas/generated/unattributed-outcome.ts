// Made from unattributed-outcome.avsc by generate-types.ts: change that file, then run `npm run schemas`.
import type { AvroRecordSchema } from '../avro-schema.js';

/** An Outcome that counts for no decision, and why. Key of the topic: decisionId. */
export interface UnattributedOutcome {
  /** Unique; the same id twice is a duplicate. */
  readonly outcomeId: string;
  readonly decisionId: string;
  readonly time: number;
  /** Position on the page, from 0. */
  readonly slot: number;
  /** What rewards are made of, by name: click, watchMs, … */
  readonly parts: Readonly<Record<string, number>>;
  readonly reason: 'UNKNOWN_DECISION' | 'LATE' | 'EARLY' | 'DUPLICATE' | 'NO_SUCH_SLOT';
}

/** Avro schema of UnattributedOutcome. */
export const unattributedOutcomeSchema = {
  type: 'record',
  name: 'UnattributedOutcome',
  namespace: 'headrace',
  doc: 'An Outcome that counts for no decision, and why. Key of the topic: decisionId.',
  fields: [
    { name: 'outcomeId', doc: 'Unique; the same id twice is a duplicate.', type: 'string' },
    { name: 'decisionId', type: 'string' },
    { name: 'time', type: { type: 'long', logicalType: 'timestamp-millis' } },
    { name: 'slot', doc: 'Position on the page, from 0.', type: 'int', default: 0 },
    { name: 'parts', doc: 'What rewards are made of, by name: click, watchMs, …', type: { type: 'map', values: 'double' } },
    { name: 'reason', type: { type: 'enum', name: 'UnattributedReason', symbols: ['UNKNOWN_DECISION', 'LATE', 'EARLY', 'DUPLICATE', 'NO_SUCH_SLOT'] } },
  ],
} as const satisfies AvroRecordSchema;
