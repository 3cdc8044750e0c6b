import { expect, test } from 'vitest';
import { settled } from '../../../connectors/kafka/commit-once.js';
import { BrokerError } from '../../../connectors/kafka/kafka-errors.js';
import { HeadraceError } from '../../../dataflow/errors.js';

const first = new Map([['out/0', 7]]);
const counts = new Map([['out/0', 3]]);

test.each([new BrokerError(-1, 'offsets'), new HeadraceError('HR_KAFKA_DENIED', 'no'), new TypeError('x')])('what is committed stays committed, whatever the leaders answer to the look at its markers: %s', async (error) => {
  await expect(settled(first, counts, () => Promise.reject(error))).resolves.toBeUndefined();
});

test('it waits until its records can be read', async () => {
  const ends = [7, 9, 10];
  let asked = 0;
  await settled(first, counts, async () => new Map([['out/0', ends[asked++]!]]), { now: () => 0, wait: async () => undefined });
  expect(asked).toBe(3);
});
