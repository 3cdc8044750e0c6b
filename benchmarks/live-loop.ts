import { evaluate } from '../evaluation/evaluate.js';
import { loggedDecisions as checked } from '../evaluation/logged-decisions.js';
import { loggedDecisions } from '../pipelines/logged-decisions.js';
import propensityLog from '../pipelines/propensity-log.js';
import { decisionWorld, policyValue, type WorldItem } from '../runners/simulate/decision-world.js';
import { runPipeline } from '../runners/testing/run-pipeline.js';
import { epsilonGreedy } from '../serving/explore/epsilon-greedy.js';
import type { Policy } from '../serving/explore/policy.js';
import { softmax } from '../serving/explore/softmax.js';

/** Settings of `liveLoop`. */
export interface LiveLoopOptions {
  /** Worlds, each with a log of its own. */
  readonly runs: number;
  /** Decisions that are logged in each. */
  readonly decisions: number;
  readonly seed: number;
  /** Decisions that the candidate's true value is the mean of. @default 20,000 */
  readonly samples?: number;
}

/** What one world gave. */
export interface LiveLoopRun {
  readonly run: number;
  /** Mean clicks of the candidate over planted probabilities, and of a run for real of as many decisions. */
  readonly value: number;
  readonly real: number;
  readonly estimates: Readonly<Record<string, { readonly value: number | null; readonly low: number | null; readonly high: number | null }>>;
  readonly verdict: string;
}

const estimators = ['ips', 'ips_clipped', 'snips'];

/** The logged policy ranks by a model that knows no person. */
const loggedPolicy = epsilonGreedy<WorldItem>({ epsilon: 0.4 });

/** The candidate knows the tastes of people. It is a policy of its own over the same items. */
const candidate: Policy<WorldItem> = (() => {
  const policy = softmax<WorldItem>({ temperature: 0.05, id: 'personal' });
  const personal = <D extends WorldItem>(items: readonly D[]): readonly D[] => items.map((item) => ({ ...item, score: item.features[0]! * item.features[1]! }));
  return {
    ...policy,
    choose: (items, options) => policy.choose(personal(items), options),
    distribution: (items, options) => policy.distribution(personal(items), options),
    probability: (items, slate, options) => policy.probability(personal(items), slate, options),
  };
})();

/**
 * The whole loop, again and again in another click world: a policy decides and is logged, `propensity-log` joins what was clicked, the candidate is evaluated on the log, and
 * then it decides for real. A true value within the interval is what the interval promises in 95 of 100.
 */
export async function* liveLoop({ runs, decisions, seed, samples = 20_000 }: LiveLoopOptions): AsyncGenerator<LiveLoopRun> {
  for (let run = 0; run < runs; run++) {
    const world = { decisions, seed: seed + run, users: 500, items: 200 };
    const made = [...decisionWorld({ ...world, policy: loggedPolicy })];
    const outcomes = made.flatMap((d) => d.outcomes).sort((a, b) => a.time - b.time);
    const log = (await runPipeline(propensityLog, { inputs: { decisions: made.map((d) => d.decision), outcomes } })).values(loggedDecisions);
    const shown = Float64Array.from(log, ({ candidates, slots, seed, time }) => candidate.probability(candidates as readonly WorldItem[], [slots[0]!.candidate], { seed, time }));
    const users = new Map<string, number>();
    const result = evaluate(
      [checked({
        reward: log.map(({ reward }) => reward),
        propensity: log.map(({ propensity }) => propensity),
        user: log.map(({ userId }) => users.get(userId) ?? (users.set(userId, users.size), users.size - 1)),
        time: log.map(({ time }) => time),
      })],
      { shown },
    );
    const { value } = policyValue({ ...world, policy: candidate, samples });
    let clicks = 0;
    for (const { outcomes } of decisionWorld({ ...world, policy: candidate, samples, run: 1 })) clicks += outcomes.length > 0 ? 1 : 0;
    yield { run, value, real: clicks / samples, estimates: Object.fromEntries(estimators.map((name) => [name, result.estimates[name]!])), verdict: result.verdict };
  }
}

/** How often the intervals hold the true value. */
export async function liveLoopCoverage(options: LiveLoopOptions): Promise<Record<string, string | number>> {
  const held = new Map(estimators.map((name) => [name, 0]));
  const verdicts = new Map<string, number>();
  let widths = 0;
  let values = 0;
  let apart = 0;
  for await (const { value, real, estimates, verdict } of liveLoop(options)) {
    for (const [name, { low, high }] of Object.entries(estimates)) if (low! <= value && value <= high!) held.set(name, held.get(name)! + 1);
    verdicts.set(verdict, (verdicts.get(verdict) ?? 0) + 1);
    widths += estimates['snips']!.high! - estimates['snips']!.low!;
    values += value;
    apart = Math.max(apart, Math.abs(real - value));
  }
  const { runs, decisions } = options;
  return {
    workload: 'live-loop', runs, decisions,
    ...Object.fromEntries([...held].map(([name, n]) => [`${name}_held`, n])),
    meanValue: Number((values / runs).toFixed(4)),
    meanWidth: Number((widths / runs).toFixed(4)),
    largestGapOfRealRun: Number(apart.toFixed(4)),
    verdicts: [...verdicts].map(([verdict, n]) => `${verdict} ${n}`).join(', '),
  };
}
