import { extname } from 'node:path';
import { HeadraceError } from '../../dataflow/errors.js';
import type { Candidate } from '../../evaluation/candidate.js';
import type { LoggedDecisions } from '../../evaluation/logged-decisions.js';
import { crossFit, outcomesOf } from '../../evaluation/outcome-models/expected-outcomes.js';
import { logistic } from '../../evaluation/outcome-models/logistic.js';
import { ridge } from '../../evaluation/outcome-models/ridge.js';
import { smoothed } from '../../evaluation/outcome-models/smoothed.js';
import type { Outcomes } from '../../evaluation/weighted-decisions.js';
import type { DecisionTable } from '../decision-logs/decision-table.js';
import { scorerOf } from './parse-policy.js';
import { choicesAt, choiceWidth } from './policy.js';

/** An outcome model that was asked for, before there is a log. */
export interface OutcomeModelChoice {
  readonly name: string;
  readonly needsContext: boolean;
  /** Fits it to a log, or opens it. */
  bind(table: DecisionTable, log: LoggedDecisions): Promise<BoundOutcomeModel>;
}

/** An outcome model on a log. */
export interface BoundOutcomeModel {
  /** Numbers a decision that `at` makes beside the candidate's. */
  readonly width: number;
  /**
   * What it expects of some decisions.
   *
   * @param rows of the table
   * @param from place in the log of the first decision of `part`
   */
  at(part: LoggedDecisions, candidate: Candidate, rows: Int32Array, from: number): Promise<Outcomes>;
  close?(): Promise<void>;
}

/** What an outcome model can be, as help and messages say it. */
export const outcomeModelForms = 'smoothed:STRENGTH, ridge, logistic, FILE.onnx, FILE.ts or .js, or none';

/**
 * The outcome model that a word stands for; undefined for `none`.
 *
 * @param folds parts for cross-fitting; by default 1 for the table of `smoothed`, 5 for the others
 * @throws HR_ARGUMENT for what is none of them, HR_INPUT_FILE for a file that is missing
 */
export function parseOutcomeModel(word: string, folds: number | undefined): OutcomeModelChoice | undefined {
  if (word === 'none') return undefined;
  const smooth = /^smoothed(?::(.*))?$/.exec(word);
  if (smooth !== null) {
    const strength = smooth[1] === undefined ? 10 : smooth[1].trim() === '' ? NaN : Number(smooth[1]);
    if (!(strength > 0 && Number.isFinite(strength))) throw refusal(word, `"${smooth[1]}" is no number over 0`);
    return learnt(word, false, () => smoothed(strength), folds ?? 1);
  }
  if (word === 'ridge') return learnt(word, true, ridge, folds ?? 5);
  if (word === 'logistic') return learnt(word, true, logistic, folds ?? 5);
  if (['.onnx', '.ts', '.mts', '.js', '.mjs'].includes(extname(word))) return scored(word);
  throw refusal(word, 'it is none that there is');
}

function refusal(word: string, what: string): HeadraceError {
  return new HeadraceError('HR_ARGUMENT', `The outcome model "${word}" cannot be used: ${what}.`, { remedy: `Give ${outcomeModelForms}.` });
}

function learnt(name: string, needsContext: boolean, model: () => ReturnType<typeof ridge>, folds: number): OutcomeModelChoice {
  return {
    name,
    needsContext,
    bind(table, log) {
      // a short log is fitted as a whole
      const predict = crossFit(log, model(), { folds: Math.min(folds, Math.max(1, Math.floor(log.length / 2))) });
      return Promise.resolve({ width: choiceWidth(table, log.actions ?? 0), at: (part, candidate, _rows, from) => Promise.resolve(outcomesOf(part, candidate, (row, out, some) => predict(from + row, out, some))) });
    },
  };
}

/** A model from elsewhere: the outcome of each action. */
function scored(word: string): OutcomeModelChoice {
  const scorer = scorerOf(word, word);
  return {
    name: word,
    needsContext: true,
    async bind(table) {
      const bound = await scorer.bind(table);
      return {
        width: choiceWidth(table, table.actions ?? 0),
        close: async () => bound.close?.(),
        async at(part, candidate, rows) {
          const choices = choicesAt(table, rows, part.actions!);
          const scores = await bound.scores(rows, choices);
          return outcomesOf(part, candidate, (row, out, some) => {
            const [from, to] = [choices.start[row]!, choices.start[row + 1]!];
            const own = choices.action.subarray(from, to);
            // a listed candidate has the lists of the log
            if (some !== undefined && some.length === own.length) out.set(scores.subarray(from, to));
            else {
              out.fill(NaN);
              for (let c = from; c < to; c++) if (some === undefined) out[choices.action[c]!] = scores[c]!;
            }
          });
        },
      };
    },
  };
}
