/*
 * A pipeline that has changed meets the state of the one before: what carries over, what is new, what is refused, and what may be told to be done.
 */
import { expect, test } from 'vitest';
import { count, sum } from '../../../dataflow/aggregates/index.js';
import { systemClock } from '../../../dataflow/clock.js';
import { createMetrics } from '../../../dataflow/metrics.js';
import { openTopicEncoder } from '../../../dataflow/topic-encoder.js';
import { dedupe, keyBy, latest, type Pipeline, pipeline, process, to, topic, window } from '../../../index.js';
import { runJob } from '../../../runners/engine/job.js';
import type { StateFate, StateRules } from '../../../runners/engine/state-changes.js';
import { createTaskGroup } from '../../../runners/engine/task-group.js';
import { type MemoryRuntime, memoryRuntime } from '../../../runners/testing/memory-runtime.js';
import { topicRecords } from '../../../runners/testing/topic-records.js';

const views = topic('views', { key: 'user', time: 'time', value: { user: 'string', ms: 'int', time: 'timestamp' } });
const out = topic('out', { key: 'user', value: { user: 'string', n: 'int', windowEnd: 'timestamp' } });
const last = topic('last', { key: 'user', value: { user: 'string', ms: 'int', time: 'timestamp' } });

/** The job under change: a window of counts, and the newest view of each user. */
const job = ({ windowId = 'counts', every = '10s' as const, newest = 'newest' as string | null, more = false, second = 'latest' as 'latest' | 'dedupe' } = {}): Pipeline =>
  pipeline('job', ({ from }) => {
    const byUser = from(views, { idleness: '1h' }).pipe(keyBy(views.user));
    const counted = byUser.pipe(window(windowId, { every }, more ? { n: count(), ms: sum(views.ms) } : { n: count() }), to(out as never));
    if (newest === null) return counted;
    return [counted, second === 'latest' ? byUser.pipe(latest(newest), to(last)) : byUser.pipe(dedupe(newest, { within: '1m' }), to(last))];
  });

async function plant(runtime: MemoryRuntime, n: number, from = 0): Promise<void> {
  const encoder = await openTopicEncoder(views, { ...runtime, partitions: 2 });
  for (let i = from; i < from + n; i++) encoder.add({ user: `u${i % 4}`, ms: i, time: 1_700_000_000_000 + i * 1_000 });
  await runtime.log.append(encoder.take());
}

/** Runs live until all records are taken: windows stay open, as in a process that is replaced. */
async function run(runtime: MemoryRuntime, definition: Pipeline, stateRules: StateRules = {}): Promise<readonly StateFate[]> {
  const over = new AbortController();
  let told: readonly StateFate[] = [];
  await runJob({
    pipeline: definition, runtime, clock: systemClock, metrics: createMetrics(), abort: over.signal, bounded: false, commitMs: 1, stateRules,
    wait: async () => over.abort(),
    warn: () => undefined,
    onState: (fates) => (told = fates),
    groups: ({ taskCount, environment, partitions, positions }) => [createTaskGroup({ pipeline: definition, tasks: [0, 1].slice(0, taskCount), taskCount, log: runtime.log, registry: runtime.registry, environment, partitions, positions })],
  });
  return told;
}

const fates = (told: readonly StateFate[]) => Object.fromEntries(told.map(({ step, fate, from }) => [step, from === undefined ? fate : `${fate} from ${from}`]));
const counts = async (runtime: MemoryRuntime) => (await topicRecords(runtime.log, runtime.registry, 'out')).map(({ value }) => value as { n: number; user: string });

async function afterFirstRun(): Promise<MemoryRuntime> {
  const runtime = memoryRuntime();
  await plant(runtime, 35);
  expect(fates(await run(runtime, job()))).toEqual({ counts: 'new', newest: 'new' });
  return runtime;
}

test('the same pipeline carries everything over', async () => {
  const runtime = await afterFirstRun();
  await plant(runtime, 40, 35);
  expect(fates(await run(runtime, job()))).toEqual({ counts: 'carriesOver', newest: 'carriesOver' });
  // ten records in each window of ten seconds, those that were open when the process was replaced as well
  const found = await counts(runtime);
  expect(found.reduce((sum, { n }) => sum + n, 0)).toBeGreaterThanOrEqual(60);
  expect(found.every(({ n }) => n === 2 || n === 3)).toBe(true);
});

test('a step that is added is new, and the others carry over', async () => {
  const runtime = memoryRuntime();
  await plant(runtime, 35);
  await run(runtime, job({ newest: null }));
  expect(fates(await run(runtime, job()))).toEqual({ counts: 'carriesOver', newest: 'new' });
});

const refused: readonly (readonly [what: string, changed: Pipeline, message: RegExp])[] = [
  ['an aggregate more', job({ more: true }), /counts: stored is window .*, the step has window /],
  ['panes of another length', job({ every: '20s' as '10s' }), /counts: stored is window 10000 .*window 20000 /],
  ['another operator', job({ second: 'dedupe' }), /newest: stored is latest .*, the step has dedupe /],
  ['a step that is gone', job({ newest: null }), /newest: its state \(latest\) is stored, and the pipeline has no such step/],
  ['another id', job({ windowId: 'per-user' }), /counts: its state \(window\) is stored/],
];

test.each(refused)('%s is refused before anything is committed', async (_, changed, message) => {
  const runtime = await afterFirstRun();
  const before = await runtime.log.committed('job');
  await plant(runtime, 40, 35);
  await expect(run(runtime, changed)).rejects.toMatchObject({ code: 'HR_STATE_MISMATCH', message: expect.stringMatching(message) as unknown });
  expect(await runtime.log.committed('job')).toEqual(before);
  // and the pipeline before goes on as if nothing had been
  expect(fates(await run(runtime, job()))).toEqual({ counts: 'carriesOver', newest: 'carriesOver' });
});

test('state that is dropped is forgotten once: a restart with the same rule keeps what came since', async () => {
  const runtime = await afterFirstRun();
  const rules = { drop: ['counts', 'newest'] };
  expect(fates(await run(runtime, job({ more: true }), rules))).toEqual({ counts: 'dropped', newest: 'carriesOver' });
  await plant(runtime, 40, 35);
  await run(runtime, job({ more: true }), rules);
  const held = [...runtime.state.range('job', 'counts', Buffer.alloc(0))].length;
  expect(held).toBeGreaterThan(0);
  expect(fates(await run(runtime, job({ more: true }), rules))).toEqual({ counts: 'carriesOver', newest: 'carriesOver' });
  expect([...runtime.state.range('job', 'counts', Buffer.alloc(0))]).toHaveLength(held);
});

test('state that moves goes on under the new id as if it had always had it', async () => {
  const [moved, kept] = [await afterFirstRun(), await afterFirstRun()];
  const rules = { move: [{ from: 'counts', to: 'per-user' }] };
  expect(fates(await run(moved, job({ windowId: 'per-user' }), rules))).toEqual({ 'per-user': 'moved from counts', newest: 'carriesOver' });
  for (const [runtime, definition] of [[moved, job({ windowId: 'per-user' })], [kept, job()]] as const) {
    await plant(runtime, 40, 35);
    await run(runtime, definition, runtime === moved ? rules : {});
  }
  expect(await counts(moved)).toEqual(await counts(kept));
  expect(moved.state.steps('job')).not.toContain('counts');
});

test('state moves only to a step of the same form', async () => {
  const runtime = await afterFirstRun();
  await expect(run(runtime, job({ windowId: 'per-user', more: true }), { move: [{ from: 'counts', to: 'per-user' }] })).rejects.toMatchObject({ code: 'HR_STATE_MISMATCH' });
  await expect(run(await afterFirstRun(), job({ newest: null }), { move: [{ from: 'newest', to: 'nowhere' }] })).rejects.toMatchObject({ code: 'HR_STATE_MISMATCH', message: expect.stringContaining('no step nowhere') as unknown });
});

test('what users keep in process() has no form: it carries over', async () => {
  const runtime = memoryRuntime();
  await plant(runtime, 8);
  const counting = (start: number) =>
    pipeline('job', ({ from }) =>
      from(views).pipe(
        keyBy(views.user),
        process('mine', {
          init: () => ({ n: start }),
          onRecord(record, state, { emit }) {
            state.n += 1;
            emit({ user: record.user, n: state.n, windowEnd: 0 });
          },
        }),
        to(out as never),
      ),
    );
  await run(runtime, counting(0));
  expect(fates(await run(runtime, counting(100)))).toEqual({ mine: 'carriesOver' });
});
