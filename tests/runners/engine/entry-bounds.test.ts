import { expect, test } from 'vitest';
import { entryBounds, entryPace } from '../../../runners/engine/entry-bounds.js';
import type { JobSetting } from '../../../runners/engine/job.js';

const ends = [10_000, 40_000, 0];
const log = { bounds: async (_: string, partition: number) => ({ start: 0, end: ends[partition]! }) } as unknown as Parameters<typeof entryBounds>[0];
const setting = { graph: { sources: [{ topic: { name: 'in' } }] }, tasks: [0, 1, 2], partitions: new Map([['in', 3]]) } as unknown as JobSetting;
const offsets = async (options: Parameters<typeof entryBounds>[2]) => (await entryBounds(log, setting, options)).map(({ offset }) => offset);

test('an entry takes about a commit interval, and a part of the time of a backlog', () => {
  const pace = entryPace(200);
  expect(pace.limit(1e6)).toBe(2_048);
  pace.took(10_000, 500);
  // 20 a millisecond
  expect(pace.limit(10_000)).toBe(4_000);
  expect(pace.limit(40_000)).toBe(10_000);
  expect(pace.limit(1e7)).toBe(40_000);
  // of few records the pace cannot be told
  pace.took(10, 500);
  expect(pace.limit(10_000)).toBe(4_000);
  pace.took(40_000, 1_000);
  expect(pace.limit(10_000)).toBe(6_000);
});

test('inputs share a limit by what waits in each', async () => {
  expect(await offsets({ last: undefined, isShared: false, pace: undefined })).toEqual(ends);
  const pace = entryPace(200);
  pace.took(10_000, 500);
  expect(await offsets({ last: undefined, isShared: false, pace })).toEqual([2_500, 10_000, 0]);
  const last = { kind: 'live' as const, bounds: [{ topic: 'in', partition: 0, offset: 9_000 }, { topic: 'in', partition: 1, offset: 37_000 }, { topic: 'in', partition: 2, offset: 0 }] };
  expect(await offsets({ last, isShared: false, pace })).toEqual(ends);
  ends[1] = 1e6;
  expect(await offsets({ last: undefined, isShared: true, pace: undefined })).toEqual([10_000, 1 << 17, 0]);
});
