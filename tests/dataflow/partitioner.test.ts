import { expect, test } from 'vitest';
import { partitionAll, partitionOf } from '../../dataflow/partitioner.js';
import { stringColumn } from '../../schemas/column.js';

// Apache Kafka, UtilsTest.testMurmur2
const published: Readonly<Record<string, number>> = {
  '21': -973932308,
  foobar: -790332482,
  'a-little-bit-long-string': -985981536,
  'a-little-bit-longer-string': -1486304829,
  'lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8': -58897971,
  abc: 479470107,
};

test('partitions are those of Kafka: murmur2, made positive, modulo the partitions', () => {
  for (const [key, hash] of Object.entries(published)) {
    const bytes = Buffer.from(`..${key}..`);
    for (const partitions of [1, 2, 3, 7, 64, 0x7fffffff]) expect(partitionOf(bytes, 2, key.length, partitions)).toBe((hash & 0x7fffffff) % partitions);
  }
});

test('a column of keys at once, a null as an empty one', () => {
  const keys = ['21', null, 'abc', ''];
  const all = partitionAll(stringColumn(keys), 4, 5);
  expect([...all]).toEqual(keys.map((k) => partitionOf(Buffer.from(k ?? ''), 0, (k ?? '').length, 5)));
});
