import assert from 'node:assert/strict';
import { attribute, type Decision, decisions, keyBy, loggedDecisions, type Outcome, outcomes, pipeline, sumOf, to } from 'headrace';
import { runPipeline } from 'headrace/testing';

const job = pipeline('attribution', ({ from }) =>
  attribute('attribution', from(decisions, { disorder: '30s' }).pipe(keyBy(decisions.decisionId)), from(outcomes, { disorder: '30s' }).pipe(keyBy(outcomes.decisionId)), {
    window: '30m',
    reward: sumOf({ click: 1, share: 5 }),
  }).pipe(to(loggedDecisions)),
);

const ten = Date.UTC(2026, 0, 5, 10);
const minute = 60_000;
const decision = (decisionId: string): Decision => ({
  decisionId, time: ten, userId: 'ann', surface: 'feed', context: {}, attributes: {},
  candidates: [{ itemId: 'film', score: 1, creatorId: '', category: '', features: [] }],
  slots: [{ candidate: 0, propensity: 1, marginalPropensity: null, pmf: [1] }],
  propensity: 1, scheme: 'greedy', parameters: {}, policyId: 'p', policyVersion: '1', modelVersion: '', baseVersion: '', modelOffsets: {}, featureTimes: {}, seed: decisionId, pdrop: 0, overridden: null,
});
const outcome = (outcomeId: string, decisionId: string, time: number, parts: Record<string, number>): Outcome => ({ outcomeId, decisionId, time, slot: 0, parts });

// Two outcomes of the first decision count, one comes after its half hour; the second decision has none.
const run = await runPipeline(job, {
  inputs: {
    decisions: [decision('d1'), decision('d2')],
    outcomes: [outcome('o1', 'd1', ten + minute, { click: 1 }), outcome('o2', 'd1', ten + 2 * minute, { share: 1 }), outcome('o3', 'd1', ten + 31 * minute, { click: 1 })],
  },
});
assert.deepEqual(
  run.values(loggedDecisions).map(({ decisionId, reward, outcomeMissing }) => ({ decisionId, reward, outcomeMissing })),
  [{ decisionId: 'd1', reward: 6, outcomeMissing: false }, { decisionId: 'd2', reward: 0, outcomeMissing: true }],
);
