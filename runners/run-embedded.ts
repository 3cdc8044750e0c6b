import type { ClickHouseSettings } from '../connectors/clickhouse/clickhouse-settings.js';
import type { EmbeddedRuntime } from '../connectors/embedded/embedded-runtime.js';
import type { RedisSettings } from '../connectors/redis/redis-settings.js';
import type { Clock } from '../dataflow/clock.js';
import type { Metrics } from '../dataflow/metrics.js';
import type { Pipeline } from '../dataflow/pipeline.js';
import type { JobProgress, JobResult, RunObserver } from './engine/job.js';
import type { StateFate, StateRules } from './engine/state-changes.js';
import { runInProcess } from './run-in-process.js';

/** How a pipeline runs in this process. */
export interface RunOptions {
  /** Where topics, state and offsets are. */
  readonly dataDir: string;
  /** The data directory as this process has opened it for writing: a service and its pipelines can share it. It stays open. @default opened and closed by the run */
  readonly runtime?: EmbeddedRuntime;
  /** Stop at the end of the input, every window closed. @default false */
  readonly bounded?: boolean;
  /** Worker threads that share the tasks; with more than one, `source` is needed. @default 1: everything in this thread */
  readonly workers?: number;
  /** Redis, to which `toFeatureStore` publishes; `redisSettings()` reads it from the environment. @default none: look-ups read the state */
  readonly redis?: RedisSettings | undefined;
  /** ClickHouse, to which `toWarehouse` copies; `clickHouseSettings()` reads it from the environment. @default none: rows are in the topic only */
  readonly clickHouse?: ClickHouseSettings | undefined;
  /** Name or file of the pipeline, which every worker thread loads itself. */
  readonly source?: string;
  /** Milliseconds between commits, and between looks for records while there are none. A commit takes some milliseconds, on Kafka ten or more: a shorter time has an epoch for each step of the input and little time for anything else. @default 200 live, 2,000 bounded */
  readonly commitMs?: number;
  /** Rows read ahead of each input in one step. @default 16,384 */
  readonly stepRows?: number;
  /** @default the machine's */
  readonly clock?: Clock;
  readonly metrics?: Metrics;
  readonly abort?: AbortSignal;
  /** Waits for new input in a live run. @default a timer */
  readonly wait?: (ms: number) => Promise<void>;
  /** Told once for each kind of trouble that does not stop the run. @default nothing */
  readonly warn?: (message: string) => void;
  readonly onProgress?: (progress: JobProgress) => void;
  /** What may be done about stored state that does not fit the pipeline: `drop` forgets the state of steps, `move` gives it to a step of another id. @default nothing: it is refused */
  readonly stateRules?: StateRules;
  /** Told at the start what becomes of the state of each step. */
  readonly onState?: (fates: readonly StateFate[]) => void;
  /** Hears how the run stands. @default nobody */
  readonly observer?: RunObserver;
}

/**
 * Runs a pipeline over the topics of a data directory, exactly once, until its input ends (`bounded`) or `abort`.
 *
 * @throws HR_STATE_LOCKED, HR_DATA_DIR, HR_TOPIC_MISSING and whatever the pipeline's definition is refused for, before anything runs
 */
export function runEmbedded(pipeline: Pipeline, options: RunOptions): Promise<JobResult> {
  return runInProcess(pipeline, options, undefined);
}
