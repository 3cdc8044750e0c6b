import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { splitmix } from '../../../dataflow/splitmix.js';
import { evaluate } from '../../../runners/commands/evaluate.js';
import { callCommand } from '../commands/in-process.js';

/** Estimators that choose something, or need more than decisions: from the command line, against their definitions. */
const actions = 6;
const folder = mkdtempSync(join(tmpdir(), 'headrace-estimators-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const file = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};
const policies = { old: [0.5, 0.2, 0.1, 0.1, 0.05, 0.05], new: [0.05, 0.05, 0.1, 0.1, 0.2, 0.5], next: [0.1, 0.1, 0.1, 0.1, 0.3, 0.3] };
const rates = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6];

interface Drawn {
  readonly action: number;
  readonly policy: 'old' | 'new';
  readonly propensity: number;
  readonly reward: number;
}

function log(n: number, seed: number): Drawn[] {
  const random = splitmix(2);
  random.seed(seed, 0);
  return Array.from({ length: n }, (_, i) => {
    const policy = i < n / 2 ? 'old' : 'new';
    let [u, action] = [random.unit(), 0];
    while (u >= policies[policy][action]!) u -= policies[policy][action++]!;
    return { action, policy, propensity: policies[policy][action]!, reward: Number(random.unit() < rates[action]!) };
  });
}

const rows = log(4_000, 7);
const lines = (more: (row: Drawn) => object) => rows.map((row) => `${JSON.stringify({ ...row, actions, ...more(row) })}\n`).join('');
const plain = file('log.jsonl', lines(() => ({})));
const whole = file('whole.jsonl', lines(({ policy }) => ({ probabilities: policies[policy] })));
const next = file('next.txt', policies.next.map((p, a) => `${a}:${p}`).join(' '));

async function estimatesOf(...words: string[]) {
  const called = await callCommand(evaluate, ['--policy', next, '--json', ...words]);
  if (called.error !== undefined) throw called.error;
  return called.json as { readonly estimates: Record<string, { value: number; low: number; high: number; standard_error: number; lambda?: number | string }>; readonly remarks: readonly string[] };
}

const near = (actual: number, expected: number) => expect(Math.abs(actual - expected)).toBeLessThanOrEqual(1e-12 * Math.abs(expected));
const mean = (of: (row: Drawn, i: number) => number) => rows.reduce((sum, row, i) => sum + of(row, i), 0) / rows.length;
const weight = ({ action, propensity }: Drawn) => policies.next[action]! / propensity;

test('a tuned estimator is that of its family at the λ that it names, and one that there is to choose', async () => {
  const names = ['ips', 'dr', 'switch_dr', 'dr_os', 'ips_sub_gaussian', 'dr_sub_gaussian'].map((of) => `${of}_tuned`);
  for (const how of ['slope', 'mse']) {
    const { estimates } = await estimatesOf('--log', plain, '--estimators', ['ips', ...names].join(), '--tune', how);
    expect(Object.keys(estimates)).toEqual(['ips', ...names]);
    for (const name of names) expect(estimates[name]!.lambda, name).toBeDefined();
    const { value, lambda } = estimates['ips_tuned']!;
    near(value, mean((row) => Math.min(weight(row), lambda === 'inf' ? Number.POSITIVE_INFINITY : Number(lambda)) * row.reward));
  }
  const { estimates } = await estimatesOf('--log', plain, '--estimators', 'ips_tuned', '--lambdas', '0.5,inf');
  expect([0.5, 'inf']).toContain(estimates['ips_tuned']!.lambda);
  await expect(estimatesOf('--log', plain, '--estimators', 'ips_tuned', '--lambdas', '-1')).rejects.toMatchObject({ code: 'HR_USAGE' });
  await expect(estimatesOf('--log', plain, '--estimators', 'dr_sub_gaussian_tuned', '--lambdas', '1')).rejects.toMatchObject({ code: 'HR_ARGUMENT' });
});

test('mips weighs classes of actions', async () => {
  const classes = [0, 0, 1, 1, 2, 2];
  const given = file('classes.txt', `# actions and their classes\n${classes.map((c, a) => `${a}:class ${c}`).join('\n')}\n99:elsewhere\n`);
  const share = (of: readonly number[], c: number) => of.reduce((sum, p, a) => sum + (classes[a] === c ? p : 0), 0);
  const { estimates } = await estimatesOf('--log', whole, '--classes', given);
  near(estimates['mips']!.value, mean(({ action, policy, reward }) => (share(policies.next, classes[action]!) / share(policies[policy], classes[action]!)) * reward));
  expect(estimates['mips']!.standard_error).toBeLessThan(estimates['ips']!.standard_error);
  expect(Object.keys((await estimatesOf('--log', whole, '--classes', given, '--estimators', 'mips')).estimates)).toEqual(['mips']);
  await expect(estimatesOf('--log', plain, '--classes', given)).rejects.toMatchObject({ code: 'HR_EVALUATION_COLUMNS' });
  await expect(estimatesOf('--log', whole, '--estimators', 'mips')).rejects.toMatchObject({ code: 'HR_EVALUATION_COLUMNS' });
  for (const text of ['0:a\n1:a\n2:a\n3:a\n4:a\n', '0:a\n0:b\n', 'nothing\n']) await expect(estimatesOf('--log', whole, '--classes', file('bad.txt', text))).rejects.toMatchObject({ code: 'HR_EVALUATION_LOG' });
  await expect(estimatesOf('--log', whole, '--classes', join(folder, 'none.txt'))).rejects.toMatchObject({ code: 'HR_INPUT_FILE' });
});

test('balanced weights are over the mixture of the policies that logged', async () => {
  const [old, young] = [file('old.txt', policies.old.map((p, a) => `${a}:${p}`).join(' ')), file('new.txt', policies.new.map((p, a) => `${a}:${p}`).join(' '))];
  const { estimates, remarks } = await estimatesOf('--log', plain, '--balance', `old=${old},new=${young}`);
  near(estimates['ips']!.value, mean(({ action, reward }) => (policies.next[action]! / ((policies.old[action]! + policies.new[action]!) / 2)) * reward));
  expect(remarks.join()).toContain('balanced over the policies old, new');
  expect(estimates['ips']!.standard_error).toBeLessThan((await estimatesOf('--log', plain)).estimates['ips']!.standard_error);
  // The same from columns of the log.
  const columns = file('columns.jsonl', lines(({ action }) => ({ under_old: policies.old[action], under_new: policies.new[action] })));
  near((await estimatesOf('--log', columns, '--balance', 'old=column:under_old,new=column:under_new')).estimates['ips']!.value, estimates['ips']!.value);
  await expect(estimatesOf('--log', plain, '--balance', `old=${old}`)).rejects.toMatchObject({ code: 'HR_EVALUATION_COLUMNS' });
  await expect(estimatesOf('--log', plain, '--balance', `old=${old},new=${young},mew=uniform`)).rejects.toMatchObject({ code: 'HR_EVALUATION_COLUMNS', message: expect.stringContaining('new') as string });
  await expect(estimatesOf('--log', plain, '--balance', 'old')).rejects.toMatchObject({ code: 'HR_USAGE' });
  const untold = file('untold.jsonl', rows.map((row) => `${JSON.stringify({ ...row, policy: undefined, actions })}\n`).join(''));
  await expect(estimatesOf('--log', untold, '--balance', 'old=uniform')).rejects.toMatchObject({ code: 'HR_EVALUATION_COLUMNS' });
});

test('Cascade-DR corrects RIPS slot by slot with the outcome model', async () => {
  const slots = 2;
  const slates = file('slates.jsonl', lines(() => ({})).split('\n').slice(0, -1).map((line, i) => JSON.stringify({ ...(JSON.parse(line) as object), slate: Math.floor(i / slots), slot: i % slots })).join('\n'));
  const { estimates } = await estimatesOf('--log', slates, '--estimators', 'cascade_dr,rips', '--outcome-model', 'smoothed:10');
  // q̂(item, slot) = (clicks + 10 m) / (shown + 10), with the mean m of the log
  const m = mean(({ reward }) => reward);
  const counts = Array.from({ length: slots }, () => Array.from({ length: actions }, () => ({ shown: 0, clicks: 0 })));
  rows.forEach(({ action, reward }, i) => {
    counts[i % slots]![action]!.shown += 1;
    counts[i % slots]![action]!.clicks += reward;
  });
  const expected = (action: number, slot: number) => (counts[slot]![action]!.clicks + 10 * m) / (counts[slot]![action]!.shown + 10);
  let sum = 0;
  for (let i = 0; i < rows.length; i += slots) {
    let above = 1;
    for (let k = 0; k < slots; k++) {
      const row = rows[i + k]!;
      const below = above * weight(row);
      sum += below * (row.reward - expected(row.action, k)) + above * policies.next.reduce((v, p, a) => v + p * expected(a, k), 0);
      above = below;
    }
  }
  near(estimates['cascade_dr']!.value, sum / (rows.length / slots));
  await expect(estimatesOf('--log', slates, '--estimators', 'cascade_dr', '--outcome-model', 'none')).rejects.toMatchObject({ code: 'HR_EVALUATION_MODEL' });
});
