import { test } from 'vitest';
import { pipeline } from '../dataflow/pipeline.js';
import { topic } from '../dataflow/topic.js';
import { filter } from '../operators/filter.js';
import { to } from '../operators/to.js';
import { runPipeline } from '../runners/testing/index.js';
const input = topic('in', { time: 't', value: { v: 'int', t: 'timestamp' } });
const out = topic('out', { value: { v: 'int' } });
const T = 1_600_000_000_000;
test('x', async () => {
  const p = pipeline('p', ({ from }) => {
    const a = from(input, { disorder: 20 });
    return [a.pipe(filter((r) => r.v < 5), to(out)), a.pipe(filter((r) => r.v >= 5), to(out))];
  }, { tick: 100 });
  let s=3; const rnd = (n: number) => ((s = (Math.imul(s, 1103515245) + 12345) >>> 0) >>> 8) % n; const rows = Array.from({length: 20}, (_, i) => ({ v: rnd(10), t: T + i*5 - rnd(50) }));
  console.log(rows.map(r=>`${r.v}@${r.t-T}`).join(' '));
  for (const o of [{}, { stepRows: 1, commitMs: 0 }, {stepRows: 1, blocks: (l: any) => l.map((x: any) => [x])}, { stepRows: 1, commitMs: 0, blocks: (l: any) => l.map((x: any) => [x]) }]) {
    const r = await runPipeline(p, { inputs: { in: rows }, ...o });
    console.log(r.values(out).map((x: any) => x.v).join(), r.result);
  }
});
