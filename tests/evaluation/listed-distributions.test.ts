import { expect, test } from 'vitest';
import { splitmix } from '../../dataflow/splitmix.js';
import type { ListedDistributions } from '../../evaluation/candidate.js';
import { createEvaluation, expectedOutcomes, loggedDecisions, marginalWeights, ridge, smoothed, weigh } from '../../evaluation/index.js';

const actions = 40;
const rows = 400;

/** A log of decisions among a few of many actions, with all distributions over all actions and over what could be chosen. */
function logs() {
  const random = splitmix(4);
  const dense = { logged: new Float64Array(rows * actions), candidate: new Float64Array(rows * actions) };
  const start = new Int32Array(rows + 1);
  const action: number[] = [];
  const probability = { logged: [] as number[], candidate: [] as number[] };
  const shown = new Float64Array(rows);
  for (let i = 0; i < rows; i++) {
    const among = [...new Set(Array.from({ length: 2 + random.below(5) }, () => random.below(actions)))].sort((a, b) => a - b);
    for (const of of ['logged', 'candidate'] as const) {
      const weights = among.map(() => 0.1 + random.unit());
      const sum = weights.reduce((x, y) => x + y, 0);
      among.forEach((a, k) => {
        probability[of].push(weights[k]! / sum);
        dense[of][i * actions + a] = weights[k]! / sum;
      });
    }
    action.push(...among);
    start[i + 1] = action.length;
    let [u, k] = [random.unit(), 0];
    while (k < among.length - 1 && u >= probability.logged[start[i]! + k]!) u -= probability.logged[start[i]! + k++]!;
    shown[i] = among[k]!;
  }
  const listed = (of: 'logged' | 'candidate'): ListedDistributions => ({ start, action: Int32Array.from(action), probability: Float64Array.from(probability[of]) });
  const columns = {
    action: shown, actions, context: Float64Array.from({ length: 2 * rows }, () => random.unit()),
    propensity: shown.map((a, i) => dense.logged[i * actions + a]!),
    reward: shown.map((a) => Number(random.unit() < a / actions)),
  };
  return { columns, dense, whole: loggedDecisions({ ...columns, distribution: dense.logged }), short: { ...loggedDecisions(columns), listed: listed('logged') }, listed };
}

test.each([smoothed(10), ridge()])('lists give what whole distributions give, with $name', (model) => {
  const { dense, whole, short, listed } = logs();
  const [there, here] = [[whole, { distribution: dense.candidate }] as const, [short, { listed: listed('candidate') }] as const].map(([log, candidate]) => {
    const evaluation = createEvaluation();
    evaluation.add(weigh(log, candidate, expectedOutcomes(log, candidate, model, { folds: 2 })));
    return evaluation.result();
  });
  const numbers = (of: unknown): unknown => JSON.parse(JSON.stringify(of, (_, x: unknown) => (typeof x === 'number' ? Number(x.toPrecision(10)) : x)));
  expect(numbers(here)).toEqual(numbers(there));
});

test('marginal weights, and rows that are left out', () => {
  const { dense, whole, short, listed } = logs();
  const category = Int32Array.from({ length: actions }, (_, a) => a % 7);
  const candidate = { listed: listed('candidate') };
  const round = (of: Float64Array) => Array.from(of, (w) => Number(w.toPrecision(12)));
  expect(round(marginalWeights(short, candidate, { category }))).toEqual(round(marginalWeights(whole, { distribution: dense.candidate }, { category })));
  const bad = { listed: { ...candidate.listed, probability: candidate.listed.probability.slice() } };
  bad.listed.probability[bad.listed.start[5]!] = 2;
  const left = weigh(short, bad, undefined, 'leave-out');
  expect(left.length).toBe(rows - 1);
  const { start, action } = left.log.listed!;
  for (let i = 0; i < left.length; i++) expect(Array.from(action.subarray(start[i], start[i + 1]))).toContain(left.log.action![i]);
  const wide = dense.candidate.slice();
  wide[5 * actions + bad.listed.action[bad.listed.start[5]!]!] = 2;
  expect(left.weight).toEqual(weigh(whole, { distribution: wide }, undefined, 'leave-out').weight);
});
