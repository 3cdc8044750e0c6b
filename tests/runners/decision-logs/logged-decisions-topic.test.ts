import { expect, test } from 'vitest';
import { openEmbedded } from '../../../connectors/embedded/embedded-runtime.js';
import { openTopicEncoder } from '../../../dataflow/topic-encoder.js';
import { splitmix } from '../../../dataflow/splitmix.js';
import { loggedDecisions } from '../../../pipelines/logged-decisions.js';
import { evaluate } from '../../../runners/commands/evaluate.js';
import { readLoggedDecisions } from '../../../runners/decision-logs/logged-decisions-topic.js';
import type { LoggedDecision } from '../../../schemas/generated/logged-decision.js';
import { decisionOf } from '../../../serving/decision-of.js';
import { epsilonGreedy } from '../../../serving/explore/epsilon-greedy.js';
import { temporaryDirectory } from '../../connectors/embedded/temporary-directory.js';
import { callCommand } from '../commands/in-process.js';

const items = Array.from({ length: 6 }, (_, i) => ({ itemId: `item-${i}`, score: i / 6, features: [i] }));
const rate = (item: number): number => 0.05 + 0.1 * item;

/** A data directory whose topic logged-decisions has decisions of an ε-greedy policy, with the rewards that followed. */
async function dataDirectory(n: number, slots: number, change: (of: LoggedDecision, d: number) => LoggedDecision = (of) => of, pmf: 'whole' | 'scheme' = 'whole'): Promise<string> {
  const dataDir = temporaryDirectory();
  const policy = epsilonGreedy({ epsilon: 0.4, slots, version: '1' });
  const random = splitmix(11);
  const runtime = openEmbedded({ dataDir, mode: 'write', owner: 'test' });
  const encoder = await openTopicEncoder(loggedDecisions, { ...runtime, partitions: 2 });
  for (let d = 0; d < n; d++) {
    const decisionId = `d${d}`;
    const choice = policy.choose(d % 3 === 0 ? items : items.slice(0, 5), { seed: decisionId, time: Date.UTC(2026, 0, 5) + d * 10_000 });
    const outcomes = choice.slots.map(({ candidate }) => ({ reward: Number(random.unit() < rate(candidate)), parts: { watch: 7 }, outcomes: 1 }));
    const decision = decisionOf({ decisionId, choice, userId: `u${d % 50}`, surface: 'feed', context: { hour: d % 24, age: 3 }, attributes: { segment: d % 2 === 0 ? 'a' : 'b' } }, pmf);
    encoder.add(change({ ...decision, reward: outcomes.reduce((sum, { reward }) => sum + reward, 0), outcomes, outcomeMissing: false, duplicateOutcomes: 0, lateOutcomes: 0, windowEnd: 0 }, d));
  }
  await runtime.log.append(encoder.take());
  await runtime.close();
  return dataDir;
}

test('a row a slot, whose choices are what stands in no slot above', async () => {
  const dataDir = await dataDirectory(20, 2, (of, d) => (d === 0 ? { ...of, overridden: 'editor' } : { ...of, pdrop: 0.25, outcomeMissing: d === 1, lateOutcomes: d === 2 ? 3 : 0 }));
  const table = await readLoggedDecisions('logged-decisions', dataDir, { context: true, reward: 'watch' });
  expect(table).toMatchObject({ length: 38, features: 2, loggers: ['epsilon-greedy-slot@1'], refused: [], passedOver: [{ what: 'decisions that were overridden after they were drawn', rows: 1 }] });
  expect([...table.segments].sort()).toEqual(['a', 'b']);
  expect([table.slot!.slice(0, 4), table.reward.slice(0, 4), table.pdrop!.slice(0, 2)].map((of) => Array.from(of))).toEqual([[0, 1, 0, 1], [7, 7, 7, 7], [0.25, 0.25]]);
  const { start, action, probability, score } = table.choices!;
  for (let row = 0; row < table.length; row++) {
    const from = start[row]!;
    const own = Array.from(action.slice(from, start[row + 1]));
    const at = own.indexOf(table.action![row]!);
    expect(probability![from + at]).toBe(table.propensity[row]);
    expect(probability!.slice(from, start[row + 1]).reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 12);
    expect(score![from + at]).toBe(Number(table.names![table.action![row]!]!.slice(5)) / 6);
    if (table.slot![row] === 1) expect(own).not.toContain(table.action![row - 1]);
  }
  expect(table.joined!.filter((x) => x === 0)).toHaveLength(2);
  expect(table.late!.filter((x) => x === 1)).toHaveLength(2);
  expect(table.place(0)).toMatch(/^partition [01], offset \d+$/);
  expect(Array.from(table.context!.slice(0, 2))).toEqual([3, expect.any(Number)]);
});

test('distributions that were left out come from scheme and scores; a record that does not give them is refused', async () => {
  const [whole, scheme] = await Promise.all((['whole', 'scheme'] as const).map(async (pmf) => readLoggedDecisions('logged-decisions', await dataDirectory(30, 3, (of) => of, pmf))));
  expect(scheme!.choices!.probability).toEqual(whole!.choices!.probability);
  const broken = await readLoggedDecisions('logged-decisions', await dataDirectory(3, 1, (of, d) => (d === 1 ? { ...of, scheme: 'magic', slots: of.slots.map((s) => ({ ...s, pmf: [] })) } : of)));
  expect(broken.refused).toEqual([{ code: 'HR_DECISION', rows: 1, first: expect.stringMatching(/^partition/) as string, example: expect.stringContaining('magic') as string }]);
});

test('the command on the topic: the candidate is worth what it is worth', async () => {
  const dataDir = await dataDirectory(5_000, 1);
  const of = async (...words: string[]) => callCommand(evaluate, ['--log', 'logged-decisions', '--data-dir', dataDir, '--json', ...words]);
  const estimate = async (policy: string, ...words: string[]) => (await of('--policy', policy, ...words)).json['estimates'] as Record<string, { value: number; low: number; high: number }>;
  const mean = (k: number) => Array.from({ length: k }, (_, i) => rate(i)).reduce((sum, r) => sum + r, 0) / k;
  const uniform = (mean(6) + 2 * mean(5)) / 3;
  const greedy = (rate(5) + 2 * rate(4)) / 3;
  for (const [policy, truth] of [['uniform', uniform], ['epsilon-greedy:0@scores', greedy], ['epsilon-greedy:0.5@scores', (uniform + greedy) / 2]] as const) {
    const { ips, snips, dr } = await estimate(policy);
    for (const { low, high } of [ips!, snips!, dr!]) {
      expect(low).toBeLessThan(truth);
      expect(high).toBeGreaterThan(truth);
    }
  }
  const logged = await of('--policy', 'logged', '--by', 'segment');
  expect(logged.json).toMatchObject({ verdict: 'trust', diagnostics: { weight_mean: 1, weight_max: 1 }, by: [{ of: expect.any(String) as string }, {}] });
});

test('another topic, and none', async () => {
  const dataDir = await dataDirectory(3, 1);
  await expect(readLoggedDecisions('logged-decision', dataDir)).rejects.toMatchObject({ code: 'HR_TOPIC_MISSING', message: expect.stringContaining('Did you mean logged-decisions?') as string });
  await expect(readLoggedDecisions('logged-decisions', dataDir, { extra: ['x'] })).rejects.toMatchObject({ code: 'HR_EVALUATION_LOG' });
});

test('pages that were re-ranked behind the draw are found by drawing again', async () => {
  const swapped = (of: LoggedDecision): LoggedDecision => {
    const [first, second] = of.slots as [LoggedDecision['slots'][number], LoggedDecision['slots'][number]];
    return { ...of, slots: [{ ...first, candidate: second.candidate }, { ...second, candidate: first.candidate }] };
  };
  const found = async (change: (of: LoggedDecision, d: number) => LoggedDecision) => {
    const called = await callCommand(evaluate, ['--log', 'logged-decisions', '--policy', 'uniform', '--json', '--data-dir', await dataDirectory(300, 2, change)]);
    return (called.json['findings'] as { code: string; severity: string; message: string }[]).find(({ code }) => code === 'DRAW_CHANGED');
  };
  expect(await found((of) => of)).toBeUndefined();
  expect(await found((of, d) => (d % 50 === 0 ? swapped(of) : of))).toMatchObject({ severity: 'error', message: expect.stringMatching(/^6 of 300 decisions \(2 %\)/) as string });
  // Overridden decisions say so themselves, and seeds of another generator tell nothing.
  expect(await found((of, d) => (d % 50 === 0 ? { ...swapped(of), overridden: 'editor' } : of))).toBeUndefined();
  expect(await found((of) => ({ ...of, seed: `x${of.seed}` }))).toMatchObject({ severity: 'info' });
  expect(await found((of) => ({ ...of, seed: '' }))).toBeUndefined();
});
