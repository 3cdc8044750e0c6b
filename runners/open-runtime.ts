import { openEmbedded } from '../connectors/embedded/embedded-runtime.js';
import { embeddedArtefacts } from '../connectors/embedded/embedded-artefacts.js';
import type { KafkaSettings } from '../connectors/kafka/kafka-settings.js';
import { s3Settings } from '../connectors/s3/s3-settings.js';
import { systemClock } from '../dataflow/clock.js';
import type { PipelineDirectory } from '../dataflow/ports/pipeline-directory.js';
import type { Runtime } from './engine/job.js';

/** An open runtime. */
export interface OpenRuntime extends Runtime {
  readonly directory: PipelineDirectory;
  /** Where the copy of the state is that this process has for its tasks. */
  readonly copyDirectory?: () => string | undefined;
  close(): Promise<void>;
}

/** Which runtime to open, and for what. */
export interface OpenRuntimeOptions {
  /** Embedded: everything. Kafka: the copy of the state. */
  readonly dataDir: string;
  /** Kafka instead of the data directory. */
  readonly kafka?: KafkaSettings | undefined;
  /** `run`: to write as a pipeline that runs, which gets its state with its tasks. `write`: as anything else; where a pipeline is named, this process has it as a whole. */
  readonly mode: 'run' | 'write' | 'read';
  /** The pipeline whose state is needed. */
  readonly pipeline?: string | undefined;
  /** Read the state as of the last epoch, whatever of it is on this machine: on Kafka it is gathered from the changelog. @default what a run here has left */
  readonly fresh?: boolean;
  /** Kafka: the copy of the state to read. @default those in the data directory */
  readonly copyDirectory?: string | undefined;
  /** Kafka, to run: the directory of the copy may lag behind, since no thread and no other process reads it. @default false */
  readonly copyMayLag?: boolean;
  /** Kafka, to write a pipeline as a whole: how many tasks it has, where it has not run yet. @default as many as it has run with, or one */
  readonly tasks?: number | undefined;
  /** Who writes, for the message that others get. @default the pipeline */
  readonly owner?: string;
  /** Told of waits for brokers. */
  readonly warn?: (message: string) => void;
  /** Told when brokers have not answered for some seconds, and when they do again. */
  readonly reachable?: (isReachable: boolean) => void;
}

/** Opens the embedded runtime, or that on Kafka where its settings are given; artefacts are in S3 where HEADRACE_ARTEFACTS names it. Errors: as `openEmbedded` and `openKafka`; HR_ARTEFACTS_SETTINGS. */
export async function openRuntime(options: OpenRuntimeOptions): Promise<OpenRuntime> {
  const s3 = s3Settings();
  const runtime = await openWithoutS3(options);
  if (s3 === undefined) return runtime;
  const { s3Artefacts } = await import('../connectors/s3/s3-artefacts.js');
  return { ...runtime, artefacts: s3Artefacts(s3, embeddedArtefacts(options.dataDir), systemClock) };
}

async function openWithoutS3({ dataDir, kafka, mode, pipeline, owner = pipeline, copyDirectory, tasks, warn, reachable, fresh = false, copyMayLag = false }: OpenRuntimeOptions): Promise<OpenRuntime> {
  if (kafka === undefined) return openEmbedded({ dataDir, mode: mode === 'read' ? 'read' : 'write', owner });
  // its library is loaded only by who uses it
  const { openKafka } = await import('../connectors/kafka/kafka-runtime.js');
  const needed = mode === 'run' ? { mode: 'write' as const } : { mode, pipeline };
  return openKafka({ settings: kafka, dataDir, ...needed, copyDirectory, tasks, fresh, copyMayLag, ...(warn && { warn }), ...(reachable && { reachable }) });
}

/** Where a runtime has its topics, in words. */
export function runtimePlace({ dataDir, kafka }: Pick<OpenRuntimeOptions, 'dataDir' | 'kafka'>): string {
  return kafka === undefined ? dataDir : `Kafka at ${kafka.brokers.map(({ host, port }) => `${host}:${port}`).join(', ')}`;
}
