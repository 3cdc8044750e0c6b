import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readJsonLinesLog } from '../../../runners/decision-logs/json-lines-log.js';
import type { ListedDistributions } from '../../../evaluation/candidate.js';
import { parsePolicy } from '../../../runners/evaluate/parse-policy.js';
import { temporaryDirectory } from '../../connectors/embedded/temporary-directory.js';
import { hasOnnx } from '../../connectors/onnx-here.js';
import { fileOf } from '../decision-logs/logs.js';
import { tinyOnnx } from './tiny-onnx.js';

const plain = { action: 0, actions: 3, reward: 1, propensity: 0.5 };

/** What a policy does at all rows of a log. */
async function candidateOf(word: string, lines: readonly object[] = [plain, plain]) {
  const policy = parsePolicy(word);
  const table = await readJsonLinesLog(fileOf(lines), { context: policy.needsContext, extra: policy.columns });
  const bound = await policy.bind(table);
  try {
    const found = await bound.at(Int32Array.from({ length: table.length }, (_, i) => i));
    if ('listed' in found) return { distribution: Array.from({ length: table.length }, (_, row) => spread(found.listed, row, table.actions!)).flat() };
    return Object.fromEntries(Object.entries(found).map(([name, of]) => [name, name === 'slots' ? (of as Float64Array[]).map((s) => Array.from(s)) : of === true ? of : Array.from(of as Float64Array)]));
  } finally {
    await bound.close?.();
  }
}

/** A listed distribution over all actions. */
function spread({ start, action, probability }: ListedDistributions, row: number, actions: number): number[] {
  const out = new Array<number>(actions).fill(0);
  for (let k = start[row]!; k < start[row + 1]!; k++) out[action[k]!]! += probability[k]!;
  return out;
}

function file(name: string, content: string | Uint8Array): string {
  const path = join(temporaryDirectory(), name);
  writeFileSync(path, content);
  return path;
}

test('uniform, over what could be chosen at each decision', async () => {
  expect(await candidateOf('uniform')).toEqual({ uniform: true });
  expect(await candidateOf('uniform', [{ ...plain, actions: [0, 2] }, plain])).toEqual({ distribution: [0.5, 0, 0.5, 1 / 3, 1 / 3, 1 / 3] });
  expect(await candidateOf('uniform', [{ ...plain, actions: 2 }, plain])).toEqual({ distribution: [0.5, 0.5, 0, 1 / 3, 1 / 3, 1 / 3] });
});

test('logged has a weight of exactly 1, with and without whole distributions', async () => {
  expect(await candidateOf('logged', [{ ...plain, propensity: 0.1 + 0.2 }])).toEqual({ shown: [0.1 + 0.2] });
  expect(await candidateOf('logged', [{ ...plain, actions: 2, probabilities: [0.3, 0.7], propensity: 0.30000000001 }])).toEqual({ distribution: [0.30000000001, 0.7] });
});

test('a column of the log', async () => {
  expect(await candidateOf('column:candidate', [{ ...plain, candidate: 0.3 }])).toEqual({ shown: [0.3] });
  await expect(candidateOf('column:candidate', [{ ...plain, candidate: 0.3 }, { ...plain, candidate: 1.2 }])).rejects.toMatchObject({ code: 'HR_EVALUATION_PMF', message: expect.stringContaining('is 1.2 at line 2') as string });
});

describe('a file of action:probability lines', () => {
  const lines = (text: string, log?: readonly object[]) => candidateOf(file('candidate.txt', text), log);

  test('one line for all decisions, or a pair a line', async () => {
    expect(await lines('0:0.2,2:0.8\n')).toEqual({ slots: [[0.2, 0, 0.8]] });
    expect(await lines('0:0.2\n2:0.8\n')).toEqual({ slots: [[0.2, 0, 0.8]] });
    expect(await lines('0:0.2,2:0.8', [{ ...plain, slot: 1 }])).toEqual({ slots: [[0.2, 0, 0.8], [0.2, 0, 0.8]] });
  });

  test('a line a decision, as VW writes them', async () => {
    expect(await lines('0:0.2,1:0.3,2:0.5\n\n2:1.0\n')).toEqual({ distribution: [0.2, 0.3, 0.5, 0, 0, 1] });
    expect(await lines('1:1\n1:1\n')).toEqual({ distribution: [0, 1, 0, 0, 1, 0] });
    expect(await lines('0:0.333333 1:0.333333 2:0.333333\n')).toEqual({ slots: [[1 / 3, 1 / 3, 1 / 3]] });
  });

  test('actions by name', async () => {
    const named = { ...plain, action: 'b', actions: ['a', 'b', 'c:d'] };
    expect(await lines('c:d:0.25,a:0.75\n', [named])).toEqual({ distribution: [0.75, 0, 0.25] });
  });

  test.each([
    ['nothing', '', 'HR_EVALUATION_POLICY', 'is empty'],
    ['no pair', '0:0.5,x\n', 'HR_EVALUATION_POLICY', 'Line 1 of'],
    ['a negative action', '-1:1\n', 'HR_EVALUATION_POLICY', '"-1:1"'],
    ['no number', '0:0.5,1:half\n', 'HR_EVALUATION_POLICY', '"1:half"'],
    ['an action that the log does not have', '3:1\n', 'HR_EVALUATION_POLICY', 'probability for action 3, and'],
    ['another number of lines', '0:1\n1:1\n2:0.5,0:0.5\n', 'HR_EVALUATION_POLICY', 'has 3 lines, and'],
    ['a sum that is not 1', '0:0.5,1:0.4\n', 'HR_EVALUATION_PMF', 'sum to 0.9'],
    ['a negative probability', '0:1.5,1:-0.5\n', 'HR_EVALUATION_PMF', 'probability of action 0 is 1.5'],
  ])('%s', async (_, text, code, message) => {
    await expect(lines(text)).rejects.toMatchObject({ code, message: expect.stringContaining(message) as string });
  });
});

describe('a file of slots', () => {
  const slots = (content: object | string, log?: readonly object[]) => candidateOf(`slots:${file('s.json', typeof content === 'string' ? content : JSON.stringify(content))}`, log);

  test('is a distribution a slot', async () => {
    expect(await slots({ slots: [[0.5, 0.5, 0], [0, 0.25, 0.75]] })).toEqual({ slots: [[0.5, 0.5, 0], [0, 0.25, 0.75]] });
    expect(await slots({ slots: [[1, 0, 0], [0, 0.25, 0.75]] }, [{ ...plain, slot: 1, actions: [1, 2], action: 2 }])).toEqual({ distribution: [0, 0.25, 0.75] });
  });

  test.each([
    ['no JSON', '{', 'HR_EVALUATION_POLICY', 'is not JSON'],
    ['no slots', { a: 1 }, 'HR_EVALUATION_POLICY', 'no list of lists'],
    ['other numbers of actions', { slots: [[0.5, 0.5]] }, 'HR_EVALUATION_POLICY', 'has 2 probabilities'],
    ['a sum that is not 1', { slots: [[0.5, 0.5, 0.1]] }, 'HR_EVALUATION_PMF', 'sum to 1.1'],
    ['a negative one', { slots: [[1.5, -0.5, 0]] }, 'HR_EVALUATION_PMF', 'the probability of action 0 is 1.5'],
  ])('%s', async (_, content, code, message) => {
    await expect(slots(content)).rejects.toMatchObject({ code, message: expect.stringContaining(message) as string });
  });

  test('fewer slots than the log', async () => {
    await expect(slots({ slots: [[1, 0, 0]] }, [{ ...plain, slot: 1 }])).rejects.toMatchObject({ code: 'HR_EVALUATION_POLICY', message: expect.stringContaining('has 1 slots, and') as string });
  });
});

describe.skipIf(!hasOnnx)('models', () => {
  const log = [{ ...plain, context: [1, 0] }, { ...plain, context: [0, 1] }];
  const weights = [1, 2, 2, 3, 0, 0];

  test('an ONNX model whose output is a distribution', async () => {
    const { distribution } = (await candidateOf(file('p.onnx', tinyOnnx(weights, 3, { softmax: true })), log)) as { distribution: number[] };
    const sum = 1 + 2 * Math.E;
    [1 / sum, Math.E / sum, Math.E / sum].forEach((p, k) => expect(distribution[k]).toBeCloseTo(p, 6));
    expect(distribution.slice(3).reduce((s, p) => s + p, 0)).toBeCloseTo(1, 15);
  });

  test('ε-greedy shares ε among all and the rest among the best', async () => {
    const model = file('s.onnx', tinyOnnx(weights, 3));
    const found = (await candidateOf(`epsilon-greedy:0.3@${model}`, log)) as { distribution: number[] };
    [0.1, 0.45, 0.45, 0.8, 0.1, 0.1].forEach((p, k) => expect(found.distribution[k]).toBeCloseTo(p, 15));
    const open = (await candidateOf(`epsilon-greedy:0.3@${model}`, [{ ...log[0], actions: [0, 1] }, { ...log[1], actions: 3 }])) as { distribution: number[] };
    [0.15, 0.85, 0].forEach((p, k) => expect(open.distribution[k]).toBeCloseTo(p, 15));
  });

  test('a model of context and features of an action, and one of these alone', async () => {
    const lines = [{ ...plain, actions: [0, 2], context: { b: 10, a: 1 }, features: [[1], [2]] }];
    const greedy = async (model: Uint8Array) => ((await candidateOf(`epsilon-greedy:0@${file('c.onnx', model)}`, lines)) as { distribution: number[] }).distribution;
    expect(await greedy(tinyOnnx([1, 0, 1], 1))).toEqual([0, 0, 1]);
    expect(await greedy(tinyOnnx([0, 0, -1], 1))).toEqual([1, 0, 0]);
    expect(await greedy(tinyOnnx([-1], 1))).toEqual([1, 0, 0]);
    await expect(greedy(tinyOnnx([1, 1], 1))).rejects.toMatchObject({ code: 'HR_EVALUATION_POLICY', message: expect.stringContaining('takes 2 features, and the context of') as string });
  });

  test('scores that the log has', async () => {
    expect(await candidateOf('epsilon-greedy:0.5@scores', [{ ...plain, actions: [0, 2], scores: [1, 3] }])).toEqual({ distribution: [0.25, 0, 0.75] });
    await expect(candidateOf('epsilon-greedy:0.5@scores')).rejects.toMatchObject({ code: 'HR_EVALUATION_LOG' });
  });

  test('softmax of scores', async () => {
    const { distribution } = (await candidateOf(`softmax:0.5@${file('s.onnx', tinyOnnx(weights, 3))}`, log)) as { distribution: number[] };
    const sum = 1 + 2 * Math.E ** 2;
    expect(distribution[0]).toBeCloseTo(1 / sum, 15);
  });

  test('a module: what could be chosen, the context, and a number for each', async () => {
    const module = file('policy.ts', `export default ({ actions, context, slot }: { actions: number[]; context: number[]; slot: number }) => actions.map((a) => (a === context[0]! + slot ? 1 : 0));`);
    expect(await candidateOf(module, [{ ...log[0], slot: 1 }, { ...log[1], slot: 0 }])).toEqual({ distribution: [0, 0, 1, 1, 0, 0] });
    const scores = file('scores.ts', 'export default ({ actions }: { actions: string[] }) => actions.map((a) => (a === "c" ? 1 : 0));');
    expect(await candidateOf(`epsilon-greedy:0.5@${scores}`, [{ ...plain, action: 'c', actions: ['b', 'c'] }])).toEqual({ distribution: [0.25, 0.75] });
  });

  test('a module sees scores and features of what could be chosen', async () => {
    const module = file('facts.ts', `export default ({ scores, features, time }: any) => scores.map((score: number, k: number) => (score + features[k][0] + (time === undefined ? 0 : 1)) / 10);`);
    const line = { ...plain, action: 'b', actions: ['a', 'b'], scores: [1, 2], features: [[3], [4]] };
    expect(await candidateOf(module, [line])).toEqual({ distribution: [0.4, 0.6] });
  });

  test.each([
    ['scores for a distribution', ['s.onnx', tinyOnnx(weights, 3)], 'HR_EVALUATION_PMF', 'is 2'],
    ['a model of other features', ['f.onnx', tinyOnnx([1, 1, 1], 3)], 'HR_EVALUATION_POLICY', 'takes 1 features, and the context of'],
    ['a model of other actions', ['a.onnx', tinyOnnx([1, 1, 1, 1], 2)], 'HR_EVALUATION_POLICY', 'gives 2 numbers a decision, and'],
    ['a model with NaN', ['n.onnx', tinyOnnx([NaN, 1, 1, 1, 1, 1], 3), 'softmax:1@'], 'HR_EVALUATION_PMF', 'gives action 0 no number at line 1'],
    ['no model', ['x.onnx', 'nonsense'], 'HR_EVALUATION_POLICY', 'is no ONNX model that can be run'],
    ['a module without a function', ['m1.ts', 'export default 7;'], 'HR_EVALUATION_POLICY', 'no function as default export'],
    ['a module that throws', ['m2.ts', 'export default () => { throw new Error("oh"); };'], 'HR_EVALUATION_POLICY', 'failed at line 1: Error: oh'],
    ['a module that does not compile', ['m3.ts', 'export default ('], 'HR_EVALUATION_POLICY', 'm3.ts'],
    ['a module of another length', ['m4.ts', 'export default () => [1];'], 'HR_EVALUATION_POLICY', 'gave 1 numbers for the 3 actions of line 1'],
    ['a module that gives no list', ['m5.ts', 'export default async () => [1, 0, 0];'], 'HR_EVALUATION_POLICY', 'gave a promise'],
    ['a module with NaN', ['m6.ts', 'export default () => [NaN, 0, 1];'], 'HR_EVALUATION_PMF', 'gives action 0 no number'],
  ] as const)('%s', async (_, [name, content, scheme = ''], code, message) => {
    await expect(candidateOf(`${scheme}${file(name, content)}`, log)).rejects.toMatchObject({ code, message: expect.stringContaining(message) as string });
  });

  test('a log without context', async () => {
    await expect(candidateOf(file('s.onnx', tinyOnnx(weights, 3)))).rejects.toMatchObject({ code: 'HR_EVALUATION_POLICY', message: expect.stringContaining('has no context') as string });
  });
});

test.each([
  ['unifrom', 'HR_EVALUATION_POLICY', 'Did you mean uniform?'],
  ['epsilon-greedy:0.05', 'HR_EVALUATION_POLICY', 'needs a model'],
  ['epsilon-greedy:2@m.onnx', 'HR_EVALUATION_POLICY', 'ε is "2"'],
  ['epsilon-greedy:@m.onnx', 'HR_EVALUATION_POLICY', 'ε is ""'],
  ['softmax:0@m.onnx', 'HR_EVALUATION_POLICY', 'The temperature is "0"'],
  ['epsilon-greedy:0.1@m.onnx', 'HR_INPUT_FILE', 'm.onnx of the policy does not exist'],
  ['slots:nowhere.json', 'HR_INPUT_FILE', 'nowhere.json of the policy does not exist'],
  ['nowhere/candidate.onnx', 'HR_INPUT_FILE', 'does not exist'],
])('%s is refused', (word, code, message) => {
  expect(() => parsePolicy(word)).toThrow(expect.objectContaining({ code, message: expect.stringContaining(message) as string }));
});

test('a log that does not say which actions there were', async () => {
  await expect(candidateOf('uniform', [{ reward: 1, propensity: 0.5 }])).rejects.toMatchObject({ code: 'HR_EVALUATION_LOG' });
});
