import { expect, test } from 'vitest';
import { didYouMean, nearestName } from '../../../runners/commands/nearest-name.js';

test.each([
  ['boundde', ['bounded', 'workers'], 'bounded'],
  ['Bounded', ['bounded'], 'bounded'],
  ['clicsk', ['clicks', 'click-tiles'], 'clicks'],
  ['click-feat', ['click-features', 'clicks'], 'click-features'],
  ['rn', ['run', 'replay'], 'run'],
  ['x', ['run'], undefined],
  ['zzzzzz', ['bounded', 'json'], undefined],
  ['run', [], undefined],
])('%s among %j is %s', (name, candidates, expected) => {
  expect(nearestName(name, candidates)).toBe(expected);
});

test('the question is asked only where there is a near name', () => {
  expect(didYouMean('jsno', ['json'], (name) => `--${name}`)).toBe(' Did you mean --json?');
  expect(didYouMean('quux', ['json'])).toBe('');
});
