import { pipeline } from '../dataflow/pipeline.js';
import { sumOf } from '../dataflow/rewards.js';
import { attribute } from '../operators/attribute.js';
import { keyBy } from '../operators/key-by.js';
import { toWarehouse } from '../operators/to-warehouse.js';
import { decisions } from './decisions.js';
import { loggedDecisions } from './logged-decisions.js';
import { outcomes } from './outcomes.js';
import { unattributedOutcomes } from './unattributed-outcomes.js';

/** Decisions and what followed from them within half an hour to the log that policies are evaluated on. */
export default pipeline('propensity-log', ({ from }) =>
  attribute(
    'attribution',
    from(decisions, { disorder: '30s' }).pipe(keyBy(decisions.decisionId)),
    from(outcomes, { disorder: '30s' }).pipe(keyBy(outcomes.decisionId)),
    { window: '30m', early: '2m', reward: sumOf('click'), unattributed: unattributedOutcomes },
  ).pipe(toWarehouse(loggedDecisions)),
);
