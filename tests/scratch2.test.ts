import { test } from 'vitest';
import { count } from '../dataflow/aggregates/index.js';
import { pipeline } from '../dataflow/pipeline.js';
import { topic } from '../dataflow/topic.js';
import { keyBy } from '../operators/key-by.js';
import { map } from '../operators/map.js';
import { to } from '../operators/to.js';
import { window } from '../operators/window.js';
import { runPipeline, scrutinise } from '../runners/testing/index.js';
const input = topic('in', { key: 'k', time: 't', value: { k: 'string', j: 'string', v: 'int', t: 'timestamp' } });
const out = topic('out', { key: 'k', partitions: 5, value: { k: 'string', n: 'int', windowEnd: 'timestamp', revision: 'int' } });
let s = 12345;
const rnd = (n: number) => ((s = (Math.imul(s, 1103515245) + 12345) >>> 0) >>> 8) % n;
const T = 1_600_000_000_000;
const rows = (n: number, span = 300, back = 50) => Array.from({ length: n }, (_, i) => ({ k: `k${rnd(40)}`, j: `j${rnd(4)}`, v: rnd(10), t: T + Math.floor((i * span) / n) - rnd(back) }));
test('reuse', async () => {
  const p = pipeline('p', ({ from }) => from(input, { disorder: 20 }).pipe(keyBy(input.k), window('w', { every: 50, lateness: 0 }, { n: count() }), to(out)), { tick: 10 });
  for (let i = 0; i < 5; i++) await scrutinise(p, { inputs: { in: rows(300, 1000) }, partitions: 3, seed: i });
});
test('late topic written by several tasks', async () => {
  const late = topic('late', { key: 'j', value: { k: 'string', j: 'string', v: 'int' } });
  const p = pipeline('p', ({ from }) => from(input, { disorder: 0 }).pipe(keyBy(input.k), window('w', { every: 20, lateness: 0, late }, { n: count() }), to(out)), { tick: 10 });
  for (let i = 0; i < 3; i++) await scrutinise(p, { inputs: { in: rows(200, 500) }, partitions: 3, seed: i });
});
