import { readFileSync } from 'node:fs';
import { HeadraceError } from '../../dataflow/errors.js';
import { actionsOf, checkDistribution, type Policy, varies } from './policy.js';
import { slotsOf } from './probability-file.js';

/**
 * A policy that depends on the slot alone: `{"slots": [[P(action 0), P(action 1), …], …]}`, a list a slot.
 *
 * Errors, when it is bound: HR_INPUT_FILE, HR_EVALUATION_POLICY, HR_EVALUATION_PMF.
 */
export function slotsFile(file: string): Policy {
  return {
    name: `slots:${file}`,
    needsContext: false,
    columns: [],
    bind(table) {
      const actions = actionsOf(table, file);
      const slots = readSlots(file);
      const remedy = 'Write {"slots": [[P(action 0), P(action 1), …], …]}, a list a slot.';
      if (slots.length < slotsOf(table)) throw new HeadraceError('HR_EVALUATION_POLICY', `${file} has ${slots.length} slots, and ${table.source} has ${slotsOf(table)}.`, { remedy });
      slots.forEach((of, slot) => {
        if (of.length !== actions) throw new HeadraceError('HR_EVALUATION_POLICY', `Slot ${slot} of ${file} has ${of.length} probabilities, and ${table.source} has ${actions} actions.`, { remedy });
        const fault = of.findIndex((p) => !(p >= 0 && p <= 1));
        const sum = of.reduce((s, p) => s + p, 0);
        if (fault >= 0) throw new HeadraceError('HR_EVALUATION_PMF', `Slot ${slot} of ${file}: the probability of action ${fault} is ${of[fault]}.`);
        if (!(Math.abs(sum - 1) <= 1e-6)) throw new HeadraceError('HR_EVALUATION_PMF', `Slot ${slot} of ${file}: the probabilities sum to ${sum}.`);
      });
      if (!varies(table)) return Promise.resolve({ whole: true, width: 1, at: () => Promise.resolve({ slots }) });
      return Promise.resolve({
        whole: true,
        width: actions,
        at(rows) {
          const out = new Float64Array(rows.length * actions);
          rows.forEach((row, k) => {
            out.set(slots[table.slot?.[row] ?? 0]!, k * actions);
            checkDistribution(table, row, file, out, k * actions, actions);
          });
          return Promise.resolve({ distribution: out });
        },
      });
    },
  };
}

function readSlots(file: string): Float64Array[] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new HeadraceError('HR_INPUT_FILE', `${file} cannot be read (${(cause as NodeJS.ErrnoException).code}).`, { cause });
  }
  const remedy = 'Write {"slots": [[P(action 0), P(action 1), …], …]}, a list a slot.';
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new HeadraceError('HR_EVALUATION_POLICY', `${file} is not JSON: ${(cause as Error).message.slice(0, 120)}`, { remedy });
  }
  const slots = (value as { slots?: unknown } | null)?.slots;
  if (!Array.isArray(slots) || slots.length === 0 || !slots.every((of) => Array.isArray(of) && of.every((p) => typeof p === 'number'))) {
    throw new HeadraceError('HR_EVALUATION_POLICY', `${file} has no list of lists of numbers in the field slots.`, { remedy });
  }
  return slots.map((of) => Float64Array.from(of as number[]));
}
