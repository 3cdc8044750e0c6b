import * as rx from 'rxjs';
import { test } from 'vitest';
import { count, min, sum } from '../dataflow/aggregates/index.js';
import { pipeline } from '../dataflow/pipeline.js';
import { topic } from '../dataflow/topic.js';
import { filter } from '../operators/filter.js';
import { keyBy } from '../operators/key-by.js';
import { map } from '../operators/map.js';
import { process } from '../operators/process.js';
import { records } from '../operators/records.js';
import { to } from '../operators/to.js';
import { union } from '../operators/union.js';
import { window } from '../operators/window.js';
import { play, runPipeline, scrutinise } from '../runners/testing/index.js';

const input = topic('in', { key: 'k', time: 't', value: { k: 'string', j: 'string', v: 'int', t: 'timestamp' } });
const other = topic('other', { key: 'k', time: 't', value: { k: 'string', j: 'string', v: 'int', t: 'timestamp' } });
const out = topic('out', { key: 'k', value: { k: 'string', v: 'int' } });
const outJ = topic('out-j', { key: 'j', value: { j: 'string', n: 'int', windowEnd: 'timestamp', revision: 'int' } });
const outK = topic('out-k', { key: 'k', value: { k: 'string', n: 'int', windowEnd: 'timestamp', revision: 'int' } });
let s = 12345;
const rnd = (n: number) => ((s = (Math.imul(s, 1103515245) + 12345) >>> 0) >>> 8) % n;
const T = 1_600_000_000_000;
const rows = (n: number, span = 300, back = 50) => Array.from({ length: n }, (_, i) => ({ k: `k${rnd(4)}`, j: `j${rnd(4)}`, v: rnd(10), t: T + Math.floor((i * span) / n) - rnd(back) }));

test('1 records close emission', async () => {
  const p = pipeline('p', ({ from }) => from(input).pipe(records(rx.toArray()), map((a) => ({ k: 'all', v: a.length })), to(out)));
  const r = await runPipeline(p, { inputs: { in: rows(5) } });
  if (r.values(out).length !== 1) throw new Error(JSON.stringify(r.outputs));
});
test('2/3 tumbling corrections under restarts', async () => {
  await scrutinise(window('n', { every: '10s', lateness: '20s' }, { n: count() }), { in: 'a@1 b@4 |w10 c@2 d@3 a@5 |w16 d@3 e@1 |w17 ||', runs: 50 });
});
test('2b hopping corrections order', async () => {
  await scrutinise(window('n', { every: '10s', size: '30s', lateness: '40s' }, { n: count() }), { in: 'a@1 b@4 |w30 c@12 d@3 e@5 f@13 g@14 |w36 d@3 e@1 |w37 ||', key: (r: { name: string }) => r.name, runs: 50 });
});
test('window pipeline copartitioned', async () => {
  const p = pipeline('p', ({ from }) => from(input, { disorder: 20 }).pipe(keyBy(input.k), window('w', { every: 50, lateness: 30 }, { n: count() }), to(outK)), { tick: 10 });
  for (let i = 0; i < 5; i++) await scrutinise(p, { inputs: { in: rows(60) }, partitions: 3, seed: i });
});
test('6 window pipeline exchange', async () => {
  const p = pipeline('p', ({ from }) => from(input, { disorder: 20 }).pipe(keyBy(input.j), window('w', { every: 50, lateness: 30 }, { n: count() }), to(outJ)), { tick: 10 });
  for (let i = 0; i < 5; i++) await scrutinise(p, { inputs: { in: rows(60) }, partitions: 3, seed: i });
});
test('6b map to two-level exchange', async () => {
  const p = pipeline('p', ({ from }) => from(input, { disorder: 20 }).pipe(keyBy(input.j), map((r) => ({ k: r.k, v: r.v })), to(out)), { tick: 100 });
  for (let i = 0; i < 5; i++) await scrutinise(p, { inputs: { in: rows(60) }, partitions: 3, seed: i });
});
test('6c union of branches', async () => {
  const p = pipeline('p', ({ from }) => {
    const a = from(input, { disorder: 20 });
    return union(a.pipe(filter((r) => r.v < 5)), a.pipe(filter((r) => r.v >= 5))).pipe(to(out));
  }, { tick: 100 });
  await scrutinise(p, { inputs: { in: rows(60) }, partitions: 1 });
});
test('6d two to', async () => {
  const p = pipeline('p', ({ from }) => {
    const a = from(input, { disorder: 20 });
    return [a.pipe(filter((r) => r.v < 5), to(out)), a.pipe(filter((r) => r.v >= 5), to(out))];
  }, { tick: 100 });
  await scrutinise(p, { inputs: { in: rows(60) }, partitions: 1 });
});
test('5 union of two sources, second ends early', async () => {
  const p = pipeline('p', ({ from }) => union(from(input, { disorder: 20 }), from(other)).pipe(keyBy(input.k), window('w', { every: 50, lateness: 30 }, { n: count() }), to(outK)), { tick: 10 });
  for (let i = 0; i < 5; i++) await scrutinise(p, { inputs: { in: rows(60), other: rows(10, 60) }, partitions: 2, seed: i });
});
test('8 by label zero', () => {
  play(window('n', { every: '10s' }, { n: sum((r: { name: string; time: number }) => (r.name === 'b' ? -1 : 1)).by((r) => 'x'), m: min((r: any) => 0).by((r: any) => 'x') } as never), { in: 'a@1 b@4 |w10', out: '{n:{},m:{x:0}}@10' });
});
test('13 retention', async () => {
  const p = pipeline('p', ({ from }) => from(input).pipe(to(out)));
  const first = await runPipeline(p, { inputs: { in: rows(5) } });
  const small = topic('in', { key: 'k', time: 't', retention: 100, value: { k: 'string', j: 'string', v: 'int', t: 'timestamp' } });
  const q = pipeline('q', ({ from }) => from(small).pipe(to(out)));
  await runPipeline(q, { inputs: { in: rows(500, 1000, 1) }, blocks: (l) => l.map((x) => [x]) });
});
test('timer in the past and restart', async () => {
  const step = process<any, { key: string }, { n: number }, string>('p', {
    init: () => ({ n: 0 }),
    onRecord(r, st, c) { st.n++; if (r.name === 'a') c.timer(1000); c.emit(`r${st.n}`); },
    onTimer(t, st, c) { c.emit(`t${st.n}`); },
  });
  await scrutinise(step, { in: 'b@1 |w5 a@6 b@7 b@8 |w7 b@9 ||', runs: 50 });
});
test('expire and restart', async () => {
  const step = process<any, { key: string }, { n: number }, string>('p', {
    init: () => ({ n: 0 }),
    onRecord(r, st, c) { st.n++; if (r.name === 'a') c.timer(100_000); c.emit(`r${st.n}`); },
    onTimer(t, st, c) { c.emit(`t${st.n}`); },
  }, { expire: '10s' });
  await scrutinise(step, { in: 'a@1 |w5 |w50 |w60 |w100 ||', runs: 50 });
  await scrutinise(step, { in: 'a@1 |w5 b@2 |w50 |w60 b@8 |w100 ||', runs: 50 });
});
