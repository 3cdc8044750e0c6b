import { expect, test } from 'vitest';
import { memoryRuntime } from '../../../runners/testing/index.js';
import { blockOf, logClientContract } from '../../contracts/log-client-contract.js';

logClientContract('the log in memory', async () => {
  const { log } = memoryRuntime();
  return { log, reader: async () => ({ ...log, close: async () => {} }), dispose: () => log.close() };
});

const bytes = (...values: number[]) => Uint8Array.from(values);

test('state is ordered by key bytes, and a range ends before its end', () => {
  const { state, writeState } = memoryRuntime();
  writeState('p', [[255], [1, 0], [1], [], [128], [1, 255]].map((key) => ({ step: 's', key: bytes(...key), value: bytes(...key) })));
  const keys = (from: number[], to?: number[]) => [...state.range('p', 's', bytes(...from), to && bytes(...to))].map((e) => [...e.key]);
  expect(keys([])).toEqual([[], [1], [1, 0], [1, 255], [128], [255]]);
  expect(keys([1], [128])).toEqual([[1], [1, 0], [1, 255]]);
  expect([...state.get('p', 's', bytes(128))!]).toEqual([128]);
  expect(state.get('p', 't', bytes(128))).toBeUndefined();
  expect(state.get('q', 's', bytes(128))).toBeUndefined();
  expect(state.steps('p')).toEqual(['s']);
  writeState('p', [{ step: 's', key: bytes(128), value: null }]);
  expect(state.get('p', 's', bytes(128))).toBeUndefined();
});

test('a state key that is too long is refused and nothing of its epoch is written', async () => {
  const { log, state } = memoryRuntime();
  const write = (n: number) => ({ step: 's', key: new Uint8Array(n), value: bytes(1) });
  const epoch = { pipeline: 'p', epoch: 1, outputs: [], positions: [], journal: [] };
  await expect(log.commit({ ...epoch, state: [write(1), write(1_025)] })).rejects.toMatchObject({ code: 'HR_ARGUMENT' });
  expect(state.get('p', 's', new Uint8Array(1))).toBeUndefined();
  expect(await log.committed('p')).toBeUndefined();
  await log.commit({ ...epoch, state: [write(1_024)] });
  expect(state.steps('p')).toEqual(['s']);
});

test('retention deletes whole blocks that are older than the newest record allows', async () => {
  const { log } = memoryRuntime();
  await log.createTopic('t', { partitions: 1, retentionMs: 100 });
  for (const time of [1_000, 1_050, 1_151]) await log.append([{ topic: 't', partition: 0, block: blockOf([{ key: null, value: 'x', timestamp: time }]) }]);
  expect(await log.bounds('t', 0)).toEqual({ start: 2, end: 3 });
  await expect(log.read('t', 0, 1)).rejects.toMatchObject({ code: 'HR_OFFSET_GONE' });
});

test('a schema keeps its id, and a subject its latest schema', async () => {
  const { registry } = memoryRuntime();
  expect([await registry.register('a', '"int"'), await registry.register('b', '"int"'), await registry.register('a', '"long"')]).toEqual([1, 1, 2]);
  expect(await registry.schemaById(2)).toBe('"long"');
  expect(await registry.schemaById(3)).toBeUndefined();
  expect(await registry.latest('a')).toEqual({ id: 2, schemaText: '"long"' });
  expect(await registry.latest('c')).toBeUndefined();
});
