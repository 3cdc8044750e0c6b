/*
 * Every input of an asynchronous step has exactly one outcome, whatever its calls do, however epochs are cut and wherever the run is cut off; attempts stay within their limit.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { count } from '../../dataflow/aggregates/index.js';
import type { CallContext } from '../../dataflow/calls/call-runner.js';
import { pipeline } from '../../dataflow/pipeline.js';
import { topic } from '../../dataflow/topic.js';
import type { EnrichOptions } from '../../dataflow/calls/enrich-options.js';
import { enrich } from '../../operators/enrich.js';
import { flatMap } from '../../operators/flat-map.js';
import { keyBy } from '../../operators/key-by.js';
import { constant } from '../../dataflow/expression.js';
import { map } from '../../operators/map.js';
import { split } from '../../operators/split.js';
import { to } from '../../operators/to.js';
import { window } from '../../operators/window.js';
import { runPipeline, type RunPipelineOptions, virtualClock, type VirtualClock } from '../../runners/testing/index.js';

interface Job {
  readonly id: string;
  readonly time: number;
}

const jobs = topic('jobs', { key: 'id', time: 'time', value: { id: 'string', time: 'timestamp' } });
const results = topic('results', { value: { id: 'string', answer: 'string', attempts: 'int', fallback: 'boolean' }, partitions: 1 });
const failures = topic('failures', { value: { id: 'string', code: 'string', message: 'string', attempts: 'int' }, partitions: 1 });
const windows = topic('windows', { key: 'key', value: { key: 'string', n: 'long', windowEnd: 'timestamp' } });

type Call = (job: Job, context: CallContext) => Promise<string> | string;

/** Asks for each job, writes what became of it, and counts the outcomes in windows of ten seconds. */
const media = (call: Call, options: EnrichOptions<Job, string>) =>
  pipeline('media', ({ from }) => {
    const outcomes = from(jobs, { disorder: '5s' }).pipe(enrich('ask', call, options));
    return [
      outcomes.pipe(flatMap((o) => (o.outcome === 'done' ? [{ id: o.input.id, answer: o.value, attempts: o.attempts, fallback: o.fallback }] : [])), to(results)),
      outcomes.pipe(flatMap((o) => (o.outcome === 'failed' ? [{ id: o.input.id, code: o.code, message: o.message, attempts: o.attempts }] : [])), to(failures)),
      outcomes.pipe(keyBy('all', constant('all')), window('n', { every: '10s' }, { n: count() }), to(windows)),
    ];
  });

const after = (clock: VirtualClock, ms: number) => new Promise<void>((resolve) => void clock.after(ms, resolve));

async function ask(call: Call, options: EnrichOptions<Job, string>, run: RunPipelineOptions) {
  const { values, metric } = await runPipeline(media(call, options), run);
  return { results: values(results), failures: values(failures), windows: values(windows), metric };
}

const job = (id: string, seconds: number): Job => ({ id, time: seconds * 1_000 });

test('a call that answers: the value, with the time and key of its input', async () => {
  const run = await ask(async ({ id }) => id.toUpperCase(), {}, { inputs: { jobs: [job('a', 1), job('b', 12)] } });
  expect(run.results).toEqual([
    { id: 'a', answer: 'A', attempts: 1, fallback: false },
    { id: 'b', answer: 'B', attempts: 1, fallback: false },
  ]);
  expect(run.windows.map((w) => [w.n, w.windowEnd])).toEqual([[1, 10_000], [1, 20_000]]);
});

test('ordered: a slow call holds up those behind it; unordered: it does not', async () => {
  for (const order of ['ordered', 'unordered'] as const) {
    const clock = virtualClock();
    const slow: Call = async ({ id }) => {
      await after(clock, id === 'slow' ? 5_000 : 10);
      return id;
    };
    const run = await ask(slow, { order }, { inputs: { jobs: [job('slow', 1), job('b', 2), job('c', 3)] }, clock });
    expect(run.results.map((r) => r.id)).toEqual(order === 'ordered' ? ['slow', 'b', 'c'] : ['b', 'c', 'slow']);
  }
});

test('a call that fails is made again with the same key, after pauses that double', async () => {
  const clock = virtualClock();
  const made: { key: string; attempt: number; at: number }[] = [];
  const fails: Call = (_, { key, attempt }) => {
    made.push({ key, attempt, at: clock.now() });
    throw new TypeError('no luck');
  };
  const run = await ask(fails, { retry: { attempts: 4, backoff: '1s..3s' } }, { inputs: { jobs: [job('a', 1)] }, clock });
  expect(run.failures).toEqual([{ id: 'a', code: 'HR_CALL_FAILED', message: 'TypeError: no luck', attempts: 4 }]);
  expect(made.map((m) => [m.key, m.attempt])).toEqual([1, 2, 3, 4].map((n) => ['media/ask/0/0', n]));
  const pauses = made.slice(1).map((m, i) => m.at - made[i]!.at);
  [1_000, 2_000, 3_000].forEach((full, i) => {
    expect(pauses[i]).toBeGreaterThanOrEqual(full / 2);
    expect(pauses[i]).toBeLessThanOrEqual(full + 50);
  });
  expect(run.metric('headrace_call_attempts_total', 'ask')).toBe(4);
  expect(run.metric('headrace_call_failures_total', 'ask')).toBe(4);
});

test('an error that is not worth it is not tried again', async () => {
  const run = await ask(() => Promise.reject(new Error('no such job')), { retry: { when: (e) => !String(e).includes('no such') } }, { inputs: { jobs: [job('a', 1)] } });
  expect(run.failures.map((f) => f.attempts)).toEqual([1]);
});

test('a call that never answers ends at its time-out, and its signal is aborted', async () => {
  const clock = virtualClock();
  const reasons: string[] = [];
  const hangs: Call = (_, { signal }) => new Promise((_resolve, reject) => signal.addEventListener('abort', () => {
    reasons.push((signal.reason as { code: string }).code);
    reject(signal.reason as Error);
  }));
  const run = await ask(hangs, { timeout: '10m', retry: { attempts: 2 } }, { inputs: { jobs: [job('a', 1)] }, clock });
  expect(run.failures).toEqual([{ id: 'a', code: 'HR_CALL_TIMEOUT', message: 'No answer within 600000 ms.', attempts: 2 }]);
  expect(reasons).toEqual(['HR_CALL_TIMEOUT', 'HR_CALL_TIMEOUT']);
  expect(clock.now()).toBeGreaterThanOrEqual(1_200_000);
});

test('the fallback answers for a call that fails; its own failure is told', async () => {
  const fails: Call = () => Promise.reject(new Error('down'));
  const kept = await ask(fails, { retry: { attempts: 1 }, fallback: async ({ id }) => `degraded ${id}` }, { inputs: { jobs: [job('a', 1)] } });
  expect(kept.results).toEqual([{ id: 'a', answer: 'degraded a', attempts: 1, fallback: true }]);
  const both = await ask(fails, { retry: { attempts: 1 }, fallback: () => Promise.reject(new Error('down as well')) }, { inputs: { jobs: [job('a', 1)] } });
  expect(both.failures[0]?.message).toBe('Error: down The fallback failed too: Error: down as well');
});

test('a result that cannot be stored is a failure with its code', async () => {
  const run = await ask(() => (() => 1) as never, {}, { inputs: { jobs: [job('a', 1)] } });
  expect(run.failures.map((f) => f.code)).toEqual(['HR_CALL_RESULT']);
});

test('the breaker stops calls after failures in a row, and lets one through after the cooldown', async () => {
  const clock = virtualClock();
  const made: number[] = [];
  const downUntil: Call = async ({ id }) => {
    made.push(clock.now());
    if (clock.now() < 60_000) throw new Error('down');
    return id;
  };
  const inputs = { jobs: Array.from({ length: 6 }, (_, i) => job(`j${i}`, i)) };
  const run = await ask(downUntil, { concurrency: 2, retry: { attempts: 20, backoff: '1s..1s' }, breaker: { failures: 3, cooldown: '25s' } }, { inputs, clock });
  expect(run.results.length).toBe(6);
  // Until 60 s: three failures or as many as were under way at once, then one every 25 s.
  expect(made.filter((at) => at < 20_000).length).toBeLessThanOrEqual(4);
  expect(made.filter((at) => at >= 20_000 && at < 60_000).length).toBeLessThanOrEqual(2);
});

test('with a fallback, an open breaker answers at once', async () => {
  const clock = virtualClock();
  const inputs = { jobs: Array.from({ length: 50 }, (_, i) => job(`j${i}`, i)) };
  const run = await ask(() => Promise.reject(new Error('down')), { concurrency: 1, retry: { attempts: 1 }, breaker: { failures: 3, cooldown: '1h' }, fallback: ({ id }) => id }, { inputs, clock });
  expect(run.results.length).toBe(50);
  expect(run.metric('headrace_call_attempts_total', 'ask')).toBe(3);
  expect(clock.now()).toBeLessThan(600_000);
});

test('never more calls at one time than the concurrency, nor more inputs than the capacity and one step of the run', async () => {
  const clock = virtualClock();
  let underWay = 0;
  let most = 0;
  const call: Call = async ({ id }) => {
    most = Math.max(most, ++underWay);
    await after(clock, 100);
    underWay -= 1;
    return id;
  };
  const run = await ask(call, { concurrency: 3, capacity: 10 }, { inputs: { jobs: Array.from({ length: 200 }, (_, i) => job(`j${i}`, i)) }, stepRows: 5, blocks: (all) => Array.from({ length: 40 }, (_, b) => all.slice(5 * b, 5 * b + 5)), clock });
  expect(run.results.map((r) => r.id)).toEqual(Array.from({ length: 200 }, (_, i) => `j${i}`));
  expect(most).toBe(3);
});

test('an attempt that a crash cut off counts: with one allowed, the input comes out as interrupted', async () => {
  const clock = virtualClock();
  const made = new Map<string, number>();
  const call: Call = async ({ id }) => {
    made.set(id, (made.get(id) ?? 0) + 1);
    await after(clock, 700 * Number(id.slice(1)));
    return id;
  };
  const run = await ask(call, { retry: { attempts: 1 }, timeout: 'never' }, { clock, inputs: { jobs: Array.from({ length: 60 }, (_, i) => job(`j${i}`, i)) }, commitMs: 0, stepRows: 7, restarts: { seed: 3, share: 0.6 } });
  expect(run.results.length + run.failures.length).toBe(60);
  expect(run.failures.length).toBeGreaterThan(0);
  expect(new Set(run.failures.map((f) => f.code))).toEqual(new Set(['HR_CALL_INTERRUPTED']));
  expect(Math.max(...made.values())).toBe(1);
});

test('random calls, epochs, partitions and crashes: one outcome an input, in order where asked, windows complete, attempts within the limit', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        seconds: fc.array(fc.integer({ min: 0, max: 60 }), { minLength: 1, maxLength: 40 }),
        order: fc.constantFrom('ordered' as const, 'unordered' as const),
        attempts: fc.integer({ min: 1, max: 4 }),
        concurrency: fc.integer({ min: 1, max: 6 }),
        capacity: fc.integer({ min: 1, max: 30 }),
        partitions: fc.integer({ min: 1, max: 4 }),
        stepRows: fc.integer({ min: 1, max: 20 }),
        commitMs: fc.constantFrom(0, 1_000),
        restarts: fc.option(fc.record({ seed: fc.nat(), share: fc.constantFrom(0.2, 0.5) }), { nil: undefined }),
        behaviour: fc.infiniteStream(fc.record({ ms: fc.integer({ min: 0, max: 3_000 }), does: fc.constantFrom('answer', 'answer', 'throw', 'hang') })),
      }),
      async ({ seconds, order, attempts, concurrency, capacity, partitions, stepRows, commitMs, restarts, behaviour }) => {
        const clock = virtualClock();
        const made = new Map<string, number>();
        const call: Call = async ({ id }) => {
          made.set(id, (made.get(id) ?? 0) + 1);
          const { ms, does } = behaviour.next().value;
          await after(clock, does === 'hang' ? 1e9 : ms);
          if (does === 'throw') throw new Error('bad luck');
          return id;
        };
        // Rising times within the disorder: no record is late for its window without the step, so none may be behind it.
        const input = [...seconds].sort((a, b) => a - b).map((s, i) => job(`j${i}`, s));
        const options = { order, concurrency, capacity, timeout: '5s', retry: { attempts, backoff: '10ms..1s' } } as const;
        const run = await ask(call, options, { inputs: { jobs: input }, partitions, stepRows, commitMs, clock, ...(restarts === undefined ? {} : { restarts }) });
        const came = [...run.results, ...run.failures].map((r) => r.id);
        expect([...came].sort()).toEqual(input.map((j) => j.id).sort());
        if (order === 'ordered' && partitions === 1) expect(run.results.map((r) => Number(r.id.slice(1)))).toEqual(run.results.map((r) => Number(r.id.slice(1))).sort((a, b) => a - b));
        for (const n of made.values()) expect(n).toBeLessThanOrEqual(attempts);
        for (const r of [...run.results, ...run.failures]) expect(r.attempts).toBeLessThanOrEqual(attempts);
        const expected = new Map<number, number>();
        for (const { time } of input) expected.set(Math.floor(time / 10_000), (expected.get(Math.floor(time / 10_000)) ?? 0) + 1);
        expect(run.windows.map((w) => [w.windowEnd / 10_000 - 1, w.n]).sort((a, b) => a[0]! - b[0]!)).toEqual([...expected].sort((a, b) => a[0] - b[0]));
        expect(run.metric('headrace_records_late_total')).toBe(0);
      },
    ),
    { numRuns: 150 },
  );
});

test('split takes outcomes apart', async () => {
  const asked = pipeline('asked', ({ from }) =>
    from(jobs).pipe(
      enrich('ask', ({ id }) => (id === 'bad' ? Promise.reject(new Error('no')) : { id, answer: id, attempts: 0, fallback: false }), { retry: { attempts: 1 } }),
      split({ done: to(results), failed: (failed) => failed.pipe(map((f) => ({ id: f.input.id, ...f })), to(failures)) }),
    ),
  );
  const { values } = await runPipeline(asked, { inputs: { jobs: [job('a', 1), job('bad', 2), job('c', 3)] } });
  expect(values(results).map((r) => r.id)).toEqual(['a', 'c']);
  expect(values(failures).map((f) => [f.id, f.code])).toEqual([['bad', 'HR_CALL_FAILED']]);
});

test.each([
  [{ concurrency: 0 }, 'HR_ARGUMENT'],
  [{ capacity: 1.5 }, 'HR_ARGUMENT'],
  [{ timeout: '0s' }, 'HR_DURATION'],
  [{ order: 'sorted' }, 'HR_ARGUMENT'],
  [{ retry: { backoff: '5s' } }, 'HR_DURATION'],
  [{ retry: { backoff: '5s..1s' } }, 'HR_DURATION'],
  [{ retry: { attempts: 0 } }, 'HR_ARGUMENT'],
  [{ retry: { tries: 2 } }, 'HR_ARGUMENT'],
  [{ breaker: { failures: 0, cooldown: '1s' } }, 'HR_ARGUMENT'],
  [{ concurency: 4 }, 'HR_ARGUMENT'],
])('%o is refused', (options, code) => {
  expect(() => enrich('ask', () => '', options as never)).toThrow(expect.objectContaining({ code }));
});
