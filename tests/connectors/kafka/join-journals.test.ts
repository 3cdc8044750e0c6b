import { expect, test } from 'vitest';
import { joinJournals } from '../../../connectors/kafka/kafka-log.js';
import type { JournalEntry } from '../../../dataflow/ports/log-client.js';

test('entries of tasks with one number are one entry, in the order of numbers', () => {
  const at = (partition: number, offset: number) => ({ topic: 't', partition, offset });
  const first: JournalEntry[] = [{ index: 0, kind: 'live', bounds: [at(0, 1)] }, { index: 3, kind: 'idle', bounds: [at(0, 5)], idle: [{ topic: 't', partition: 0 }] }];
  const second: JournalEntry[] = [{ index: 1, kind: 'live', bounds: [at(1, 2)] }, { index: 3, kind: 'live', bounds: [at(1, 7)] }];
  expect(joinJournals([first, second])).toEqual([
    { index: 0, kind: 'live', bounds: [at(0, 1)] },
    { index: 1, kind: 'live', bounds: [at(1, 2)] },
    { index: 3, kind: 'idle', bounds: [at(0, 5), at(1, 7)], idle: [{ topic: 't', partition: 0 }] },
  ]);
});
