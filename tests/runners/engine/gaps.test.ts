import fc from 'fast-check';
import { expect, test } from 'vitest';
import { count, sum } from '../../../dataflow/aggregates/index.js';
import { pipeline } from '../../../dataflow/pipeline.js';
import type { LogClient } from '../../../dataflow/ports/log-client.js';
import { offsetAt } from '../../../dataflow/record-block.js';
import { topic } from '../../../dataflow/topic.js';
import { keyBy } from '../../../operators/key-by.js';
import { to } from '../../../operators/to.js';
import { window } from '../../../operators/window.js';
import { memoryRuntime } from '../../../runners/testing/memory-runtime.js';
import { runPipeline } from '../../../runners/testing/run-pipeline.js';

/** The log as Kafka numbers it: record n has offset 3n + 1, and behind the last one are two offsets without a record. */
function withGaps(log: LogClient): LogClient {
  const inside = (offset: number) => Math.max(0, Math.ceil((offset - 1) / 3));
  return {
    ...log,
    async bounds(topic, partition) {
      const { start, end } = await log.bounds(topic, partition);
      return { start: 3 * start, end: 3 * end };
    },
    async read(topic, partition, offset) {
      const block = await log.read(topic, partition, inside(offset));
      return block && { ...block, baseOffset: 3 * block.baseOffset + 1, offsets: Float64Array.from({ length: block.count }, (_, i) => 3 * offsetAt(block, i) + 1) };
    },
  };
}

const clicks = topic('clicks', { key: 'userId', time: 'timestamp', value: { userId: 'string', itemId: 'string', watchMs: 'int', timestamp: 'timestamp' } });
const hops = topic('hops', { key: 'itemId', value: { itemId: 'string', n: 'int', watchMs: 'double', windowEnd: 'timestamp', revision: 'int' } });
const job = pipeline('hops', ({ from }) => from(clicks, { disorder: '10s' }).pipe(keyBy(clicks.itemId), window('hops', { size: '4m', every: '2m', lateness: '1m' }, { n: count(), watchMs: sum(clicks.watchMs) }), to(hops)), { tick: '5s' });

const anyClick = fc.record({
  userId: fc.constantFrom('u1', 'u2', 'u3', 'u4'),
  itemId: fc.constantFrom('i1', 'i2', 'i3'),
  watchMs: fc.integer({ min: 0, max: 3_000 }),
  timestamp: fc.integer({ min: 1_790_000_000_000, max: 1_790_000_900_000 }),
});

test('gaps between offsets and behind the last record change nothing, over restarts and runs', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(anyClick, { maxLength: 40 }), { minLength: 1, maxLength: 3 }), fc.integer({ min: 1, max: 50 }), fc.option(fc.integer(), { nil: undefined }), async (runs, stepRows, seed) => {
      const outputs = async (gaps: boolean) => {
        const memory = memoryRuntime();
        const runtime = gaps ? { ...memory, log: withGaps(memory.log) } : memory;
        const seen = [];
        for (const clicks of runs) {
          const run = await runPipeline(job, { inputs: { clicks }, partitions: 3, runtime, stepRows, commitMs: 0, ...(seed === undefined ? {} : { restarts: { seed } }) });
          seen.push(run.outputs['hops']!.map((record) => ({ ...record, offset: 0 })), (await memory.log.journal(job.name)).length);
          // a run that was cut off begins to count anew
          if (seed === undefined) expect(run.result.records).toBe(clicks.length);
          const { positions } = (await memory.log.committed(job.name))!;
          for (const { topic, partition, offset } of positions) expect(offset).toBe((await runtime.log.bounds(topic, partition)).end);
        }
        return seen;
      };
      expect(await outputs(true)).toEqual(await outputs(false));
    }),
    { numRuns: 40 },
  );
});
