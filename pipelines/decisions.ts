import { topic } from '../dataflow/topic.js';
import { type Decision, decisionSchema } from '../schemas/generated/decision.js';

/** What policies chose and with which probability, written before the answer leaves. */
export const decisions = topic<Decision>('decisions', { value: decisionSchema, key: 'decisionId', time: 'time' });
