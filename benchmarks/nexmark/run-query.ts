import { createMetrics } from '../../dataflow/metrics.js';
import { definition } from '../../dataflow/topic.js';
import { runJob } from '../../runners/engine/job.js';
import { createTaskGroup } from '../../runners/engine/task-group.js';
import { memoryRuntime } from '../../runners/testing/memory-runtime.js';
import { parseRecordSchema } from '../../schemas/avro-schema.js';
import { compileReader } from '../../schemas/reader.js';
import { wirePrefixLength } from '../../schemas/wire.js';
import { generatedLog } from './generated-log.js';
import { longestAuctionMs, nexmark } from './generator.js';
import type { Query } from './query.js';

/** What a query runs over. */
export interface QueryRun {
  readonly events: number;
  readonly seed: number;
  readonly tickNs: number;
  readonly partitions: number;
}

/**
 * Runs a query over generated events, in this thread, with epochs as any other bounded job; state stays in memory.
 *
 * @param onRow gets the rows of the result; without it they are encoded, counted and dropped
 */
export async function runQuery(query: Query, run: QueryRun, onRow?: (row: unknown) => void): Promise<{ readonly written: number }> {
  const pipeline = query.pipeline(longestAuctionMs(run.tickNs));
  const memory = memoryRuntime();
  const schema = parseRecordSchema(query.result[definition].schema);
  const read = compileReader<unknown>(schema, schema);
  let written = 0;
  const log = generatedLog({
    events: nexmark(run.seed, run.tickNs),
    count: run.events,
    partitions: run.partitions,
    topics: query.reads,
    table: query.table,
    sink(outputs) {
      for (const { topic, block } of outputs) {
        if (topic.endsWith('.dlq')) throw new Error(`${block.count} records of ${topic}`);
        written += block.count;
        if (onRow === undefined) continue;
        for (let i = 0; i < block.count; i++) onRow(read(block.bytes, block.valueOffset[i]! + wirePrefixLength, block.valueOffset[i]! + block.valueLength[i]!));
      }
    },
    onState: (epoch) => memory.writeState(pipeline.name, epoch.state),
  });
  await runJob({
    pipeline,
    runtime: { ...memory, log },
    clock: { now: () => 0 },
    metrics: createMetrics(),
    abort: new AbortController().signal,
    bounded: true,
    wait: async () => undefined,
    warn: (_what, message) => process.stderr.write(`${message}\n`),
    groups: (setting) => [
      createTaskGroup({
        pipeline,
        tasks: Array.from({ length: setting.taskCount }, (_, i) => i),
        taskCount: setting.taskCount,
        log,
        registry: memory.registry,
        environment: setting.environment,
        partitions: setting.partitions,
        positions: setting.positions,
      }),
    ],
  });
  return { written };
}
