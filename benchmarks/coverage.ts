import { splitmix } from '../dataflow/splitmix.js';
import { bernsteinInterval, bootstrapIntervals, clopperPearsonInterval, confidenceSequence, createTally, cressieReadInterval, dr, type Interval, ips, loggedDecisions, moments, normalInterval, reward, sndr, snips, times, weigh, weight } from '../evaluation/index.js';
import { simulatedDecisions, type SimulatedDecisionsOptions } from '../runners/testing/simulated-decisions.js';

/** Where intervals are tried. In all, the candidate's value is known. */
const situations: readonly { readonly name: string; readonly users?: number; readonly options: Partial<SimulatedDecisionsOptions> }[] = [
  { name: 'moderate weights', options: { peak: 0.7 } },
  { name: 'large weights', options: { peak: 2, floor: 0.02, candidate: 'uniform' } },
  // what a user does, all of it does
  { name: 'ten decisions a user, all alike', users: 10, options: { peak: 0.7 } },
];

/**
 * Share of simulated logs in which each 95 % interval holds the truth. An outcome model that is wrong on purpose is given to DR: it expects 0.3 of everything.
 *
 * @param logs of each situation, of `decisions` decisions
 */
export async function* coverage({ logs, decisions, seed }: { logs: number; decisions: number; seed: number }): AsyncIterable<Record<string, string | number>> {
  for (const { name, users = 1, options } of situations) {
    const all: Record<string, Interval[]> = {};
    let worth = 0;
    for (let k = 0; k < logs; k++) {
      // the policy and the world stay, users and chance are new
      const { columns, candidate, truth } = simulatedDecisions({ actions: 5, decisions: decisions / users, seed: seed + k, world: seed, ...options });
      const repeated = (of: ArrayLike<number | null | undefined>): Float64Array => Float64Array.from({ length: decisions }, (_, i) => of[Math.floor(i / users)]!);
      const log = loggedDecisions({ action: repeated(columns.action!), actions: 5, propensity: repeated(columns.propensity), reward: repeated(columns.reward), user: Float64Array.from({ length: decisions }, (_, i) => Math.floor(i / users)) });
      const batch = weigh(log, 'shown' in candidate ? { shown: repeated(candidate.shown) } : candidate, { shown: new Float64Array(decisions).fill(0.3), expected: new Float64Array(decisions).fill(0.3) });
      const tally = createTally({ ips: ips(), snips: snips(), dr: dr(), sndr: sndr(), clopper: clopperPearsonInterval(), cressie: cressieReadInterval(), moments: moments(times(weight, reward)) });
      tally.add(batch);
      const found = tally.results();
      const sequence = confidenceSequence();
      sequence.add(batch);
      const drawn = bootstrapIntervals({ ips: ips(), snips: snips() }, batch, { chance: splitmix(k), replicates: 500 });
      const intervals: Readonly<Record<string, Interval>> = {
        normal_ips: normalInterval(found.ips),
        normal_snips: normalInterval(found.snips),
        normal_dr: normalInterval(found.dr),
        normal_sndr: normalInterval(found.sndr),
        bootstrap_ips: drawn.ips.interval,
        bootstrap_snips: drawn.snips.interval,
        cressie_read: found.cressie,
        clopper_pearson: found.clopper,
        bernstein_ips: bernsteinInterval(found.moments!),
        sequence: sequence.interval(),
      };
      for (const [kind, interval] of Object.entries(intervals)) (all[kind] ??= []).push(interval);
      // what the candidate is worth for all users is the mean over those of the logs
      worth += truth / logs;
    }
    for (const [kind, intervals] of Object.entries(all)) {
      const given = intervals.filter((interval) => interval !== null);
      const held = given.filter(({ low, high }) => low <= worth && worth <= high).length;
      const width = given.reduce((sum, { low, high }) => sum + (high - low), 0) / given.length;
      yield { benchmark: 'coverage', situation: name, interval: kind, logs, decisions, seed, held_percent: Number(((100 * held) / logs).toFixed(1)), mean_width: Number(width.toFixed(4)) };
    }
  }
}
