import { topic } from '../dataflow/topic.js';
import { type Outcome, outcomeSchema } from '../schemas/generated/outcome.js';

/** What followed from decisions. */
export const outcomes = topic<Outcome>('outcomes', { value: outcomeSchema, key: 'decisionId', time: 'time' });
