import fc from 'fast-check';
import { expect, test } from 'vitest';
import { committedRecords } from '../../../../connectors/kafka/kafkajs/kafkajs-source.js';
import type { KafkajsMessage } from '../../../../connectors/kafka/kafkajs/load-kafkajs.js';
import { recordsOf } from '../../../contracts/log-client-contract.js';

const message = (offset: number, producerId: number, kind: 'record' | 'plain' | 'commit' | 'abort'): KafkajsMessage => ({
  offset: String(offset),
  timestamp: '1',
  key: kind === 'commit' || kind === 'abort' ? Buffer.from([0, 0, 0, kind === 'commit' ? 1 : 0]) : Buffer.alloc(4),
  value: Buffer.from(String(offset)),
  headers: {},
  isControlRecord: kind === 'commit' || kind === 'abort',
  batchContext: { firstOffset: String(offset), lastOffsetDelta: 0, producerId: String(producerId), inTransaction: kind !== 'plain' },
});

test('records of aborted transactions are left out, however transactions of producers lie within one another', () => {
  const steps = fc.array(fc.record({ producer: fc.nat(2), step: fc.constantFrom('record' as const, 'record' as const, 'plain' as const, 'commit' as const, 'abort' as const) }), { maxLength: 40, size: 'max' });
  fc.assert(
    fc.property(steps, fc.double({ min: 0, max: 1, noNaN: true }), (written, part) => {
      const messages: KafkajsMessage[] = [];
      const open = new Map<number, number[]>();
      const committed: number[] = [];
      const aborted: { producerId: string; firstOffset: string; end: number }[] = [];
      const write = (producer: number, step: 'record' | 'plain' | 'commit' | 'abort') => {
        const offset = messages.length;
        messages.push(message(offset, producer, step));
        if (step === 'plain') committed.push(offset);
        else if (step === 'record') open.set(producer, [...(open.get(producer) ?? []), offset]);
        else {
          const offsets = open.get(producer) ?? [];
          open.delete(producer);
          if (step === 'commit') committed.push(...offsets);
          else if (offsets.length > 0) aborted.push({ producerId: String(producer), firstOffset: String(offsets[0]), end: offset });
        }
      };
      for (const { producer, step } of written) write(producer, step);
      // all that is fetched is settled
      for (const producer of open.keys()) write(producer, 'commit');
      const from = Math.floor(part * messages.length);
      // brokers tell those that reach into what is fetched
      const abortedTransactions = aborted.filter(({ end }) => end >= from);
      const { block, next } = committedRecords({ messages: messages.slice(from), abortedTransactions, lastStableOffset: String(messages.length) }, from);
      expect(block === undefined ? [] : recordsOf(block).map((r) => r.offset)).toEqual(committed.filter((offset) => offset >= from).sort((a, b) => a - b));
      expect(next).toBe(messages.length);
    }),
  );
});

test('where batches have no records left, it goes on behind them', () => {
  const nothing = { messages: [], abortedTransactions: [] };
  expect(committedRecords({ ...nothing, lastStableOffset: '9' }, 7)).toEqual({ block: undefined, next: 8 });
  expect(committedRecords({ ...nothing, lastStableOffset: '9' }, 9)).toEqual({ block: undefined, next: 9 });
});

test('headers keep their order within a name, and one without a value is empty', () => {
  const { block } = committedRecords({ messages: [{ ...message(3, 0, 'plain'), headers: { a: [Buffer.from('1'), Buffer.from('2')], b: null } }], abortedTransactions: [], lastStableOffset: '4' }, 0);
  expect(recordsOf(block!)[0]!.headers).toEqual([{ key: 'a', value: '1' }, { key: 'a', value: '2' }, { key: 'b', value: '' }]);
});
