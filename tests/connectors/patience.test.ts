import { expect, test } from 'vitest';
import { patience } from '../../connectors/patience.js';
import { HeadraceError } from '../../dataflow/errors.js';

/** A server that fails for some milliseconds of a clock that only waits move. */
function waiting(failsMs: number, patienceMs: number) {
  let now = 0;
  const told: (string | boolean)[] = [];
  const patiently = patience({
    who: 'Kafka',
    isPassing: (error) => (error as Error).message === 'busy',
    patienceMs: () => patienceMs,
    reasonOf: (error) => (error as Error).message,
    asError: (error) => new HeadraceError('HR_KAFKA', (error as Error).message),
    unreachable: (tried) => new HeadraceError('HR_KAFKA_UNREACHABLE', `Kafka ${tried}`),
    warn: (message) => told.push(message),
    reachable: (is) => told.push(is),
    clock: { now: () => now, wait: async (ms) => void (now += ms) },
  });
  const ask = () => patiently('an answer', async () => (now < failsMs ? Promise.reject(new Error('busy')) : 'answer'));
  return { ask, told, waited: () => now };
}

test('a short failure is told to nobody, a long one once, and that it is over', async () => {
  const short = waiting(2_000, 60_000);
  expect(await short.ask()).toBe('answer');
  expect(short.told).toEqual([]);
  const long = waiting(30_000, 60_000);
  expect(await long.ask()).toBe('answer');
  expect(long.told).toEqual([false, 'Waiting for Kafka (an answer): busy.', true]);
  // a second at most behind the moment at which it would have answered
  expect(long.waited()).toBeLessThanOrEqual(31_000);
});

test('when patience is over it says for how long, and what does not pass is thrown at once', async () => {
  const gone = waiting(Number.POSITIVE_INFINITY, 10_000);
  await expect(gone.ask()).rejects.toMatchObject({ code: 'HR_KAFKA_UNREACHABLE', message: expect.stringMatching(/^Kafka was tried for (9|10) s \(an answer\): busy\.$/) as unknown });
  expect(gone.told).toEqual([false, 'Waiting for Kafka (an answer): busy.']);
  const { ask, waited } = waiting(0, 10_000);
  await expect(ask()).resolves.toBe('answer');
  expect(waited()).toBe(0);
});
