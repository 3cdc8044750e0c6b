/*
 * The mistakes that newcomers make with `headrace evaluate`. Each gets one message, with a code, the place where there is one, and the way out; what can be left out is counted.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { evaluate } from '../../../runners/commands/evaluate.js';
import { hasOnnx } from '../../connectors/onnx-here.js';
import { temporaryDirectory } from '../../connectors/embedded/temporary-directory.js';
import { tinyOnnx } from '../evaluate/tiny-onnx.js';
import { callCommand } from './in-process.js';
import { headrace, workplace } from './headrace-process.js';

const row = { action: 1, actions: 3, propensity: 0.5, reward: 1, context: [1, 2], user: 'u', slot: 0 };
const log = (...rows: object[]): string => rows.map((of) => `${JSON.stringify(of)}\n`).join('');
const good = log(...Array.from({ length: 50 }, (_, i) => ({ ...row, action: i % 3, reward: i % 2 })));

/** What lies in a newcomer's folder. */
const files: Readonly<Record<string, string | Uint8Array>> = {
  'good.jsonl': good,
  'empty.jsonl': '',
  'blank.jsonl': '\n\n',
  'notes.jsonl': 'hello\nworld\n',
  'no-propensity.jsonl': log({ action: 1, reward: 1, p: 0.5 }),
  'all-bad.jsonl': log({ ...row, propensity: 0 }, { ...row, propensity: -1 }, { ...row, reward: null }),
  'other.csv': 'item,price\n1,2\n',
  'no-actions.jsonl': log({ propensity: 0.5, reward: 1 }),
  'no-context.jsonl': log({ ...row, context: undefined }),
  'tiny-p.jsonl': log({ ...row, propensity: 1e-300 }),
  'bad-sum.txt': '0:0.5,1:0.4\n',
  'nan.txt': '0:NaN,1:1\n',
  'four.txt': '3:1\n',
  'three-lines.txt': '0:1\n1:1\n2:0.5,1:0.5\n',
  'two-actions.json': '{"slots": [[0.5, 0.5]]}',
  'text.json': '{"slots": "none"}',
  'seven.ts': 'export default 7;',
  'throws.ts': 'export default () => { throw new RangeError("no"); };',
  'long.ts': 'export default () => [0.5, 0.5, 0, 0];',
  'nan.ts': 'export default () => [NaN, 1, 0];',
  'broken.ts': 'export default (',
  'outcome-nan.ts': 'export default () => [1, NaN, 1];',
  'features.onnx': tinyOnnx([1, 0, 0], 3),
  'actions.onnx': tinyOnnx([1, 0, 0, 1], 2),
  'scores.onnx': tinyOnnx([1, 2, 3, 4, 5, 6], 3),
  'no.onnx': 'none',
};

const folder = (): string => {
  const at = temporaryDirectory();
  for (const [name, content] of Object.entries(files)) writeFileSync(join(at, name), content);
  mkdirSync(join(at, 'folder'));
  return at;
};

/** Words in which a name of a file stands for its path. */
const mistakes: readonly (readonly [string, readonly string[], string, string | RegExp])[] = [
  ['no log', ['--policy', 'uniform'], 'HR_USAGE', 'Say which log'],
  ['no policy', ['--log', '@good.jsonl'], 'HR_USAGE', 'Say which policy'],
  ['one policy to compare', ['--log', '@good.jsonl', '--compare', 'uniform'], 'HR_USAGE', '--compare needs two policies'],
  ['a stray word', ['recrod', '--log', '@good.jsonl', '--policy', 'uniform'], 'HR_USAGE', 'Did you mean record?'],
  ['an option with a typo', ['--log', '@good.jsonl', '--polcy', 'uniform'], 'HR_USAGE', 'Did you mean --policy?'],
  ['a file that is not there', ['--log', '@gone.jsonl', '--policy', 'uniform'], 'HR_INPUT_FILE', 'gone.jsonl does not exist'],
  ['a file that is not there, of a format', ['--log', 'open-bandit:@gone.csv', '--policy', 'uniform'], 'HR_INPUT_FILE', 'gone.csv does not exist'],
  ['a folder for a log', ['--log', 'jsonl:@folder', '--policy', 'uniform'], 'HR_INPUT_FILE', 'cannot be read (EISDIR)'],
  ['a format with a typo', ['--log', 'open-bandits:@good.jsonl', '--policy', 'uniform'], 'HR_EVALUATION_LOG', 'Did you mean open-bandit?'],
  ['a topic without a data directory', ['--log', 'logged-decisions', '--policy', 'uniform'], 'HR_DATA_DIR', /./],
  ['no table in ClickHouse', ['--log', 'clickhouse://localhost', '--policy', 'uniform'], 'HR_EVALUATION_LOG', 'no address of a table in ClickHouse'],
  ['a ClickHouse that does not run', ['--log', 'clickhouse://127.0.0.1:9/logs/decisions', '--policy', 'uniform'], 'HR_EVALUATION_LOG', 'ClickHouse at http://127.0.0.1:9 does not answer'],
  ['an empty log', ['--log', '@empty.jsonl', '--policy', 'uniform'], 'HR_EVALUATION_EMPTY', 'is empty'],
  ['blank lines', ['--log', '@blank.jsonl', '--policy', 'uniform'], 'HR_EVALUATION_EMPTY', 'is empty'],
  ['notes for a log', ['--log', '@notes.jsonl', '--policy', 'uniform'], 'HR_EVALUATION_EMPTY', /2 × HR_EVALUATION_LINE \(line 1: it is not JSON/],
  ['a log without propensities', ['--log', '@no-propensity.jsonl', '--policy', 'uniform'], 'HR_EVALUATION_LOG', 'has no field "propensity"; its first line has action, reward, p'],
  ['a log of which nothing can be used', ['--log', '@all-bad.jsonl', '--policy', 'uniform'], 'HR_EVALUATION_EMPTY', '2 × HR_EVALUATION_PROPENSITY (the propensity is 0), 1 × HR_EVALUATION_REWARD'],
  ['a propensity of 1e-300', ['--log', '@tiny-p.jsonl', '--policy', 'uniform'], 'HR_EVALUATION_EMPTY', '1 × HR_EVALUATION_WEIGHT'],
  ['another CSV', ['--log', '@other.csv', '--policy', 'uniform'], 'HR_EVALUATION_LOG', 'has no column "item_id"; its header has item, price'],
  ['a wrong column for the reward', ['--log', '@good.jsonl', '--policy', 'uniform', '--reward', 'clik'], 'HR_EVALUATION_LOG', 'has no field "clik"'],
  ['a wrong column for the segment', ['--log', '@good.jsonl', '--policy', 'uniform', '--by', 'segment:land'], 'HR_EVALUATION_LOG', 'has no field "land"'],
  ['days without times', ['--log', '@good.jsonl', '--policy', 'uniform', '--by', 'day'], 'HR_EVALUATION_COLUMNS', 'has no times for --by day'],
  ['segments that are not there', ['--log', '@good.jsonl', '--policy', 'uniform', '--by', 'segment'], 'HR_EVALUATION_COLUMNS', 'has no segments'],
  ['another grouping', ['--log', '@good.jsonl', '--policy', 'uniform', '--by', 'dya'], 'HR_USAGE', 'Did you mean day?'],
  ['an unknown policy', ['--log', '@good.jsonl', '--policy', 'unifrom'], 'HR_EVALUATION_POLICY', 'Did you mean uniform?'],
  ['a policy file that is not there', ['--log', '@good.jsonl', '--policy', '@candidate.onnx'], 'HR_INPUT_FILE', 'candidate.onnx of the policy does not exist'],
  ['uniform over nobody knows what', ['--log', '@no-actions.jsonl', '--policy', 'uniform'], 'HR_EVALUATION_LOG', 'does not say which actions there were'],
  ['probabilities that do not sum to 1', ['--log', '@good.jsonl', '--policy', '@bad-sum.txt'], 'HR_EVALUATION_PMF', 'its probabilities sum to 0.9'],
  ['a probability that is no number', ['--log', '@good.jsonl', '--policy', '@nan.txt'], 'HR_EVALUATION_POLICY', '"0:NaN", which is no action:probability'],
  ['an action too many', ['--log', '@good.jsonl', '--policy', '@four.txt'], 'HR_EVALUATION_POLICY', 'a probability for action 3, and'],
  ['another number of lines', ['--log', '@good.jsonl', '--policy', '@three-lines.txt'], 'HR_EVALUATION_POLICY', 'has 3 lines, and'],
  ['slots of other actions', ['--log', '@good.jsonl', '--policy', 'slots:@two-actions.json'], 'HR_EVALUATION_POLICY', 'has 2 probabilities, and'],
  ['slots that are none', ['--log', '@good.jsonl', '--policy', 'slots:@text.json'], 'HR_EVALUATION_POLICY', 'no list of lists of numbers'],
  ['a column that is not there', ['--log', '@good.jsonl', '--policy', 'column:candidate'], 'HR_EVALUATION_LOG', 'has no field "candidate"'],
  ['a module without a function', ['--log', '@good.jsonl', '--policy', '@seven.ts'], 'HR_EVALUATION_POLICY', 'no function as default export'],
  ['a module that throws', ['--log', '@good.jsonl', '--policy', '@throws.ts'], 'HR_EVALUATION_POLICY', 'failed at line 1: RangeError: no'],
  ['a module of another length', ['--log', '@good.jsonl', '--policy', '@long.ts'], 'HR_EVALUATION_POLICY', 'gave 4 numbers for the 3 actions of line 1'],
  ['a module with NaN', ['--log', '@good.jsonl', '--policy', '@nan.ts'], 'HR_EVALUATION_PMF', 'gives action 0 no number at line 1'],
  ['a module that does not compile', ['--log', '@good.jsonl', '--policy', '@broken.ts'], 'HR_EVALUATION_POLICY', 'broken.ts:1'],
  ['ε that is none', ['--log', '@good.jsonl', '--policy', 'epsilon-greedy:5@@scores.onnx'], 'HR_EVALUATION_POLICY', 'ε is "5"'],
  ['scores that are not logged', ['--log', '@good.jsonl', '--policy', 'epsilon-greedy:0.1@scores'], 'HR_EVALUATION_LOG', 'has no scores'],
  ['an unknown estimator', ['--log', '@good.jsonl', '--policy', 'uniform', '--estimators', 'isp'], 'HR_ARGUMENT', 'Did you mean ips?'],
  ['an estimator without its model', ['--log', '@good.jsonl', '--policy', 'uniform', '--estimators', 'dr', '--outcome-model', 'none'], 'HR_EVALUATION_MODEL', 'dr needs an outcome model'],
  ['an estimator of slates', ['--log', '@good.jsonl', '--policy', 'uniform', '--estimators', 'rips'], 'HR_EVALUATION_COLUMNS', 'rips needs slates'],
  ['an unknown outcome model', ['--log', '@good.jsonl', '--policy', 'uniform', '--outcome-model', 'magic'], 'HR_ARGUMENT', 'smoothed:STRENGTH, ridge'],
  ['smoothing by nothing', ['--log', '@good.jsonl', '--policy', 'uniform', '--outcome-model', 'smoothed:0'], 'HR_ARGUMENT', '"0" is no number over 0'],
  ['an outcome model with NaN', ['--log', '@good.jsonl', '--policy', 'uniform', '--outcome-model', '@outcome-nan.ts'], 'HR_EVALUATION_MODEL', /expects (NaN|1) of what was shown and NaN of the candidate, at line 1/],
  ['a clip of nothing', ['--log', '@good.jsonl', '--policy', 'uniform', '--clip', '0'], 'HR_USAGE', '--clip is "0"'],
  ['a level in percent', ['--log', '@good.jsonl', '--policy', 'uniform', '--level', '95'], 'HR_USAGE', '--level is "95"'],
  ['an unknown interval', ['--log', '@good.jsonl', '--policy', 'uniform', '--ci', 'bootsrap'], 'HR_USAGE', 'Did you mean bootstrap?'],
  ['a range of rewards backwards', ['--log', '@good.jsonl', '--policy', 'uniform', '--reward-range', '1,0'], 'HR_USAGE', '--reward-range is "1,0"'],
  ['rewards outside of their range', ['--log', '@good.jsonl', '--policy', 'uniform', '--ci', 'clopper-pearson', '--reward-range', '0,0.5'], 'HR_EVALUATION_REWARD', 'Rewards go from 0 to 1'],
  ['a report where there is no folder', ['--log', '@good.jsonl', '--policy', 'uniform', '--html', '@nowhere/r.html'], 'HR_DATA_DIR', 'cannot be written (ENOENT)'],
  ['another format to write', ['--log', '@good.jsonl', '--write', 'dsjso:x'], 'HR_USAGE', 'Did you mean dsjson?'],
  ['a record of nothing', ['record', '--observed', '1'], 'HR_USAGE', 'Say which evaluation'],
  ['a record without a number', ['record', 'a'], 'HR_USAGE', 'Say what the test showed'],
  ['a record of an evaluation that is not stored', ['record', 'a', '--observed', '1'], 'HR_EVALUATION_RECORD', 'There is no stored evaluation "a"'],
  ['a record of a file that is no evaluation', ['record', '@text.json', '--observed', '1'], 'HR_EVALUATION_RECORD', 'is not what `headrace evaluate --json` prints'],
  ['an observation that is no number', ['record', 'a', '--observed', 'much'], 'HR_USAGE', '--observed is "much"'],
  ['an option of another verb', ['scorecard', '--policy', 'uniform'], 'HR_USAGE', 'has no option --policy'],
  ['an observation without record', ['--log', '@good.jsonl', '--policy', 'uniform', '--observed', '1'], 'HR_USAGE', '--observed is for `headrace evaluate record`'],
];

test.each(mistakes)('%s', async (_, words, code, message) => {
  const at = folder();
  const { error, code: exit, text } = await callCommand(evaluate, [...words.map((word) => word.replace(/@(?=folder$|nowhere\/|[\w-]+\.\w+$)/, `${at}/`)), '--data-dir', join(at, 'data')]);
  expect(text).toContain(code);
  expect(error?.code).toBe(code);
  if (typeof message === 'string') expect(text).toContain(message);
  else expect(text).toMatch(message);
  expect(exit).toBe(code === 'HR_USAGE' ? 2 : 1);
  expect(text.match(/^HR_[A-Z_]+ {2}/gm)).toHaveLength(1);
  expect(text).not.toMatch(/^ +at .+:\d+:\d+\)?$/m);
});

test.skipIf(!hasOnnx).each([
  ['a model of other features', '@features.onnx', 'HR_EVALUATION_POLICY', 'takes 1 features, and the context of'],
  ['a model of other actions', '@actions.onnx', 'HR_EVALUATION_POLICY', 'gives 2 numbers a decision, and'],
  ['scores for a distribution', '@scores.onnx', 'HR_EVALUATION_PMF', 'its probability of action 0 is 9'],
  ['a file that is no model', '@no.onnx', 'HR_EVALUATION_POLICY', 'is no ONNX model that can be run'],
])('%s', async (_, policy, code, message) => {
  const at = folder();
  const { error, text } = await callCommand(evaluate, ['--log', join(at, 'good.jsonl'), '--policy', policy.replace('@', `${at}/`)]);
  expect(error?.code).toBe(code);
  expect(text).toContain(message);
  const bare = await callCommand(evaluate, ['--log', join(at, 'no-context.jsonl'), '--policy', policy.replace('@', `${at}/`)]);
  expect(bare.error?.code).toBe(code === 'HR_EVALUATION_PMF' ? 'HR_EVALUATION_POLICY' : code);
});

test('as a person sees it', async () => {
  const cwd = workplace({ 'good.jsonl': good });
  const wrong = await headrace(['evaluate', '--log', 'good.jsonl', '--policy', 'unifrom'], { cwd });
  expect(wrong).toMatchObject({ code: 1, stdout: '' });
  expect(wrong.stderr).toBe('HR_EVALUATION_POLICY  "unifrom" is no policy: There is no policy and no file "unifrom". Did you mean uniform?\n                      A policy is uniform, logged, column:NAME, epsilon-greedy:E@MODEL, softmax:T@MODEL (a model is FILE.onnx, FILE.ts or .js, or scores: those of the log), slots:FILE.json, FILE.onnx, FILE.ts or .js, or a file of action:probability lines.\n');
});
