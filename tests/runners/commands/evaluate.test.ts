import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { evaluate } from '../../../runners/commands/evaluate.js';
import { temporaryDirectory } from '../../connectors/embedded/temporary-directory.js';
import { hasShared, sharedFile, sharedJson } from '../../evaluation/shared-files.js';
import { callCommand, type Called } from './in-process.js';
import { headrace, workplace } from './headrace-process.js';

interface Row {
  readonly value: number | null;
  readonly low: number | null;
  readonly high: number | null;
}
type Estimates = Readonly<Record<string, Row>>;

/** A log of 3 actions, drawn with 0.5, 0.3, 0.2 by place in a fixed order; action 2 is the best. */
function lines(n: number, more: (i: number) => object = () => ({})): string {
  const p = [0.5, 0.3, 0.2];
  return Array.from({ length: n }, (_, i) => {
    const action = [0, 1, 0, 2, 0, 1, 0, 2, 0, 1][i % 10]!;
    return `${JSON.stringify({ id: `d${i}`, action, actions: 3, propensity: p[action], reward: Number((Math.floor(i / 10) * 7 + i) % [9, 7, 3][action]! < 1), user: `u${i % 97}`, ...more(i) })}\n`;
  }).join('');
}

function file(name: string, content: string): string {
  const path = join(temporaryDirectory(), name);
  writeFileSync(path, content);
  return path;
}

const call = (...words: string[]): Promise<Called> => callCommand(evaluate, words);
const estimatesOf = ({ json }: Called): Estimates => json['estimates'] as Estimates;

describe.skipIf(!hasShared('fixtures/obp-men-reference.json') || !hasShared('data/open-bandit'))('the Open Bandit campaign "men"', () => {
  const names: Readonly<Record<string, string>> = { ips: 'ipw', ips_clipped: 'cipw_10', snips: 'snipw', dm: 'dm', dr: 'dr', dr_clipped: 'dr_clip_10', sndr: 'sndr', switch_dr: 'switch_dr_10', dr_os: 'dr_os_100', ips_sub_gaussian: 'sg_ipw_0.05', dr_sub_gaussian: 'sg_dr_0.05' };

  test.each(['random->bts', 'bts->random', 'random->random', 'bts->bts'])('%s gives the numbers of Open Bandit Pipeline', async (pair) => {
    const [from, to] = pair.split('->') as [string, string];
    const reference = sharedJson<Record<string, Record<string, number> & { estimates: Record<string, number> }>>('fixtures/obp-men-reference.json')[`men:${pair}`]!;
    const policy = to === 'random' ? 'uniform' : `slots:${sharedFile('fixtures/bts-men-policy.json')}`;
    const found = await call('--log', `open-bandit:${sharedFile(`data/open-bandit/${from}/men.csv`)}`, '--policy', policy, '--outcome-model', 'smoothed:10', '--json');
    expect(found.error).toBeUndefined();
    const near = (actual: number | null | undefined, expected: number, what: string) => expect(Math.abs((actual ?? NaN) / expected - 1), `${what}: ${actual} is not ${expected}`).toBeLessThanOrEqual(1e-9);
    for (const [name, theirs] of Object.entries(names)) near(estimatesOf(found)[name]?.value, reference.estimates[theirs]!, name);
    const d = found.json['diagnostics'] as Record<string, number>;
    for (const [name, theirs] of [['ess', 'ess'], ['weight_mean', 'iw_mean'], ['weight_max', 'iw_max'], ['inverse_propensity_mean', 'mean_inv_pscore'], ['logged_value', 'on_policy_behavior_mean']] as const) near(d[name], reference[theirs]!, name);
    expect(found.json['n']).toBe(10_000);
    if (pair === 'random->random') expect([d['weight_mean'], d['weight_max'], d['ess']]).toEqual([1, 1, 10_000]);
  });

  test('the log against itself has weights of exactly 1', async () => {
    const found = await call('--log', `open-bandit:${sharedFile('data/open-bandit/bts/men.csv')}`, '--policy', 'logged', '--json');
    expect((found.json['diagnostics'] as Record<string, number>)['weight_max']).toBe(1);
    expect(estimatesOf(found)['ips']!.value).toBeCloseTo(0.0069, 15);
    expect(Object.keys(estimatesOf(found))).not.toContain('dm');
    expect(found.json['remarks']).toEqual(['Estimators with an outcome model are left out: a candidate is known for what was shown only.']);
  });
});

test('shown with 10 %, wanted with 30 %, outcome 1: worth 3.0, and never an interval from one row', async () => {
  const log = file('log.jsonl', '{"action": 1, "actions": 2, "propensity": 0.1, "reward": 1, "candidate": 0.3}\n');
  for (const policy of [file('candidate.txt', '0:0.7,1:0.3\n'), 'column:candidate']) {
    const found = await call('--log', log, '--policy', policy, '--json');
    expect(estimatesOf(found)['ips']).toMatchObject({ low: null, high: null });
    expect(estimatesOf(found)['ips']!.value).toBeCloseTo(3, 12);
    expect(found.json['verdict']).toBe('do-not-trust');
    expect(found.code).toBe(3);
    expect(found.text).toContain('DO NOT TRUST');
    expect(JSON.stringify(found.json)).not.toMatch(/NaN|Infinity/);
  }
});

test('one object with everything under --json', async () => {
  const found = await call('--log', file('log.jsonl', lines(2_000)), '--policy', 'uniform', '--json');
  const { json } = found;
  expect(found.code).toBe(0);
  expect(Object.keys(json).slice(0, 5)).toEqual(['n', 'estimates', 'diagnostics', 'findings', 'verdict']);
  expect(json['n']).toBe(2_000);
  for (const name of ['ips', 'ips_clipped', 'snips', 'dm', 'dr', 'sndr', 'switch_dr', 'dr_os']) expect(Object.keys(estimatesOf(found)[name]!)).toEqual(['value', 'low', 'high', 'standard_error']);
  for (const name of ['ess', 'weight_mean', 'weight_max', 'unsupported_mass']) expect(json['diagnostics']).toHaveProperty(name, expect.any(Number));
});

test('options choose estimators, clip, reward, level and outcome model', async () => {
  const log = file('log.jsonl', lines(2_000, (i) => ({ watch: i % 5, context: [i % 2, i % 3] })));
  const of = async (...words: string[]) => estimatesOf(await call('--log', log, '--policy', 'uniform', '--json', ...words));
  expect(Object.keys(await of('--estimators', 'snips,dr'))).toEqual(['snips', 'dr']);
  expect(Object.keys(await of('--outcome-model', 'none'))).toEqual(['ips', 'ips_clipped', 'snips', 'ips_sub_gaussian', 'cressie_read']);
  const standard = await of();
  expect((await of('--clip', '1'))['ips_clipped']!.value).toBeLessThan(standard['ips_clipped']!.value!);
  expect((await of('--reward', 'watch'))['snips']!.value).toBeGreaterThan(1.5);
  const width = ({ low, high }: Row) => high! - low!;
  expect(width((await of('--level', '0.5'))['snips']!)).toBeLessThan(width(standard['snips']!) / 2);
  for (const model of ['ridge', 'logistic', 'smoothed:100']) expect((await of('--outcome-model', model))['dm']!.value).toBeCloseTo(standard['dm']!.value!, 1);
  const module = file('model.ts', 'export default ({ actions }: { actions: number[] }) => actions.map((a) => a / 10);');
  expect((await of('--outcome-model', module))['dm']!.value).toBeCloseTo(0.1, 12);
});

test.each(['bootstrap', 'bernstein', 'clopper-pearson', 'cressie-read', 'sequence'])('intervals by %s', async (method) => {
  const log = file('log.jsonl', lines(2_000));
  const words = ['--log', log, '--policy', 'uniform', '--json', '--ci', method, '--replicates', '200'];
  const found = estimatesOf(await call(...words));
  const name = method === 'cressie-read' ? 'cressie_read' : 'ips';
  const { value, low, high } = found[name]!;
  expect(low!).toBeLessThan(value!);
  expect(high!).toBeGreaterThan(value!);
  expect(estimatesOf(await call(...words))[name]).toEqual(found[name]);
  if (method === 'bootstrap') expect(estimatesOf(await call(...words, '--seed', '2'))['ips']!.low).not.toBe(low);
  if (method === 'sequence') expect(found['snips']!.low).toBeNull();
});

test('estimates by day, slot and segment add up to those of all', async () => {
  const log = file('log.jsonl', lines(3_000, (i) => ({ slot: i % 2, segment: i % 3 === 0 ? 'DE' : 'FR', country: 'X', time: Date.UTC(2026, 0, 5) + i * 60_000 })));
  const all = estimatesOf(await call('--log', log, '--policy', 'uniform', '--json'));
  for (const [by, groups] of [['day', ['2026-01-05', '2026-01-06', '2026-01-07']], ['slot', ['0', '1']], ['segment', ['DE', 'FR']], ['segment:country', ['X']]] as const) {
    const found = await call('--log', log, '--policy', 'uniform', '--by', by, '--json');
    const rows = found.json['by'] as { of: string; n: number; estimates: Estimates }[];
    expect(rows.map(({ of }) => of)).toEqual(groups);
    expect(rows.reduce((sum, { n }) => sum + n, 0)).toBe(3_000);
    expect(rows.reduce((sum, { n, estimates }) => sum + (n / 3_000) * estimates['ips']!.value!, 0)).toBeCloseTo(all['ips']!.value!, 12);
    expect(found.text).toContain(by.split(':')[0]);
  }
});

test('two policies are compared on the same decisions', async () => {
  const log = file('log.jsonl', lines(4_000));
  const better = file('better.txt', '2:1\n');
  const ways = [['--compare', better, 'uniform'], ['--policy', better, '--compare', 'uniform']];
  for (const words of ways) {
    const found = await call('--log', log, ...words, '--json');
    const compare = found.json['compare'] as { policy: string; difference: Estimates; estimates: Estimates };
    expect([found.json['policy'], compare.policy]).toEqual([better, 'uniform']);
    for (const name of ['ips', 'snips', 'dr']) {
      const { value, low, high } = compare.difference[name]!;
      expect(value).toBeCloseTo(estimatesOf(found)[name]!.value! - compare.estimates[name]!.value!, 12);
      expect(low!).toBeGreaterThan(0);
      expect(high! - low!).toBeLessThan(0.2);
    }
    expect(found.text).toContain('less uniform, on the same decisions');
  }
  const same = await call('--log', log, '--compare', 'uniform', 'uniform', '--json');
  expect((same.json['compare'] as { difference: Estimates }).difference['ips']).toEqual({ value: 0, low: null, high: null, standard_error: null });
});

test('--explain names formula and source of every estimator', async () => {
  const found = await call('--log', file('log.jsonl', lines(100)), '--policy', 'uniform', '--explain', '--estimators', 'ips,dr');
  expect(found.text).toContain('Σ w r / n');
  expect(found.text).toContain('Dudík, Langford and Li, ICML 2011');
  expect((found.json['explain'] as unknown[]).length).toBe(2);
});

test('slates: estimators of slots with a reward each, and of slates with one', async () => {
  const slates = (one: boolean) =>
    Array.from({ length: 500 }, (_, s) =>
      [0, 1].map((slot) => `${JSON.stringify({ slate: `s${s}`, slot, action: (s + slot) % 2, actions: 2, propensity: 0.5, candidate: 0.5, reward: one ? slot : (s % 4) / 4 })}\n`).join(''),
    ).join('');
  const log = file('log.jsonl', slates(false));
  const found = estimatesOf(await call('--log', log, '--policy', 'uniform', '--estimators', 'ips,sips,iips,rips,pseudo_inverse', '--json'));
  for (const name of ['sips', 'iips', 'rips', 'pseudo_inverse']) expect(found[name]!.value).toBeCloseTo(0.75, 12);
  expect(found['ips']!.value).toBeCloseTo(0.375, 12);
  const bySlot = await call('--log', log, '--policy', 'uniform', '--json');
  expect(bySlot.json['remarks']).toEqual([expect.stringContaining('Values are those of one slot; pages of the log have up to 2')]);
});

test('VW slates: one reward a slate, whose probability is the product of its slots', async () => {
  const event = (i: number) => ({
    _label_cost: i % 2 === 0 ? -1 : 0,
    c: { _multi: [{ _slot_id: 0 }, { _slot_id: 0 }, { _slot_id: 1 }, { _slot_id: 1 }], _slots: [{}, {}] },
    _outcomes: [{ _a: i % 2 === 0 ? [0, 1] : [1, 0], _p: [0.8, 0.2] }, { _a: [0, 1], _p: [0.5, 0.5] }],
  });
  const log = file('slates.dsjson', Array.from({ length: 100 }, (_, i) => `${JSON.stringify(event(i))}\n`).join(''));
  const found = await call('--log', log, '--policy', 'uniform', '--json');
  expect(found.json['n']).toBe(100);
  expect(found.json['format']).toBe('dsjson');
  // w = 0.5/0.8 · 0.5/0.5, reward 1 every second time
  expect(estimatesOf(found)['ips']!.value).toBeCloseTo(0.3125, 12);
  expect(estimatesOf(found)['pseudo_inverse']!.value).toBeCloseTo(0.3125, 12);
});

test('bad lines and rows are left out, with code, place and fault', async () => {
  const log = file('log.jsonl', `${lines(1_000)}{"oops\n${[{ propensity: 0 }, { propensity: 1.5 }, { propensity: null }, { reward: null }, { action: 7 }, { propensity: 1e-300 }].map((bad) => lines(1, () => ({ id: 'x', ...bad }))).join('')}`);
  const found = await call('--log', log, '--policy', 'uniform', '--json');
  expect(found.json['n']).toBe(1_000);
  const leftOut = found.json['left_out'] as { code: string; rows: number; first: string; example: string }[];
  expect(leftOut.map(({ code, rows, first }) => [code, rows, first])).toEqual([
    ['HR_EVALUATION_LINE', 1, 'line 1001'],
    ['HR_EVALUATION_ACTION', 1, 'line 1006'],
    ['HR_EVALUATION_PROPENSITY', 3, 'line 1002'],
    ['HR_EVALUATION_REWARD', 1, 'line 1005'],
    ['HR_EVALUATION_WEIGHT', 1, 'line 1007'],
  ]);
  expect(found.text).toContain('left out: 3 × HR_EVALUATION_PROPENSITY, first at line 1002: the propensity is 0');
  expect((found.json['findings'] as { code: string }[]).map(({ code }) => code)).toContain('ROWS_LEFT_OUT');
});

test('a log is written in another format, and evaluated the same', async () => {
  const log = file('log.jsonl', lines(500));
  const expected = estimatesOf(await call('--log', log, '--policy', 'uniform', '--json'));
  const folder = temporaryDirectory();
  for (const format of ['jsonl', 'dsjson', 'open-bandit']) {
    const written = join(folder, format);
    const { code, notices } = await call('--log', log, '--write', `${format}:${written}`);
    expect([code, notices]).toEqual([0, [`${format === 'open-bandit' ? 501 : 500} lines of ${format} to ${written}`]]);
    const found = estimatesOf(await call('--log', format === 'open-bandit' ? `open-bandit:${written}` : written, '--policy', 'uniform', '--json'));
    for (const name of ['ips', 'snips', 'dr']) expect(found[name]!.value).toBeCloseTo(expected[name]!.value!, 12);
  }
});

test('reports stand alone, with a picture of everything', async () => {
  const folder = temporaryDirectory();
  const log = file('log.jsonl', lines(3_000, (i) => ({ time: Date.UTC(2026, 0, 5) + i * 120_000, slot: i % 2 })));
  const [html, markdown] = [join(folder, 'report.html'), join(folder, 'report.md')];
  const { notices } = await call('--log', log, '--compare', file('<b>.txt', '2:1\n'), 'uniform', '--by', 'day', '--html', html, '--markdown', markdown);
  expect(notices).toEqual([`Report: ${html}`, `Report: ${markdown}`]);
  const page = readFileSync(html, 'utf8');
  expect(page).not.toMatch(/<script|src=|href=|https?:\/\/(?!www\.w3\.org)/);
  expect(page).not.toContain('<b>.txt');
  for (const title of ['Difference by estimator', 'Estimates with 95 % intervals', 'Decisions by weight', 'Clipped IPS with 95 % band', 'Σ 1/p over decisions', 'Value over time', 'Decisions, and what they are worth']) expect(page).toContain(title);
  expect(page).not.toMatch(/NaN|undefined|Infinity/);
  const text = readFileSync(markdown, 'utf8');
  expect(text.match(/!\[[^\]]*\]\(data:image\/svg\+xml;base64,/g)!.length).toBeGreaterThanOrEqual(6);
  expect(text).toContain('| ips |');
});

test('what a test showed is held against the forecast', async () => {
  const dataDir = join(temporaryDirectory(), 'data');
  const inData = (...words: string[]) => call(...words, '--data-dir', dataDir);
  expect((await inData('scorecard')).text).toContain('No test is recorded');
  const log = file('log.jsonl', lines(2_000));
  const kept = await inData('--log', log, '--policy', 'uniform', '--save', 'uniform-1', '--json');
  expect(kept.notices.join()).toContain('evaluate record uniform-1 --observed');
  for (const name of ['two', 'three', 'open']) await inData('--log', log, '--policy', file('p.txt', '2:1\n'), '--save', name);
  const value = estimatesOf(kept)['snips']!.value!;
  const recorded = await inData('record', 'uniform-1', '--observed', String(value), '--control', '0.1');
  expect(recorded.text).toMatch(/snips .* yes/);
  await inData('record', 'two', '--observed', '9', '--control', '0.1');
  await inData('record', 'two', '--observed', '0.01', '--control', '0.1');
  const printed = file('from-json.json', JSON.stringify(kept.json));
  await inData('record', printed, '--observed', '0.9', '--control', '0.1');
  await inData('record', 'three', '--observed', '0.4');
  const { json, text } = await inData('scorecard', '--json');
  expect(json).toMatchObject({ tested: 4, open: ['open'], estimators: { snips: { n: 4, intervals: 4, signs: 3 } } });
  expect(text).toContain('without a test: open');
  expect(readFileSync(join(dataDir, 'evaluations.jsonl'), 'utf8').trimEnd().split('\n')).toHaveLength(10);
});

test('the command itself: files by relative path, exit codes, nothing but JSON on standard output', async () => {
  const cwd = workplace({ 'log.jsonl': lines(500), 'candidate.txt': '2:1\n' });
  const fine = await headrace(['evaluate', '--log', 'log.jsonl', '--policy', 'candidate.txt', '--json'], { cwd });
  expect(fine.stderr).toBe('');
  expect(fine.json()).toHaveLength(1);
  const one = await headrace(['evaluate', '--log', '-', '--policy', 'column:c'], { cwd, stdin: '' });
  expect([one.code, one.stderr]).toEqual([1, expect.stringMatching(/^HR_/)]);
  expect(existsSync(join(cwd, '.headrace'))).toBe(false);
});

test('a log whose rewards are all the same is not trusted blindly, and a short one is not accused of its weights', async () => {
  const flat = await call('--log', file('flat.jsonl', lines(200).replaceAll('"reward":1', '"reward":0')), '--policy', 'uniform', '--json');
  expect(flat.json['verdict']).toBe('caution');
  expect((flat.json['findings'] as { code: string }[]).map((f) => f.code)).toEqual(['REWARD_CONSTANT']);
  const short = await call('--log', file('short.jsonl', lines(2)), '--policy', 'logged', '--json');
  expect((short.json['findings'] as { code: string }[]).map((f) => f.code)).toEqual(['FEW_DECISIONS']);
});
