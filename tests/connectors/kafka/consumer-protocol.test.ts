import { expect, test } from 'vitest';
import { decodeAssignment, decodeSubscription, encodeAssignment, encodeSubscription } from '../../../connectors/kafka/consumer-protocol.js';

test('members read what they write', () => {
  expect(decodeSubscription(encodeSubscription({ topics: ['clicks', 'ünïcode'], tasks: [0, 7, 300], runs: true }))).toEqual({ tasks: [0, 7, 300], runs: true });
  expect(decodeSubscription(encodeSubscription({ topics: [], tasks: [], runs: false }))).toEqual({ tasks: [], runs: false });
  expect(decodeAssignment(encodeAssignment({ topics: new Map([['clicks', 8], ['items', 1]]), tasks: [0, 5] }))).toEqual({ tasks: [0, 5] });
  expect(decodeAssignment(new Uint8Array(0))).toEqual({ tasks: [] });
});

test("an assignment is one of Kafka's consumers: version, topics with partitions, bytes of our own", () => {
  const bytes = Buffer.from(encodeAssignment({ topics: new Map([['ab', 2]]), tasks: [1, 4] }));
  expect(bytes.toString('hex')).toBe(['0000', '00000001', '0002', Buffer.from('ab').toString('hex'), '00000001', '00000001', '00000008', '00000001', '00000004'].join(''));
});
