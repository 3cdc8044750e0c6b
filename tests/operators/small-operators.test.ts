import { describe, expect, test } from 'vitest';
import { constant, text } from '../../dataflow/expression.js';
import { pipeline } from '../../dataflow/pipeline.js';
import { partitionOf } from '../../dataflow/partitioner.js';
import { flatMap, flatMapLimit } from '../../operators/flat-map.js';
import { keyBy } from '../../operators/key-by.js';
import { sample } from '../../operators/sample.js';
import { tap } from '../../operators/tap.js';
import { to } from '../../operators/to.js';
import { window } from '../../operators/window.js';
import { count } from '../../dataflow/aggregates/count.js';
import { topic } from '../../dataflow/topic.js';
import { play, runPipeline } from '../../runners/testing/index.js';
import { aBid, bids } from './bids-model.js';

interface Row {
  readonly name: string;
  readonly time: number;
}

describe('flatMap', () => {
  test('none, one or several records for one, with its event time; any iterable will do', () => {
    play(flatMap((r: Row) => ({ a: [], b: ['x'], c: new Set(['y', 'z']) })[r.name]!), { in: 'a@1 b@2 c@3', out: 'x@2 y@3 z@3' });
  });

  test('an exception sets the record aside, with nothing of it passed on', () => {
    const step = flatMap(function* (r: Row) {
      yield `${r.name}1`;
      if (r.name === 'b') throw new Error('half way');
      yield `${r.name}2`;
    });
    play(step, { in: 'a@1 b@2 c@3', out: 'a1@1 a2@1 c1@3 c2@3', deadLetters: 'b@2' });
  });

  test('a record that never stops is set aside at the limit', () => {
    const step = flatMap(function* () {
      for (;;) yield 1;
    });
    play(step, { in: 'a@1', out: '', deadLetters: 'a@1' });
    expect(flatMapLimit).toBe(100_000);
  });
});

test('tap sees every record once and changes none; what it throws for is set aside', () => {
  const seen: string[] = [];
  const step = tap((r: Row) => {
    seen.push(r.name);
    if (r.name === 'b') throw new Error('no');
  });
  play(step, { in: 'a@1 b@2 |w3 c@4', out: 'a@1 c@4', deadLetters: 'b@2' });
  expect(seen).toEqual(['a', 'b', 'c']);
});

describe('sample', () => {
  const records = Array.from({ length: 4_000 }, (_, i) => aBid(i, `user-${i % 2_000}`, 1, i));
  const out = topic('out', { value: { id: 'int', who: 'string' } });
  const chosen = async (share: number, seed = 0, partitions = 1) => {
    const job = pipeline('job', ({ from }) => from(bids, { disorder: '10s' }).pipe(sample(share, { by: bids.who, seed }), to(out)));
    return (await runPipeline(job, { inputs: { bids: records }, partitions })).values(out);
  };

  test('a key is in it with all its records or with none, and about the share of the keys is', async () => {
    const rows = await chosen(0.25);
    const users = new Set(rows.map((r) => r.who));
    expect(rows).toHaveLength(users.size * 2);
    expect(users.size).toBeGreaterThan(430);
    expect(users.size).toBeLessThan(570);
    expect(await chosen(1)).toHaveLength(4_000);
  });

  test('the same keys in every run, a smaller share within a larger one, others for another seed', async () => {
    const users = async (share: number, seed = 0, partitions = 1) => new Set((await chosen(share, seed, partitions)).map((r) => r.who));
    const quarter = await users(0.25);
    expect(await users(0.25, 0, 3)).toEqual(quarter);
    for (const user of await users(0.1)) expect(quarter.has(user)).toBe(true);
    expect([...(await users(0.25, 1))].filter((user) => quarter.has(user)).length).toBeLessThan(170);
  });

  test('it has nothing to do with the partition of the key', async () => {
    const perPartition = [0, 0, 0, 0];
    for (const { who } of await chosen(0.5)) perPartition[partitionOf(Buffer.from(who), 0, Buffer.byteLength(who), 4)]! += 1;
    for (const n of perPartition) expect(n).toBeGreaterThan(400);
  });

  test('a share has to be over 0 and up to 1; without a key it needs a column', async () => {
    for (const share of [0, -1, 1.01, Number.NaN]) expect(() => sample(share)).toThrow('a share over 0');
    await expect(runPipeline(pipeline('job', ({ from }) => from(bids).pipe(sample(0.5), to(out))), { inputs: { bids: [aBid(1, 'a', 1, 1)] } })).rejects.toThrow('needs a keyed stream');
  });
});

test('a constant is the key of one group; a text joins columns, and is null where one is', async () => {
  const out = topic('counts', { value: { key: 'string', n: 'int' } });
  const nullable = topic('nullable', { time: 't', value: { a: 'int?', b: 'string', t: 'timestamp' } });
  const rows = [{ a: 1, b: 'x', t: 1 }, { a: -20, b: 'x', t: 2 }, { a: 1, b: 'x', t: 3 }, { a: null, b: 'x', t: 4 }];
  const all = pipeline('all', ({ from }) => from(nullable).pipe(keyBy('all', constant('all')), window('n', { every: '1s' }, { n: count() }), to(out)));
  expect((await runPipeline(all, { inputs: { nullable: rows }, partitions: 3 })).values(out)).toEqual([{ key: 'all', n: 4 }]);
  const pairs = pipeline('pairs', ({ from }) => from(nullable).pipe(keyBy('pair', text(nullable.a, '/', nullable.b)), window('n', { every: '1s' }, { n: count() }), to(out)));
  const run = await runPipeline(pairs, { inputs: { nullable: rows } });
  expect(run.values(out)).toEqual([{ key: '1/x', n: 2 }, { key: '-20/x', n: 1 }]);
  expect(run.deadLetters.map((r) => r.headers['hr-code'])).toEqual(['HR_KEY']);
});
