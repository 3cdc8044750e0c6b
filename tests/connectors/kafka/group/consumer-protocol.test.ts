import { expect, test } from 'vitest';
import { decodeAssignment, decodeSubscription, encodeAssignment, encodeSubscription } from '../../../../connectors/kafka/group/consumer-protocol.js';

test('members read what they write', () => {
  for (const told of [{ incarnation: { number: 3, process: 'ünïque' }, terms: 'live', runs: [0, 7, 300], goesOn: true, generation: 9, standby: [4, 5], copies: [1, 7] }, { incarnation: { number: 1, process: '' }, terms: '', runs: [], goesOn: false, generation: -1, standby: [], copies: [] }]) {
    expect(decodeSubscription(encodeSubscription({ topics: ['clicks', 'ünïcode'], ...told }))).toEqual(told);
  }
  const own = { tasks: [0, 5], standby: [2, 9], isPartial: true, since: -1, isKept: true, spread: 'ü/1', process: 'ü', terms: 'live' };
  expect(decodeAssignment(encodeAssignment({ topics: new Map([['clicks', 8], ['items', 1]]), ...own }))).toEqual({ inputs: ['clicks/0', 'clicks/5', 'items/0'], own });
  expect(decodeAssignment(new Uint8Array(0))).toEqual({ inputs: [], own: undefined });
});

test("an assignment is one of Kafka's consumers: version, topics with partitions, bytes of our own", () => {
  const bytes = Buffer.from(encodeAssignment({ topics: new Map([['ab', 2]]), tasks: [1, 4], standby: [6], isPartial: false, since: 3, isKept: true, spread: 'p/2', process: 'o', terms: 'l' }));
  expect(bytes.toString('hex')).toBe(['0000', '00000001', '0002', Buffer.from('ab').toString('hex'), '00000001', '00000001', '00000027', '0003', Buffer.from('p/2').toString('hex'), '0001', Buffer.from('o').toString('hex'), '0001', Buffer.from('l').toString('hex'), '00000000', '00000003', '00000001', '00000002', '00000001', '00000004', '00000006'].join(''));
  // of other consumers nothing but their partitions is known
  expect(decodeAssignment(Buffer.from('000000000001000261620000000100000001ffffffff', 'hex'))).toEqual({ inputs: ['ab/1'], own: undefined });
});
