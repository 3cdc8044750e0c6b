import { isUtf8 } from 'node:buffer';
import { HeadraceError } from '../../dataflow/errors.js';
import type { DecisionTable } from '../decision-logs/decision-table.js';
import { numberColumn } from '../decision-logs/number-column.js';
import { readLines } from '../import/read-lines.js';
import { actionsOf, type BoundPolicy, checkDistribution, type Policy, varies } from './policy.js';

/** Pairs of a line, as rows of one table: those of line `i` are from `start[i]` up to `start[i + 1]`. */
interface Pairs {
  readonly lines: number;
  readonly start: Float64Array;
  readonly action: Float64Array;
  readonly value: Float64Array;
}

/**
 * A policy as lines of `action:probability`, as VW writes predictions: pairs parted by commas or blanks; what is not there has probability 0.
 *
 * *Details*: one line stands for all decisions, and so do lines of one pair each whose probabilities sum to 1 over different actions. Otherwise line `i` is decision
 * `i` of the log, in its order; blank lines are passed over.
 *
 * Errors, when it is bound: HR_INPUT_FILE, HR_EVALUATION_POLICY, HR_EVALUATION_PMF.
 */
export function probabilityFile(file: string): Policy {
  return {
    name: file,
    needsContext: false,
    columns: [],
    async bind(table) {
      const actions = actionsOf(table, file);
      const pairs = await readPairs(file, table);
      const { start, action, value, lines } = pairs;
      const outside = action.findIndex((a) => a >= actions);
      if (outside >= 0) throw new HeadraceError('HR_EVALUATION_POLICY', `${file} has a probability for action ${action[outside]}, and ${table.source} has the actions 0 to ${actions - 1}.`);
      const fill = (out: Float64Array, at: number, from: number, to: number): void => {
        for (let k = from; k < to; k++) out[at + action[k]!]! += value[k]!;
      };
      if (lines === 1 || isOneDistribution(pairs)) {
        const one = new Float64Array(actions);
        fill(one, 0, 0, value.length);
        return always(table, file, one);
      }
      if (lines !== table.length) {
        const refused = table.refused.reduce((sum, { rows }) => sum + rows, 0);
        throw new HeadraceError('HR_EVALUATION_POLICY', `${file} has ${lines} lines, and ${table.source} has ${table.length} decisions${refused > 0 ? ` (and ${refused} lines that are none)` : ''}.`, { remedy: 'Give one line a decision, in the order of the log, or one line for all.' });
      }
      return {
        whole: true,
        width: actions,
        at(rows) {
          const out = new Float64Array(rows.length * actions);
          rows.forEach((row, k) => {
            fill(out, k * actions, start[row]!, start[row + 1]!);
            checkDistribution(table, row, file, out, k * actions, actions);
          });
          return Promise.resolve({ distribution: out });
        },
      };
    },
  };
}

/** A policy that does the same at every decision. */
export function always(table: DecisionTable, name: string, distribution: Float64Array): BoundPolicy {
  if (!varies(table)) {
    checkDistribution(table, 0, name, distribution, 0, distribution.length);
    const slots = Array.from({ length: slotsOf(table) }, () => distribution);
    return { whole: true, width: 1, at: () => Promise.resolve({ slots }) };
  }
  return {
    whole: true,
    width: distribution.length,
    at(rows) {
      const out = new Float64Array(rows.length * distribution.length);
      rows.forEach((row, k) => {
        out.set(distribution, k * distribution.length);
        checkDistribution(table, row, name, out, k * distribution.length, distribution.length);
      });
      return Promise.resolve({ distribution: out });
    },
  };
}

export function slotsOf(table: DecisionTable): number {
  return table.slot === undefined ? 1 : table.slot.reduce((most, slot) => (slot > most && slot < 1e6 ? slot : most), 0) + 1;
}

function isOneDistribution({ lines, value, action }: Pairs): boolean {
  return value.length === lines && new Set(action).size === lines && Math.abs(value.reduce((sum, p) => sum + p, 0) - 1) <= 1e-4;
}

async function readPairs(file: string, table: DecisionTable): Promise<Pairs> {
  const start = numberColumn();
  const action = numberColumn();
  const value = numberColumn();
  const byName = table.names === undefined ? undefined : new Map(table.names.map((name, a) => [name, a]));
  for await (const lines of readLines(file)) {
    for (const { bytes, number } of lines) {
      const text = isUtf8(bytes) ? bytes.toString('utf8').trim() : '\u0000';
      if (text === '') continue;
      start.push(action.length);
      for (const pair of text.split(/[,;\s]+/).filter((part) => part !== '')) {
        const colon = pair.lastIndexOf(':');
        const name = pair.slice(0, Math.max(colon, 0));
        const p = colon < 0 || pair.length === colon + 1 ? NaN : Number(pair.slice(colon + 1));
        const a = byName !== undefined ? (byName.get(name) ?? NaN) : /^\d+$/.test(name) ? Number(name) : NaN;
        if (name !== '' && byName !== undefined && Number.isNaN(a)) throw new HeadraceError('HR_EVALUATION_POLICY', `Line ${number} of ${file} has a probability for action "${name}", which ${table.source} does not have.`);
        if (Number.isNaN(a) || Number.isNaN(p)) throw new HeadraceError('HR_EVALUATION_POLICY', `Line ${number} of ${file} has "${pair.slice(0, 60).replaceAll(/\p{Cc}/gu, '?')}", which is no action:probability.`, { remedy: 'Write lines such as 0:0.2,1:0.8.' });
        action.push(a);
        value.push(p);
      }
    }
  }
  const lines = start.length;
  if (lines === 0) throw new HeadraceError('HR_EVALUATION_POLICY', `${file} is empty.`, { remedy: 'Write lines such as 0:0.2,1:0.8.' });
  start.push(action.length);
  return { lines, start: start.values()!, action: action.values()!, value: value.values()! };
}
