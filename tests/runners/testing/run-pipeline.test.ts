import { describe, expect, test } from 'vitest';
import { count } from '../../../dataflow/aggregates/index.js';
import { partitionOf } from '../../../dataflow/partitioner.js';
import { pipeline } from '../../../dataflow/pipeline.js';
import { topic } from '../../../dataflow/topic.js';
import { filter } from '../../../operators/filter.js';
import { keyBy } from '../../../operators/key-by.js';
import { map } from '../../../operators/map.js';
import { process } from '../../../operators/process.js';
import { to } from '../../../operators/to.js';
import { window } from '../../../operators/window.js';
import { runPipeline, scrutinise } from '../../../runners/testing/index.js';

interface Click {
  readonly user: string;
  readonly item: string;
  readonly time: number;
}

const clicks = topic('clicks', { key: 'user', time: 'time', value: { user: 'string', item: 'string', time: 'timestamp' } });
const users = topic('users', { key: 'user', value: { user: 'string', n: 'int', windowEnd: 'timestamp' } });
const items = topic('items', { key: 'item', value: { item: 'string', n: 'int' } });
const click = (user: string, item: string, time: number): Click => ({ user, item, time: 1_600_000_000_000 + time });
const perUser = pipeline('per-user', ({ from }) => from(clicks, { disorder: 100 }).pipe(keyBy(clicks.user), window('n', { every: 1_000 }, { n: count() }), to(users)));
const perItem = pipeline('per-item', ({ from }) => from(clicks, { disorder: 100 }).pipe(keyBy(clicks.item), window('n', { every: 1_000 }, { n: count() }), to(items)), { tick: 10 });
const some = Array.from({ length: 60 }, (_, i) => click(`u${i % 7}`, `i${(i * i) % 5}`, i * 50 - (i % 3) * 40));

describe('runPipeline', () => {
  test('records of one list go to the partitions of their keys, and everything that was written comes back', async () => {
    const run = await runPipeline(perUser, { inputs: { clicks: [click('u1', 'a', 0), click('u2', 'b', 10), click('u1', 'c', 20)] }, partitions: 4 });
    expect(run.outputs['users']!.map(({ offset: _offset, ...r }) => r).sort((a, b) => (a.key! < b.key! ? -1 : 1))).toEqual(
      ['u1', 'u2'].map((user) => ({
        topic: 'users', key: user, timestamp: 1_600_000_000_999, headers: {},
        partition: partitionOf(Buffer.from(user), 0, 2, 4),
        value: { user, n: user === 'u1' ? 2 : 1, windowEnd: 1_600_000_001_000 },
      })),
    );
    expect(run.result).toMatchObject({ records: 3, outputs: 2, epochs: 1 });
    expect(run.metric('headrace_records_in_total')).toBe(3);
    expect(run.metric('headrace_records_out_total', 'users')).toBe(2);
    expect(run.deadLetters).toEqual([]);
  });

  test('a list a partition stays where it is; what is missing is empty', async () => {
    const copies = topic('copies', { key: 'user', value: { user: 'string' } });
    const copy = pipeline('copy', ({ from }) => from(clicks).pipe(keyBy(clicks.user), to(copies)));
    const run = await runPipeline(copy, { inputs: { clicks: [[click('a', '', 0)], [], [click('b', '', 0)]] } });
    expect(run.outputs['copies']!.map((r) => [r.partition, r.key])).toEqual([[0, 'a'], [2, 'b']]);
  });

  test('a run over the runtime of another one goes on there', async () => {
    const first = await runPipeline(perUser, { inputs: { clicks: [click('a', 'x', 0)] } });
    const second = await runPipeline(perUser, { runtime: first.runtime, inputs: { clicks: [click('a', 'x', 2_000)] } });
    expect(second.values(users).map((r) => r.windowEnd % 10_000)).toEqual([1_000, 3_000]);
    expect(second.result.records).toBe(1);
  });

  test('a live run leaves windows open, and a bounded one closes them', async () => {
    const live = await runPipeline(perUser, { inputs: { clicks: [click('a', 'x', 0)] }, bounded: false });
    expect(live.values(users)).toEqual([]);
    const more = await runPipeline(perUser, { inputs: { clicks: [click('a', 'y', 10)] }, bounded: false, runtime: live.runtime });
    expect(more.values(users)).toEqual([]);
    expect((await runPipeline(perUser, { runtime: live.runtime })).values(users)).toEqual([{ user: 'a', n: 2, windowEnd: 1_600_000_001_000 }]);
  });

  test('restarts at random commits do not show', async () => {
    const undisturbed = await runPipeline(perItem, { inputs: { clicks: some }, partitions: 3 });
    let epochs = 0;
    for (let seed = 0; seed < 10; seed++) {
      const run = await runPipeline(perItem, { inputs: { clicks: some }, partitions: 3, commitMs: 0, stepRows: 2, blocks: (records) => records.map((r) => [r]), restarts: { seed, share: 0.5 } });
      expect(run.outputs).toEqual(undisturbed.outputs);
      epochs += (await run.runtime.log.committed('per-item'))!.epoch;
    }
    expect(epochs).toBeGreaterThan(50);
  });

  test('retention of the input: a new pipeline begins where the topic does', async () => {
    const short = topic('clicks', { key: 'user', time: 'time', retention: 500, value: { user: 'string', item: 'string', time: 'timestamp' } });
    const late = pipeline('late', ({ from }) => from(short).pipe(map((c) => ({ item: c.item, n: 1 })), to(items)));
    const run = await runPipeline(late, { inputs: { clicks: some }, blocks: (records) => records.map((r) => [r]) });
    expect(run.values(items).length).toBeLessThan(20);
    expect(run.values(items).length).toBeGreaterThan(5);
  });

  test('a topic that the pipeline does not read, or that is not there, is refused', async () => {
    await expect(runPipeline(perUser, { inputs: { nope: [] } })).rejects.toMatchObject({ code: 'HR_ARGUMENT' });
    await expect(runPipeline(perUser)).rejects.toMatchObject({ code: 'HR_TOPIC_MISSING' });
  });
});

describe('scrutinise', () => {
  test('is content with what does not depend on how it is run', async () => {
    await scrutinise(perUser, { inputs: { clicks: some }, partitions: 3, shuffle: true });
    await scrutinise(perItem, { inputs: { clicks: some }, partitions: 3, shuffle: true, seed: 7 });
  });

  test('finds state that is not saved', async () => {
    const forgetful = pipeline('forgetful', ({ from }) => {
      let n = 0;
      return from(clicks).pipe(map((c) => ({ item: c.item, n: n++ })), to(items));
    });
    await expect(scrutinise(forgetful, { inputs: { clicks: some } })).rejects.toThrow(/Disturbed run \d+ with seed 1 differs .*\n {2}undisturbed {2}\["items",0.*\n {2}disturbed/);
  });

  test('finds what depends on the order of records, where it may shuffle them', async () => {
    const firsts = pipeline('firsts', ({ from }) => from(clicks, { disorder: 100 }).pipe(keyBy(clicks.user), process<Click, { readonly user: string }, { seen: boolean }, { item: string; n: number }>('p', {
      init: () => ({ seen: false }),
      onRecord(c, state, { emit }) {
        if (!state.seen) emit({ item: c.item, n: 1 });
        state.seen = true;
      },
    }), to(items)));
    const ties = some.map((c, i) => ({ ...c, user: 'u', item: `i${i}` }));
    await scrutinise(firsts, { inputs: { clicks: ties } });
    await expect(scrutinise(firsts, { inputs: { clicks: ties }, shuffle: true, runs: 30 })).rejects.toThrow(/differs/);
  });

  test('looks at a step too', async () => {
    await scrutinise(window('n', { every: '10s', lateness: '5s' }, { n: count() }), { in: 'a@1 b@4 |w10 c@2 d@12 |w16 d@3 e@17 ||', runs: 50 });
    await expect(scrutinise((source: import('rxjs').Observable<import('../../../dataflow/signal.js').Signal<{ name: string; time: number }>>) => {
      let n = 0;
      return source.pipe(filter(() => n++ % 2 === 0));
    }, { in: 'a@1 b@2 c@3 d@4 e@5 f@6', runs: 50 })).rejects.toThrow(/differs/);
  });

  test('the same seed is the same scrutiny', async () => {
    const texts = [];
    for (const seed of [1, 1, 2]) {
      let n = 0;
      const numbered = pipeline('numbered', ({ from }) => from(clicks).pipe(map((c) => ({ item: c.item, n: n++ })), to(items)));
      texts.push(await scrutinise(numbered, { inputs: { clicks: some }, seed, runs: 20 }).then(() => '', (e: Error) => e.message));
    }
    expect(texts[0]).not.toBe('');
    expect(texts[1]).toBe(texts[0]);
    expect(texts[2]).not.toBe(texts[0]);
  });
});
