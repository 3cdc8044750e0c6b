import { expect, test } from 'vitest';
import { count } from '../../../dataflow/aggregates/index.js';
import { createMetrics } from '../../../dataflow/metrics.js';
import { pipeline } from '../../../dataflow/pipeline.js';
import { definition, topic } from '../../../dataflow/topic.js';
import { keyBy } from '../../../operators/key-by.js';
import { to } from '../../../operators/to.js';
import { window } from '../../../operators/window.js';
import { runJob } from '../../../runners/engine/job.js';
import { createTaskGroup } from '../../../runners/engine/task-group.js';
import { memoryRuntime } from '../../../runners/testing/memory-runtime.js';
import { blockOfRecords, topicRecords } from '../../../runners/testing/topic-records.js';

const pings = topic('pings', { key: 'user', time: 'time', value: { user: 'string', item: 'string', time: 'timestamp' } });
const counts = topic('counts', { key: 'item', value: { item: 'string', windowEnd: 'timestamp', n: 'long' } });

const perItem = (idleness: '5s' | '1h') =>
  pipeline('per-item', ({ from }) => from(pings, { idleness }).pipe(keyBy(pings.item), window('n', { every: '10s' }, { n: count() }), to(counts)));

/** A live run in which partition 0 gets a record every second of clock and event time, and partition 1 is silent after its first. */
async function windowsOfLiveRun(idleness: '5s' | '1h'): Promise<number> {
  const runtime = memoryRuntime();
  const schemaId = await runtime.registry.register('pings-value', JSON.stringify(pings[definition].schema));
  await runtime.log.createTopic('pings', { partitions: 2 });
  const append = (partition: number, seconds: number) =>
    runtime.log.append([{ topic: 'pings', partition, block: blockOfRecords([{ user: `u${partition}`, item: 'i', time: seconds * 1_000 }], pings[definition], schemaId) }]);
  await append(0, 0);
  await append(1, 1);
  const stop = new AbortController();
  let clock = 0;
  await runJob({
    pipeline: perItem(idleness),
    runtime,
    clock: { now: () => clock },
    metrics: createMetrics(),
    abort: stop.signal,
    bounded: false,
    async wait() {
      clock += 1_000;
      if (clock > 60_000) stop.abort();
      else await append(0, clock / 1_000);
    },
    warn: () => undefined,
    groups: ({ taskCount, environment, partitions, positions }) => [
      createTaskGroup({ pipeline: perItem(idleness), tasks: Array.from({ length: taskCount }, (_, i) => i), taskCount, log: runtime.log, registry: runtime.registry, environment, partitions, positions }),
    ],
  });
  const idle = (await runtime.log.journal('per-item')).filter((e) => e.kind === 'idle');
  expect(idle.map((e) => e.idle)).toEqual(idleness === '5s' ? [[{ topic: 'pings', partition: 1, offset: 1 }]] : []);
  return (await topicRecords(runtime.log, runtime.registry, 'counts')).length;
}

test('a silent partition stops holding back the windows behind an exchange after its idleness, and the journal says when', async () => {
  expect(await windowsOfLiveRun('5s')).toBeGreaterThanOrEqual(5);
});

test('a partition that is not silent for long enough holds the windows back', async () => {
  expect(await windowsOfLiveRun('1h')).toBe(0);
});
