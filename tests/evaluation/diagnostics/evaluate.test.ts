import { describe, expect, test } from 'vitest';
import { type Candidate, createEvaluation, evaluate, expectedOutcomes, loggedDecisions, type LoggedDecisions, smoothed, weigh } from '../../../evaluation/index.js';
import { hasShared, openBandit, sharedJson } from '../shared-files.js';

/** A log of 1,200 decisions: three actions, the first of which is shown most. */
function small(from = 0, to = 1200): LoggedDecisions {
  const policy = [0.5, 0.3, 0.2];
  const rows = Array.from({ length: to - from }, (_, i) => from + i);
  const action = rows.map((i) => [0, 1, 0, 2, 0, 1, 0, 2, 0, 1][i % 10]!);
  return loggedDecisions({ action, actions: 3, propensity: action.map((a) => policy[a]!), reward: rows.map((i) => Number(i % 7 === 0)), time: rows.map((i) => i * 1000), decision: rows });
}

describe('evaluate', () => {
  test('gives estimates with intervals, diagnostics and a verdict in words', () => {
    const result = evaluate([small()], { slots: [[0.2, 0.3, 0.5]] }, { outcomes: (log, candidate) => expectedOutcomes(log, candidate, smoothed(10)) });
    expect(Object.keys(result.estimates)).toEqual(['ips', 'ips_clipped', 'snips', 'ips_sub_gaussian', 'cressie_read', 'dm', 'dr', 'dr_clipped', 'sndr', 'switch_dr', 'dr_os', 'dr_sub_gaussian']);
    const { ips } = result.estimates;
    expect(ips!.low).toBeLessThan(ips!.value!);
    expect(ips!.high).toBeGreaterThan(ips!.value!);
    expect(result.diagnostics).toMatchObject({ unsupported_mass: 0, candidates: 3, repeated_share: 0 });
    expect(result.diagnostics.weight_mean).toBeCloseTo(1, 12);
    expect(result.diagnostics.weight_max).toBeCloseTo(2.5, 12);
    expect(result.findings).toEqual([]);
    expect(result.verdict).toBe('trust');
    expect(result.reasons[0]).toMatch(/^Trust the estimate within its interval: 1,200 decisions/);
    expect(JSON.parse(JSON.stringify(result))).toEqual(result);
  });

  test('batches and merged shards give what the whole log gives', () => {
    const candidate: Candidate = { slots: [[0.2, 0.3, 0.5]] };
    const whole = evaluate([small()], candidate);
    const batches = evaluate([small(0, 500), small(500, 501), small(501, 1200)], candidate);
    const shards = [small(0, 700), small(700, 1200)].map((log) => {
      const part = createEvaluation();
      part.add(weigh(log, candidate));
      return part;
    });
    shards[0]!.merge(shards[1]!);
    for (const other of [batches, shards[0]!.result()]) expectClose(other, whole, '');
  });

  test('says when nothing was given', () => {
    expect(() => evaluate([], { uniform: true })).toThrow('no decision');
  });
});

describe.skipIf(!hasShared('fixtures/bts-men-policy.json'))('of real logs', () => {
  test('a uniform log of Open Bandit is trusted for its Thompson sampling policy', () => {
    const { slots } = sharedJson<{ slots: number[][] }>('fixtures/bts-men-policy.json');
    const result = evaluate([loggedDecisions({ ...openBandit('random'), actions: 34, slots: 3 })], { slots });
    expect(result.verdict).toBe('trust');
    expect(result.diagnostics.ess).toBeCloseTo(2467.4024180481547, 6);
    expect(result.diagnostics.by_slot).toHaveLength(3);
  });
});

function expectClose(actual: unknown, expected: unknown, what: string): void {
  if (typeof expected === 'number') expect(Math.abs((actual as number) - expected), `${what}: ${String(actual)} is not ${expected}`).toBeLessThanOrEqual(1e-9 * Math.abs(expected) + 1e-12);
  else if (typeof expected === 'object' && expected !== null) {
    expect(Object.keys(actual as object), what).toEqual(Object.keys(expected));
    for (const [name, value] of Object.entries(expected)) expectClose((actual as Record<string, unknown>)[name], value, `${what}.${name}`);
  } else expect(actual, what).toBe(expected);
}
