import { evaluate, type EvaluationResult, loggedDecisions } from '../evaluation/index.js';
import { type LogFault, logFaults, simulatedDecisions, type SimulatedDecisionsOptions } from '../runners/testing/simulated-decisions.js';
import { splitmix } from '../dataflow/splitmix.js';

/** Sizes of the logs, and how many of each are made for one of 1,000. */
const sizes = [
  { decisions: 1000, share: 1 },
  { decisions: 10_000, share: 0.2 },
  { decisions: 100_000, share: 0.02 },
] as const;

/**
 * How often each check accuses simulated logs, sound ones and such with a planted fault. Half of the logs have whole distributions; policies are flat to peaked.
 *
 * @param logs sound logs of the smallest size; a tenth as many for each fault
 */
export async function* detection({ logs, seed }: { logs: number; seed: number }): AsyncIterable<Record<string, string | number>> {
  for (const { decisions, share } of sizes) {
    for (const fault of [undefined, ...(Object.keys(logFaults) as LogFault[])]) {
      const count = Math.max(1, Math.round(logs * share * (fault === undefined ? 1 : 0.1)));
      const found: Record<string, number> = {};
      let accused = 0;
      for (let k = 0; k < count; k++) {
        const { findings } = evaluated({ ...world(seed * 1_000_000 + k), decisions, ...(fault !== undefined && { fault }) });
        const alarms = findings.filter(({ severity }) => severity !== 'info');
        if (alarms.length > 0) accused++;
        for (const { code } of alarms) found[code] = (found[code] ?? 0) + 1;
      }
      const percent = (of: number): number => Number(((100 * of) / count).toFixed(1));
      yield { benchmark: 'detection', decisions, fault: fault ?? 'none', logs: count, seed, any_percent: percent(accused), ...Object.fromEntries(Object.entries(found).sort(([, a], [, b]) => b - a).map(([code, of]) => [code, percent(of)])) };
    }
  }
}

/** A policy, from flat to peaked, with few or many actions. */
function world(seed: number): Omit<SimulatedDecisionsOptions, 'decisions'> {
  const random = splitmix(seed);
  const pick = <T>(of: readonly T[]): T => of[random.below(of.length)]!;
  return { seed, actions: pick([3, 5, 10, 20]), peak: pick([0.3, 0.7, 1, 2]), floor: pick([0.02, 0.05, 0.1]), contextual: pick([true, false]), candidate: pick(['uniform', 'near', 'sharper'] as const), distributions: pick([true, false]) };
}

/** An evaluation that leaves out what cannot be used. */
export function evaluated(options: SimulatedDecisionsOptions): EvaluationResult {
  const { columns, candidate } = simulatedDecisions(options);
  const { distribution, ...rest } = columns;
  // rounded distributions do not sum to 1 and would be refused: their log has propensities only
  const kept = options.fault === 'rounded' || distribution === undefined ? rest : { ...rest, distribution };
  return evaluate([loggedDecisions(kept)], candidate);
}
