/*
 * A copy that may lag shows each change at once; its directory has them together with how far it is, when there are enough of them, when time has passed, and when it is closed.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { laggingCopy } from '../../../../connectors/kafka/state/lagging-copy.js';
import { openStateCopy, type StateCopy } from '../../../../connectors/kafka/state/state-copy.js';

const [pipeline, step] = ['p', 's'];
const key = (text: string) => Buffer.from(text);
let dataDir: string;
let timers: { ms: number; fire: () => void }[];
const after = (ms: number, fire: () => void) => {
  const timer = { ms, fire };
  timers.push(timer);
  return () => void (timers = timers.filter((t) => t !== timer));
};

beforeEach(async () => {
  timers = [];
  dataDir = await mkdtemp(join(tmpdir(), 'headrace-lagging-'));
});
afterEach(() => rm(dataDir, { recursive: true, force: true }));

const put = (copy: StateCopy, epoch: number, value: string, task = 0) => copy.apply([{ task, writes: [{ step, key: key('k'), value: Buffer.from(value) }], point: { epoch, next: 10 * epoch } }]);
const shown = (copy: StateCopy, task = 0) => {
  const value = copy.state.of(task).get(pipeline, step, key('k'));
  const ranged = [...copy.state.of(task).range(pipeline, step, key(''))].map((entry) => Buffer.from(entry.value).toString());
  expect(ranged).toEqual(value === undefined ? [] : [Buffer.from(value).toString()]);
  return [ranged[0], copy.point(task)?.epoch, copy.tasks()];
};

test('changes show at once, and come to the directory late, all together', async () => {
  const stored = openStateCopy(pipeline, { dataDir, mode: 'write' });
  const copy = laggingCopy(stored, { after }, { mostBytes: 1_000, mostMs: 500 });
  put(copy, 1, 'one');
  put(copy, 2, 'two');
  put(copy, 2, 'other', 1);
  expect(shown(copy)).toEqual(['two', 2, [0, 1]]);
  expect(shown(stored)).toEqual([undefined, undefined, []]);
  expect(timers.map(({ ms }) => ms)).toEqual([500]);
  timers[0]!.fire();
  expect(shown(stored)).toEqual(['two', 2, [0, 1]]);
  expect(shown(stored, 1)).toEqual(['other', 2, [0, 1]]);
  expect(timers).toEqual([]);

  put(copy, 3, 'x'.repeat(2_000));
  expect(shown(stored)).toEqual(['x'.repeat(2_000), 3, [0, 1]]);
  put(copy, 4, 'four');
  copy.clear(0);
  expect(shown(copy)).toEqual([undefined, undefined, [1]]);
  put(copy, 5, 'five');
  expect(copy.state.of(0).steps(pipeline)).toEqual([step]);
  put(copy, 6, 'six');
  await copy.close();
  expect(timers).toEqual([]);
  const again = openStateCopy(pipeline, { dataDir, mode: 'read' });
  expect(shown(again)).toEqual(['six', 6, [0, 1]]);
  await again.close();
});

test('what cannot be written when time has passed fails with the next change, and is there when that is written', async () => {
  const stored = openStateCopy(pipeline, { dataDir, mode: 'write' });
  let isFull = false;
  const copy = laggingCopy(
    {
      ...stored,
      apply(changes) {
        if (isFull) throw new Error('full');
        stored.apply(changes);
      },
    },
    { after },
  );
  put(copy, 1, 'one');
  isFull = true;
  timers[0]!.fire();
  expect(shown(copy)).toEqual(['one', 1, [0]]);
  expect(() => put(copy, 2, 'two')).toThrow('full');
  isFull = false;
  put(copy, 3, 'three');
  expect(shown(stored)).toEqual(['three', 3, [0]]);
  await copy.close();
});
