import * as rx from 'rxjs';
import { expect, test } from 'vitest';
import { pipeline, type PipelineScope, isPipeline } from '../../dataflow/pipeline.js';
import { count } from '../../dataflow/aggregates/index.js';
import { topic } from '../../dataflow/topic.js';
import { filter } from '../../operators/filter.js';
import { keyBy } from '../../operators/key-by.js';
import { map } from '../../operators/map.js';
import { to } from '../../operators/to.js';
import { union } from '../../operators/union.js';
import { window } from '../../operators/window.js';
import { buildGraph } from '../../runners/engine/task.js';

const t = topic('t', { key: 'k', value: { k: 'string', n: 'int' } });
const out = topic('out', { key: 'k', value: { k: 'string', n: 'int' } });
const graph = (build: Parameters<typeof pipeline>[1]) => buildGraph(pipeline('p', build));
const code = (c: string) => expect.objectContaining({ code: c });

test('steps are in order, named by kind where they have no name, and deeper behind an exchange', () => {
  const { steps, sources } = graph(({ from }) => {
    const a = from(t, { id: 'source' });
    const left = a.pipe(filter(() => true), keyBy('by', (r) => r.k), window('n', { every: '1s' }, { n: count() }), map((r) => ({ k: r.key, n: r.n })));
    return union(left, a.pipe(filter(() => false), map((r) => r))).pipe(to(out));
  });
  expect(steps.map((s) => [s.id, s.kind, s.depth])).toEqual([
    ['source', 'from', 0], ['filter-1', 'filter', 0], ['by', 'keyBy', 1], ['n', 'window', 1], ['map-1', 'map', 1], ['filter-2', 'filter', 0], ['map-2', 'map', 0], ['union-1', 'union', 1], ['to-1', 'to', 1],
  ]);
  expect(sources.map((s) => s.id)).toEqual(['source']);
});

test('a step that two branches share is one step, and plain RxJS operators are none', () => {
  const { steps } = graph(({ from }) => {
    const shared = from(t).pipe(filter(() => true), rx.tap());
    return [shared.pipe(to(out, { id: 'a' })), shared.pipe(to(out, { id: 'b' }))];
  });
  expect(steps.map((s) => s.id)).toEqual(['t', 'filter-1', 'a', 'b']);
});

test('what a pipeline cannot be is refused when it is built', () => {
  const twice = ({ from }: PipelineScope) => from(t).pipe(filter(() => true, { id: 'same' }), filter(() => true, { id: 'same' }), to(out));
  expect(() => graph(twice)).toThrow(expect.objectContaining({ code: 'HR_DUPLICATE_STEP', place: { pipeline: 'p', step: 'same' } }));
  expect(() => graph(({ from }) => [from(t), from(t)])).toThrow(code('HR_DUPLICATE_STEP'));
  for (const id of ['', 'a b', '-a', 'a/b', 'x'.repeat(101)]) expect(() => graph(({ from }) => from(t).pipe(filter(() => true, { id })))).toThrow(code('HR_STEP_ID'));
  expect(() => graph(() => rx.EMPTY as never)).toThrow(code('HR_PIPELINE'));
  expect(() => graph(() => [])).toThrow(code('HR_PIPELINE'));
  expect(() => graph(() => undefined as never)).toThrow(code('HR_PIPELINE'));
  expect(() => graph(({ from }) => from({} as never))).toThrow(code('HR_PIPELINE'));
  expect(() => graph(({ from }) => from(t, { disorder: '-1s' }))).toThrow(code('HR_DURATION'));
  for (const name of ['', 'a b', 'a.b', '-p']) expect(() => pipeline(name, ({ from }) => from(t))).toThrow(code('HR_PIPELINE'));
  expect(() => pipeline('p', ({ from }) => from(t), { tick: 0 })).toThrow(code('HR_DURATION'));
});

test('a pipeline knows what it is', () => {
  expect(isPipeline(pipeline('p', ({ from }) => from(t)))).toBe(true);
  for (const other of [undefined, null, {}, { name: 'p', build: () => [] }]) expect(isPipeline(other)).toBe(false);
});
