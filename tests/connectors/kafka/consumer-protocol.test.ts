import { expect, test } from 'vitest';
import { decodeAssignment, decodeSubscription, encodeAssignment, encodeSubscription } from '../../../connectors/kafka/consumer-protocol.js';

test('members read what they write', () => {
  for (const told of [{ incarnation: { number: 3, process: 'ünïque' }, runs: [0, 7, 300], goesOn: true, generation: 9, standby: [4, 5], copies: [1, 7] }, { incarnation: { number: 1, process: '' }, runs: [], goesOn: false, generation: -1, standby: [], copies: [] }]) {
    expect(decodeSubscription(encodeSubscription({ topics: ['clicks', 'ünïcode'], ...told }))).toEqual(told);
  }
  expect(decodeAssignment(encodeAssignment({ topics: new Map([['clicks', 8], ['items', 1]]), tasks: [0, 5], standby: [2, 9], isPartial: true, since: -1 }))).toEqual({ inputs: ['clicks/0', 'clicks/5', 'items/0'], tasks: [0, 5], standby: [2, 9], isPartial: true, since: -1 });
  expect(decodeAssignment(new Uint8Array(0))).toEqual({ inputs: [], tasks: [], standby: [], isPartial: false, since: -1 });
});

test("an assignment is one of Kafka's consumers: version, topics with partitions, bytes of our own", () => {
  const bytes = Buffer.from(encodeAssignment({ topics: new Map([['ab', 2]]), tasks: [1, 4], standby: [6], isPartial: false, since: 3 }));
  expect(bytes.toString('hex')).toBe(['0000', '00000001', '0002', Buffer.from('ab').toString('hex'), '00000001', '00000001', '00000018', '00000000', '00000003', '00000002', '00000001', '00000004', '00000006'].join(''));
});
