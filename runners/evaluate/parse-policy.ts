import { existsSync, readdirSync, statSync } from 'node:fs';
import { basename, dirname, extname } from 'node:path';
import { HeadraceError } from '../../dataflow/errors.js';
import { splitmix } from '../../dataflow/splitmix.js';
import { epsilonGreedyScheme } from '../../serving/explore/epsilon-greedy.js';
import type { ScoredItem } from '../../serving/explore/item.js';
import type { Scheme } from '../../serving/explore/scheme.js';
import { softmaxScheme } from '../../serving/explore/softmax.js';
import { didYouMean } from '../commands/nearest-name.js';
import { actionsOf, checkListed, choicesAt, choiceWidth, listedCandidate, nameOf, type Policy, varies } from './policy.js';
import { probabilityFile } from './probability-file.js';
import { loggedScores, moduleScorer, onnxScorer, type Scorer } from './scorer.js';
import { slotsFile } from './slots-file.js';

const modules = ['.ts', '.mts', '.js', '.mjs'];

/** What a policy can be, as help and messages say it. */
export const policyForms = 'uniform, logged, column:NAME, epsilon-greedy:E@MODEL, softmax:T@MODEL (a model is FILE.onnx, FILE.ts or .js, or scores: those of the log), slots:FILE.json, FILE.onnx, FILE.ts or .js, or a file of action:probability lines';

/**
 * The policy that a word stands for. Files are looked for now, and read when it is bound.
 *
 * @throws HR_EVALUATION_POLICY for what is none of them, HR_INPUT_FILE for a file that is missing
 */
export function parsePolicy(word: string): Policy {
  if (word === 'uniform') return uniform;
  if (word === 'logged') return logged;
  const scheme = /^([a-z-]+):(.*)$/s.exec(word);
  if (scheme !== null) {
    const [, name, rest] = scheme as unknown as [string, string, string];
    if (name === 'slots') return slotsFile(existing(rest, word));
    if (name === 'column') return column(rest);
    if (name === 'epsilon-greedy' || name === 'softmax') {
      const at = rest.indexOf('@');
      const number = at > 0 && rest.slice(0, at).trim() !== '' ? Number(rest.slice(0, at)) : NaN;
      const file = rest.slice(at + 1);
      if (at < 0 || file === '') throw unknown(word, `${name} needs a model: ${name}:${name === 'softmax' ? '1' : '0.05'}@FILE.onnx.`);
      if (name === 'epsilon-greedy') {
        if (!(number >= 0 && number <= 1)) throw unknown(word, `ε is "${rest.slice(0, at)}", and not a number from 0 to 1.`);
        return scored(word, scorerOf(file, word), epsilonGreedyScheme('epsilon-greedy', number));
      }
      if (!(number > 0 && Number.isFinite(number))) throw unknown(word, `The temperature is "${rest.slice(0, at)}", and not a number over 0.`);
      return scored(word, scorerOf(file, word), softmaxScheme('softmax', number));
    }
  }
  const file = existing(word, word);
  if (extname(file) === '.onnx' || modules.includes(extname(file))) return scored(word, scorerOf(file, word));
  return probabilityFile(file);
}

/** The model of a file, or the scores of the log. Errors: HR_INPUT_FILE, HR_EVALUATION_POLICY. */
export function scorerOf(file: string, word: string): Scorer {
  if (file === 'scores') return loggedScores;
  existing(file, word);
  if (extname(file) === '.onnx') return onnxScorer(file);
  if (modules.includes(extname(file))) return moduleScorer(file);
  throw unknown(word, `${file} is neither an .onnx model nor a ${modules.join(', ')} module.`);
}

function existing(file: string, word: string): string {
  if (existsSync(file) && statSync(file).isFile()) return file;
  const folder = dirname(file);
  const beside = existsSync(folder) && statSync(folder).isDirectory() ? readdirSync(folder) : [];
  if (file === word && !/[/\\.]/.test(file)) throw unknown(word, `There is no policy and no file "${word}".${didYouMean(word, ['uniform', 'logged', ...beside])}`);
  throw new HeadraceError('HR_INPUT_FILE', `The file ${file || '(no name)'} of the policy does not exist.${didYouMean(basename(file), beside)}`);
}

function unknown(word: string, detail: string): HeadraceError {
  return new HeadraceError('HR_EVALUATION_POLICY', `"${word}" is no policy: ${detail}`, { remedy: `A policy is ${policyForms}.` });
}

const uniform: Policy = {
  name: 'uniform',
  needsContext: false,
  columns: [],
  bind(table) {
    const actions = actionsOf(table, 'uniform');
    if (!varies(table)) return Promise.resolve({ whole: true, width: 1, at: () => Promise.resolve({ uniform: true as const }) });
    return Promise.resolve({
      whole: true,
      width: choiceWidth(table, actions),
      at(rows) {
        const choices = choicesAt(table, rows, actions);
        const out = new Float64Array(choices.action.length);
        for (let k = 0; k < rows.length; k++) out.fill(1 / (choices.start[k + 1]! - choices.start[k]!), choices.start[k], choices.start[k + 1]);
        return Promise.resolve(listedCandidate(table, choices, out));
      },
    });
  },
};

/** What the log says was done: every weight is exactly 1. */
const logged: Policy = {
  name: 'logged',
  needsContext: false,
  columns: [],
  bind(table) {
    const { choices, propensity, action, actions } = table;
    const probability = choices?.probability;
    if (probability === undefined || actions === undefined || action === undefined) {
      return Promise.resolve({ whole: false, width: 1, at: (rows) => Promise.resolve({ shown: Float64Array.from(rows, (row) => propensity[row]!) }) });
    }
    return Promise.resolve({
      whole: true,
      width: choiceWidth(table, actions),
      at(rows) {
        const listed = choicesAt(table, rows, actions);
        const out = new Float64Array(listed.action.length);
        rows.forEach((row, k) => {
          const from = listed.start[k]!;
          out.set(probability.subarray(choices!.start[row], choices!.start[row + 1]), from);
          const shown = listed.action.subarray(from, listed.start[k + 1]);
          for (let c = shown.indexOf(action[row]!), first = true; c >= 0; c = shown.indexOf(action[row]!, c + 1), first = false) out[from + c] = first ? propensity[row]! : 0;
        });
        return Promise.resolve(listedCandidate(table, listed, out));
      },
    });
  },
};

/** The probability of what was shown, from a column of the log. */
function column(name: string): Policy {
  return {
    name: `column:${name}`,
    needsContext: false,
    columns: [name],
    bind(table) {
      const values = table.extra.get(name)!;
      return Promise.resolve({
        whole: false,
        width: 1,
        at(rows) {
          const shown = Float64Array.from(rows, (row) => values[row]!);
          const bad = shown.findIndex((p) => !(p >= 0 && p <= 1));
          if (bad >= 0) throw new HeadraceError('HR_EVALUATION_PMF', `The column ${name} is ${Number.isNaN(shown[bad]) ? 'missing or not a number' : shown[bad]} at ${table.place(rows[bad]!)} of ${table.source}.`, { remedy: 'It holds the probability of the shown action under the candidate, from 0 to 1.' });
          return Promise.resolve({ shown });
        },
      });
    },
  };
}

function scored(name: string, scorer: Scorer, scheme?: Scheme<ScoredItem>): Policy {
  return {
    name,
    needsContext: scorer.needsContext,
    columns: [],
    async bind(table) {
      const actions = actionsOf(table, name);
      const bound = await scorer.bind(table);
      const open = new Uint8Array(actions).fill(1);
      const situation = { time: 0, random: splitmix(0) };
      return {
        whole: true,
        width: choiceWidth(table, actions),
        close: async () => bound.close?.(),
        async at(rows) {
          const choices = choicesAt(table, rows, actions);
          const scores = await bound.scores(rows, choices);
          const out = scores.slice();
          rows.forEach((row, k) => {
            const [from, to] = [choices.start[k]!, choices.start[k + 1]!];
            for (let c = from; c < to; c++) {
              const score = scores[c]!;
              if (!Number.isFinite(score)) throw new HeadraceError('HR_EVALUATION_PMF', `The policy ${name} gives action ${nameOf(table, choices.action[c]!)} ${Number.isNaN(score) ? 'no number' : score} at ${table.place(row)} of ${table.source}.`);
            }
            if (scheme !== undefined) scheme.begin([], scores.subarray(from, to), situation).distribute(out.subarray(from, to), open.subarray(0, to - from));
            checkListed(table, row, name, out, choices, k);
          });
          return listedCandidate(table, choices, out);
        },
      };
    },
  };
}
