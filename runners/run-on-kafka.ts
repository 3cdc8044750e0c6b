import type { KafkaSettings } from '../connectors/kafka/kafka-settings.js';
import type { Pipeline } from '../dataflow/pipeline.js';
import type { JobResult } from './engine/job.js';
import type { RunOptions } from './run-embedded.js';
import { runInProcess } from './run-in-process.js';

/**
 * Runs a pipeline over topics on Kafka, exactly once, until its input ends (`bounded`) or `abort`. `dataDir` holds a copy of its state.
 * Another process that runs the same pipeline is fenced.
 *
 * @param options kafka: `kafkaSettings()` reads them from the environment
 * @throws HR_KAFKA_UNREACHABLE, HR_KAFKA_DENIED, HR_STATE_LOCKED, HR_TOPIC_MISSING and whatever the pipeline's definition is refused for, before anything
 * runs; HR_EPOCH_FENCED when another process has taken the pipeline over
 */
export function runOnKafka(pipeline: Pipeline, { kafka, ...options }: RunOptions & { readonly kafka: KafkaSettings }): Promise<JobResult> {
  return runInProcess(pipeline, options, kafka);
}
