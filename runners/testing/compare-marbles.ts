import { AssertionError } from 'node:assert';
import { marbleTokens } from './marbles.js';

/** Fails with both lines, one under the other, where they differ. Errors: AssertionError. */
export function compareMarbles(what: string, expectedText: string, actual: readonly string[]): void {
  const expected = marbleTokens(expectedText);
  const n = Math.max(expected.length, actual.length);
  const first = Array.from({ length: n }, (_, i) => i).find((i) => expected[i] !== actual[i]);
  if (first === undefined) return;
  const width = (i: number) => Math.max(expected[i]?.length ?? 0, actual[i]?.length ?? 0);
  const line = (tokens: readonly string[]) => Array.from({ length: n }, (_, i) => (tokens[i] ?? '').padEnd(width(i))).join(' ').trimEnd();
  const indent = Array.from({ length: first }, (_, i) => width(i) + 1).reduce((a, b) => a + b, 0);
  const message = [`${what} is not what was expected:`, `  expected  ${line(expected)}`, `  actual    ${line(actual)}`, `            ${' '.repeat(indent)}^`].join('\n');
  throw new AssertionError({ message, expected: expected.join(' '), actual: actual.join(' '), operator: 'play', stackStartFn: compareMarbles });
}
