import { readFileSync } from 'node:fs';
import { HeadraceError } from '../../dataflow/errors.js';
import type { DecisionTable } from '../decision-logs/decision-table.js';
import type { UsableDecisions } from './decisions-of.js';
import { type BoundPolicy, nameOf } from './policy.js';

/** Classes of actions, before there is a log. */
export interface ActionClasses {
  /** The class of each action, numbered. Errors: HR_EVALUATION_LOG, HR_EVALUATION_COLUMNS. */
  bind(table: DecisionTable, usable: UsableDecisions, policies: readonly BoundPolicy[]): Int32Array;
}

/**
 * Classes from a file with a line `action:class` for each action: its number, or its name. Blank lines and lines that begin with # are passed over.
 *
 * @throws HR_INPUT_FILE a file that cannot be read
 * @throws HR_EVALUATION_LOG when it is bound: a line of another form, an action of no class, or of two
 * @throws HR_EVALUATION_COLUMNS when it is bound: a log without the whole distribution of each decision, or a candidate that is known for what was shown only
 */
export function actionClasses(file: string): ActionClasses {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new HeadraceError('HR_INPUT_FILE', `The file ${file} with classes of actions cannot be read (${(cause as NodeJS.ErrnoException).code}).`, { cause });
  }
  return {
    bind(table, usable, policies) {
      if (!usable.whole) throw new HeadraceError('HR_EVALUATION_COLUMNS', `Marginal weights need the whole distribution that each decision of ${table.source} was drawn from.`, { remedy: 'Log the field `probabilities`, or leave --classes out.' });
      if (policies.some(({ whole }) => !whole)) throw new HeadraceError('HR_EVALUATION_COLUMNS', 'Marginal weights need the whole distribution of the candidate, and it is known for what was shown only.', { remedy: 'Give a policy, a model or a file, or leave --classes out.' });
      const actions = table.actions!;
      const numbers = new Map(Array.from({ length: actions }, (_, a) => [nameOf(table, a), a]));
      const classes = new Map<string, number>();
      const out = new Int32Array(actions).fill(-1);
      text.split(/\r?\n/).forEach((line, i) => {
        if (line.trim() === '' || line.startsWith('#')) return;
        const at = line.lastIndexOf(':');
        const [action, name] = [line.slice(0, at).trim(), line.slice(at + 1).trim()];
        if (at < 0 || action === '' || name === '') throw fault(file, i, `"${line.slice(0, 60)}" is not action:class`);
        const number = numbers.get(action);
        // a catalogue may have more than the log
        if (number === undefined) return;
        if (!classes.has(name)) classes.set(name, classes.size);
        if (out[number]! >= 0 && out[number] !== classes.get(name)) throw fault(file, i, `action ${action} has another class before`);
        out[number] = classes.get(name)!;
      });
      const missing = out.indexOf(-1);
      if (missing >= 0) throw new HeadraceError('HR_EVALUATION_LOG', `${file} has no class for action ${nameOf(table, missing)} of ${table.source}.`, { remedy: 'Give a line action:class for each action that could be chosen.' });
      return out;
    },
  };
}

function fault(file: string, line: number, what: string): HeadraceError {
  return new HeadraceError('HR_EVALUATION_LOG', `${file}, line ${line + 1}: ${what}.`);
}
