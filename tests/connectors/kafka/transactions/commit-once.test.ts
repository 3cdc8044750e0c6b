import { expect, test } from 'vitest';
import { settled, UnknownEnd } from '../../../../connectors/kafka/transactions/commit-once.js';
import type { Clock } from '../../../../connectors/kafka/clock.js';
import { BrokerError } from '../../../../connectors/kafka/kafka-errors.js';
import { HeadraceError } from '../../../../dataflow/errors.js';
import type { RecordBlock } from '../../../../dataflow/record-block.js';

const first = new Map([['out/0', 7]]);
const counts = new Map([['out/0', 3]]);
const clock = (): Clock => {
  let now = 0;
  return { now: () => now, wait: async (ms) => void (now += ms) };
};

test.each([new BrokerError(-1, 'offsets'), new HeadraceError('HR_KAFKA_DENIED', 'no'), new TypeError('x')])('what is committed stays committed, whatever the leaders answer to the look at its markers: %s', async (error) => {
  await expect(settled(first, counts, () => Promise.reject(error), clock())).resolves.toBeUndefined();
});

test('it waits until its records can be read', async () => {
  const ends = [7, 9, 10];
  let asked = 0;
  await settled(first, counts, async () => new Map([['out/0', ends[asked++]!]]), clock());
  expect(asked).toBe(3);
});

test('a leader that does not answer is asked again', async () => {
  let asked = 0;
  await settled(first, counts, () => (asked++ === 0 ? Promise.reject(new BrokerError(6, 'offsets')) : Promise.resolve(new Map([['out/0', 10]]))), clock());
  expect(asked).toBe(2);
});

test('markers that do not come are left to the readers, and are not asked for in a hurry', async () => {
  let asked = 0;
  const time = clock();
  await settled(first, counts, async () => new Map([['out/0', (asked++, 0)]]), time);
  expect(time.now()).toBeGreaterThanOrEqual(2_000);
  expect(asked).toBeLessThan(50);
});

test('where the end of a transaction is not known, its first output is looked for, whichever was answered first', () => {
  const block = { count: 1 } as RecordBlock;
  const outputs = [{ topic: 'epochs', partition: 0, block }, { topic: 'empty', partition: 0, block }, { topic: 'out', partition: 1, block }, { topic: 'out', partition: 1, block }];
  expect([...new UnknownEnd(new Error('no answer'), outputs, new Map([['out/1', 7], ['epochs/0', 3]])).first]).toEqual([['epochs/0', 3], ['out/1', 7]]);
});
