import { topic } from '../../dataflow/topic.js';
import { type DriftFinding, driftFindingSchema } from '../../schemas/generated/drift-finding.js';

/** What has changed about models and their inputs. */
export const driftFindings = topic<DriftFinding>('drift-findings', { value: driftFindingSchema, key: 'model', time: 'time' });
