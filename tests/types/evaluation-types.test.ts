import { expectTypeOf, test } from 'vitest';
import { bootstrapIntervals, clopperPearsonInterval, createTally, type Estimate, type Interval, ips, loggedDecisions, normalInterval, snips, tuned, type TunedEstimate, weigh, weightSummary, type WeightSummary } from '../../evaluation/index.js';

const decisions = weigh(loggedDecisions({ reward: [1, 0], propensity: [0.5, 0.5] }), { shown: Float64Array.of(0.5, 0.5) });

test('results have the names and types of the measures', () => {
  const tally = createTally({ ips: ips(), tuned: tuned('ips', [1, 10]), weights: weightSummary(), exact: clopperPearsonInterval() });
  tally.add(decisions);
  const results = tally.results();
  expectTypeOf(results.ips).toEqualTypeOf<Estimate>();
  expectTypeOf(results.tuned).toEqualTypeOf<TunedEstimate>();
  expectTypeOf(results.weights).toEqualTypeOf<WeightSummary>();
  expectTypeOf(results.exact).toEqualTypeOf<Interval>();
  // @ts-expect-error no such measure
  void results.dr;
  // @ts-expect-error a value may be missing
  expectTypeOf(results.ips.value).toEqualTypeOf<number>();
});

test('a wrong call does not compile', () => {
  const wrong = (): void => {
    // @ts-expect-error logged decisions are weighed first
    createTally({ ips: ips() }).add(loggedDecisions({ reward: [1], propensity: [1] }));
    // @ts-expect-error chance is given, never taken from the clock
    bootstrapIntervals({ snips: snips() }, decisions, {});
    // @ts-expect-error only estimates can be drawn
    bootstrapIntervals({ weights: weightSummary() }, decisions, { chance: { below: () => 0 } });
    // @ts-expect-error no such family
    tuned('dm', [1]);
    // @ts-expect-error an estimate, not an estimator
    normalInterval(ips());
    // @ts-expect-error a candidate is one of its forms
    weigh(loggedDecisions({ reward: [1], propensity: [1] }), { probability: 0.5 });
  };
  expectTypeOf(wrong).toBeFunction();
  expectTypeOf(bootstrapIntervals({ snips: snips() }, decisions, { chance: { below: () => 0 }, replicates: 1 })).toHaveProperty('snips');
});
