import { openEmbedded } from '../connectors/embedded/embedded-runtime.js';
import type { KafkaSettings } from '../connectors/kafka/kafka-settings.js';
import type { PipelineDirectory } from '../dataflow/ports/pipeline-directory.js';
import type { Runtime } from './engine/job.js';

/** An open runtime. */
export interface OpenRuntime extends Runtime {
  readonly directory: PipelineDirectory;
  close(): Promise<void>;
}

/** Which runtime to open, and for what. */
export interface OpenRuntimeOptions {
  /** Embedded: everything. Kafka: the copy of the state. */
  readonly dataDir: string;
  /** Kafka instead of the data directory. */
  readonly kafka?: KafkaSettings | undefined;
  readonly mode: 'write' | 'read';
  /** The pipeline whose state is needed; to write, this process becomes the one that runs it. */
  readonly pipeline?: string | undefined;
  /** Read the state as of the last epoch, whatever of it is on this machine: on Kafka it is gathered from the changelog. @default what a run here has left */
  readonly fresh?: boolean;
  /** Who writes, for the message that others get. @default the pipeline */
  readonly owner?: string;
  /** Told of waits for brokers. */
  readonly warn?: (message: string) => void;
  /** Told when brokers have not answered for some seconds, and when they do again. */
  readonly reachable?: (isReachable: boolean) => void;
}

/** Opens the embedded runtime, or that on Kafka where its settings are given. Errors: as `openEmbedded` and `openKafka`. */
export async function openRuntime({ dataDir, kafka, mode, pipeline, owner = pipeline, warn, reachable, fresh = false }: OpenRuntimeOptions): Promise<OpenRuntime> {
  if (kafka === undefined) return openEmbedded({ dataDir, mode, owner });
  // its library is loaded only by who uses it
  const { openKafka } = await import('../connectors/kafka/kafka-runtime.js');
  return openKafka({ settings: kafka, dataDir, mode, pipeline, fresh, ...(warn && { warn }), ...(reachable && { reachable }) });
}

/** Where a runtime has its topics, in words. */
export function runtimePlace({ dataDir, kafka }: Pick<OpenRuntimeOptions, 'dataDir' | 'kafka'>): string {
  return kafka === undefined ? dataDir : `Kafka at ${kafka.brokers.map(({ host, port }) => `${host}:${port}`).join(', ')}`;
}
