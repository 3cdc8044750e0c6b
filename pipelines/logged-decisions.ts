import { topic } from '../dataflow/topic.js';
import { type LoggedDecision, loggedDecisionSchema } from '../schemas/generated/logged-decision.js';

/** The evaluation log: each decision once, with what followed from it within the attribution window. */
export const loggedDecisions = topic<LoggedDecision>('logged-decisions', { value: loggedDecisionSchema, key: 'decisionId', time: 'time' });
