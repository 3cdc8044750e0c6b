import { expectTypeOf, test } from 'vitest';
import { pipeline } from '../../dataflow/pipeline.js';
import { attribute } from '../../operators/attribute.js';
import { keyBy } from '../../operators/key-by.js';
import { to } from '../../operators/to.js';
import { decisions } from '../../pipelines/decisions.js';
import { loggedDecisions } from '../../pipelines/logged-decisions.js';
import { outcomes } from '../../pipelines/outcomes.js';
import { type BetaItem, betaPosterior, type Choice, diversity, epsilonGreedy, gaussianPosterior, type Policy, type ScoredItem, softmax, thompsonExact, thompsonVotes, ucb } from '../../serving/index.js';

test('a policy takes items with what it ranks by, and gives back the items that it was given', () => {
  const policy = epsilonGreedy({ epsilon: 0.1 });
  const items = [{ itemId: 'a', score: 1, title: 'A' }];
  const choice = policy.choose(items, { seed: 's' });
  expectTypeOf(choice).toEqualTypeOf<Choice<{ itemId: string; score: number; title: string }>>();
  expectTypeOf(choice.slots[0]!.item.title).toEqualTypeOf<string>();
  const never = () => {
    // @ts-expect-error an item without a score cannot be ranked
    policy.choose([{ itemId: 'a', score: 1 }, { itemId: 'b' }], { seed: 's' });
    // @ts-expect-error without a seed a choice cannot be drawn again
    policy.choose(items, {});
  };
  expectTypeOf(never).toBeFunction();
});

test('Thompson sampling takes items with the posterior that it was told', () => {
  expectTypeOf(thompsonExact({ posterior: betaPosterior })).toEqualTypeOf<Policy<BetaItem>>();
  const never = () => {
    // @ts-expect-error a Beta posterior has alpha and beta
    thompsonVotes({ posterior: betaPosterior }).choose([{ itemId: 'a', mean: 0, deviation: 1 }], { seed: 's' });
    // @ts-expect-error a normal one has mean and deviation
    thompsonVotes({ posterior: gaussianPosterior }).choose([{ itemId: 'a', alpha: 1, beta: 1 }], { seed: 's' });
    // @ts-expect-error bounds need counts
    ucb({ epsilon: 0.1 }).choose([{ itemId: 'a', score: 1 }], { seed: 's' });
    // @ts-expect-error bounds alone choose without chance
    ucb({});
  };
  expectTypeOf(never).toBeFunction();
});

test('a filter sees the fields of the items; rules for any item fit every policy', () => {
  interface Video extends ScoredItem {
    readonly minutes: number;
  }
  const policy = softmax<Video>({ filter: (video) => video.minutes < 10, rules: [diversity()] });
  // @ts-expect-error an item without minutes cannot be filtered
  const never = () => policy.choose([{ itemId: 'a', score: 1 }], { seed: 's' });
  expectTypeOf(never).toBeFunction();
});

test('attribute takes decisions and outcomes keyed by the decision', () => {
  pipeline('types', ({ from }) => {
    const [decided, followed] = [from(decisions).pipe(keyBy(decisions.decisionId)), from(outcomes).pipe(keyBy(outcomes.decisionId))];
    // @ts-expect-error keyed by the user, decisions and outcomes would not meet
    attribute('a', from(decisions).pipe(keyBy(decisions.userId)), followed);
    // @ts-expect-error not keyed
    attribute('b', decided, from(outcomes));
    // @ts-expect-error the other way round
    attribute('c', followed, decided);
    return attribute('d', decided, followed).pipe(to(loggedDecisions));
  });
});
