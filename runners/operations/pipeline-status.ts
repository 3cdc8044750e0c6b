import type { PipelineMember } from '../../dataflow/ports/pipeline-directory.js';
import type { OpenRuntime } from '../open-runtime.js';

/** How one input partition stands. */
export interface InputPosition {
  readonly topic: string;
  readonly partition: number;
  readonly position: number;
  readonly end: number;
  /** Records that are not processed; on Kafka, where markers take offsets as well, at most so many. */
  readonly lag: number;
}

/** How a pipeline stands, seen from outside. */
export interface PipelineStatus {
  readonly pipeline: string;
  readonly epoch: number;
  readonly lag: number;
  /** When the last epoch was committed (epoch ms); null where a version before wrote it that did not say. */
  readonly committedAt: number | null;
  /** Newest event time in it (epoch ms). */
  readonly newest: number | null;
  /** Its watermark (epoch ms), 'none' while an input that is waited for has no record, 'end' when all inputs were at their end; null as above. */
  readonly watermark: number | 'none' | 'end' | null;
  /** `newest` less `watermark`, where both are times. */
  readonly watermarkDelayMs: number | null;
  readonly inputs: readonly InputPosition[];
  /** Who runs it; null where that cannot be seen from outside. */
  readonly members: readonly PipelineMember[] | null;
}

/** How a pipeline stands, or undefined when it has not committed here. Reads only, while others run it. */
export async function pipelineStatus({ log, directory }: Pick<OpenRuntime, 'log' | 'directory'>, pipeline: string): Promise<PipelineStatus | undefined> {
  const committed = await log.committed(pipeline);
  if (committed === undefined) return undefined;
  const topics = new Set((await log.topics()).map((t) => t.name));
  const inputs: InputPosition[] = [];
  for (const { topic, partition, offset } of committed.positions) {
    // a topic that is gone has nothing left to read
    const end = topics.has(topic) ? (await log.bounds(topic, partition)).end : offset;
    inputs.push({ topic, partition, position: offset, end, lag: Math.max(0, end - offset) });
  }
  const { at = null, newest = null, watermark = null } = committed.times ?? {};
  return {
    pipeline,
    epoch: committed.epoch,
    lag: inputs.reduce((sum, i) => sum + i.lag, 0),
    committedAt: at,
    newest,
    watermark,
    watermarkDelayMs: newest === null || typeof watermark !== 'number' ? null : newest - watermark,
    inputs,
    members: (await directory.members(pipeline)) ?? null,
  };
}
