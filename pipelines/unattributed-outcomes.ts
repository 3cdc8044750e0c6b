import { topic } from '../dataflow/topic.js';
import { type UnattributedOutcome, unattributedOutcomeSchema } from '../schemas/generated/unattributed-outcome.js';

/** Outcomes that count for no decision: late, early, seen before, or of a decision that nobody knows. */
export const unattributedOutcomes = topic<UnattributedOutcome>('unattributed-outcomes', { value: unattributedOutcomeSchema, key: 'decisionId', time: 'time' });
