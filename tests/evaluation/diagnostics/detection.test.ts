import { describe, expect, test } from 'vitest';
import { evaluated } from '../../../benchmarks/detection.js';
import { type FindingCode, findingTable } from '../../../evaluation/index.js';
import { type LogFault, logFaults } from '../../../runners/testing/simulated-decisions.js';

/** What has to be found in each faulty log; any of these. */
const expected: Readonly<Record<LogFault, readonly FindingCode[]>> = {
  'uniform-propensities': ['PROPENSITY_UNIFORM', 'ACTION_CALIBRATION'],
  'later-model': ['ACTION_CALIBRATION', 'INVERSE_PROPENSITY', 'WEIGHT_MEAN'],
  rounded: ['PROPENSITY_ROUNDED'],
  'shown-otherwise': ['PROPENSITY_MISMATCH', 'ACTION_CALIBRATION'],
  're-ranked': ['ACTION_CALIBRATION'],
  'dropped-policy': ['OUTCOMES_MISSING'],
  'dropped-action': ['OUTCOMES_MISSING'],
  'no-overlap': ['UNSUPPORTED_MASS'],
  'giant-weight': ['WEIGHT_DOMINATES'],
  repeated: ['DECISION_REPEATED'],
  'policy-change': ['POLICY_CHANGE'],
};

describe.each([
  { peak: 0.7, actions: 5, distributions: false },
  { peak: 1.5, actions: 10, distributions: true },
])('logs of peak $peak over $actions actions, distributions $distributions', (world) => {
  test.each(Object.keys(logFaults) as LogFault[])('%s is found', (fault) => {
    for (const seed of [101, 102]) {
      const { findings, verdict } = evaluated({ ...world, seed, decisions: 6000, fault });
      const codes = findings.map(({ code }) => code);
      expect(codes.some((code) => expected[fault].includes(code)), `${fault} gave ${codes.join()}`).toBe(true);
      expect(verdict).not.toBe('trust');
    }
  });
});

test('sound logs are seldom accused: under 2 % a check', () => {
  const count = 200;
  const found = new Map<string, number>();
  for (let k = 0; k < count; k++) {
    const { findings } = evaluated({ seed: 5000 + k, decisions: 1000, actions: [2, 5, 10, 20][k % 4]!, peak: [0.3, 1, 2][k % 3]!, contextual: k % 5 !== 0, candidate: (['near', 'uniform', 'sharper'] as const)[k % 7 % 3]!, distributions: k % 2 === 0 });
    for (const { code, severity } of findings) if (severity !== 'info') found.set(code, (found.get(code) ?? 0) + 1);
  }
  // four of 200 are 2 %
  for (const [code, times] of found) expect(times, code).toBeLessThanOrEqual(4);
  expect(found.size).toBeLessThan(Object.keys(findingTable).length);
});
