import { existsSync, readdirSync, statSync } from 'node:fs';
import { basename, dirname, extname } from 'node:path';
import { HeadraceError } from '../../dataflow/errors.js';
import { didYouMean } from '../commands/nearest-name.js';
import { actionsOf, checkDistribution, forChoices, nameOf, type Policy } from './policy.js';
import { probabilityFile } from './probability-file.js';
import { moduleScorer, onnxScorer, type Scorer } from './scorer.js';
import { slotsFile } from './slots-file.js';

const modules = ['.ts', '.mts', '.js', '.mjs'];

/** What a policy can be, as help and messages say it. */
export const policyForms = 'uniform, logged, column:NAME, epsilon-greedy:E@MODEL, softmax:T@MODEL, slots:FILE.json, FILE.onnx, FILE.ts or .js, or a file of action:probability lines';

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
        return scored(word, scorerOf(file, word), (scores) => greedy(scores, number));
      }
      if (!(number > 0 && Number.isFinite(number))) throw unknown(word, `The temperature is "${rest.slice(0, at)}", and not a number over 0.`);
      return scored(word, scorerOf(file, word), (scores) => softmax(scores, number));
    }
  }
  const file = existing(word, word);
  if (extname(file) === '.onnx' || modules.includes(extname(file))) return scored(word, scorerOf(file, word), () => undefined);
  return probabilityFile(file);
}

function scorerOf(file: string, word: string): Scorer {
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
    if (table.choices === undefined) return Promise.resolve({ whole: true, width: 1, at: () => Promise.resolve({ uniform: true as const }) });
    const { start } = table.choices;
    return Promise.resolve({
      whole: true,
      width: actions,
      at(rows) {
        const out = new Float64Array(rows.length * actions);
        rows.forEach((row, k) => {
          const count = start[row + 1]! - start[row]! || actions;
          forChoices(table, row, actions, (a) => (out[k * actions + a] = 1 / count));
        });
        return Promise.resolve({ distribution: out });
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
      width: actions,
      at(rows) {
        const out = new Float64Array(rows.length * actions);
        rows.forEach((row, k) => {
          for (let c = choices!.start[row]!; c < choices!.start[row + 1]!; c++) out[k * actions + choices!.action[c]!] = probability[c]!;
          out[k * actions + action[row]!] = propensity[row]!;
        });
        return Promise.resolve({ distribution: out });
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

/** Makes the scores of the open actions probabilities, in place. */
type ToDistribution = (scores: number[]) => void;

function scored(name: string, scorer: Scorer, make: ToDistribution): Policy {
  return {
    name,
    needsContext: scorer.needsContext,
    columns: [],
    async bind(table) {
      const actions = actionsOf(table, name);
      const bound = await scorer.bind(table);
      return {
        whole: true,
        width: actions,
        close: async () => bound.close?.(),
        async at(rows) {
          const scores = await bound.scores(rows);
          const out = new Float64Array(scores.length);
          rows.forEach((row, k) => {
            const open: number[] = [];
            forChoices(table, row, actions, (a) => open.push(a));
            const given = open.map((a) => scores[k * actions + a]!);
            const bad = given.findIndex((score) => !Number.isFinite(score));
            if (bad >= 0) throw new HeadraceError('HR_EVALUATION_PMF', `The policy ${name} gives action ${nameOf(table, open[bad]!)} ${Number.isNaN(given[bad]!) ? 'no number' : given[bad]} at ${table.place(row)} of ${table.source}.`);
            make(given);
            open.forEach((a, at) => (out[k * actions + a] = given[at]!));
            checkDistribution(table, row, name, out, k * actions, actions);
          });
          return { distribution: out };
        },
      };
    },
  };
}

/** ε shared by all, the rest by the best; equally good ones share it. */
function greedy(scores: number[], epsilon: number): void {
  const best = Math.max(...scores);
  const ties = scores.filter((score) => score === best).length;
  scores.forEach((score, k) => (scores[k] = epsilon / scores.length + (score === best ? (1 - epsilon) / ties : 0)));
}

function softmax(scores: number[], temperature: number): void {
  const best = Math.max(...scores);
  const sum = scores.reduce((s, score) => s + Math.exp((score - best) / temperature), 0);
  scores.forEach((score, k) => (scores[k] = Math.exp((score - best) / temperature) / sum));
}
