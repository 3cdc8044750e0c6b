import type { LogClient } from '../../dataflow/ports/log-client.js';
import type { SchemaRegistry } from '../../dataflow/ports/schema-registry.js';
import { BlockWriter, type Header } from '../../dataflow/record-block.js';
import { openTopicEncoder } from '../../dataflow/topic-encoder.js';
import { clicks } from '../../pipelines/clicks.js';
import type { Imported, RefusedLine } from './importer.js';

/** Where events are written and what is told on the way. */
export interface WriteOptions {
  readonly log: LogClient;
  readonly registry: SchemaRegistry;
  /** Name of the input, for the headers of refused lines. */
  readonly input: string;
  /** Partitions of the topic when it is created. HR_TOPIC_EXISTS when it is there with another number. @default those it has, or 4 */
  readonly partitions?: number | undefined;
  /** After each block that is committed. */
  readonly onProgress?: (written: number) => void;
  /** At each refused line, with the offset that it gets in partition 0 of `refusedTopic`. */
  readonly onRefused?: (line: RefusedLine, offset: number) => void;
  readonly abort?: AbortSignal | undefined;
}

/** What was written. */
export interface Written {
  readonly events: number;
  readonly refused: number;
  readonly partitions: number;
  /** Event times of the first and last event, epoch ms; undefined without events. */
  readonly from: number | undefined;
  readonly to: number | undefined;
}

/** The topic of lines that are no event. */
export const refusedTopic = 'clicks.dlq';

/** Events in one atomic append. */
const blockEvents = 32_768;
const blockBytes = 8 << 20;

/**
 * Writes events to the topic `clicks` in the order in which they come, each to the partition of its user, and refused lines with their
 * bytes to `clicks.dlq`. Each block is atomic; what is interrupted keeps the blocks that it had committed.
 *
 * @throws HR_TOPIC_EXISTS, HR_DISK_FULL, HR_STATE_LOCKED; AbortError between blocks once `abort` is aborted
 */
export async function writeEvents(input: AsyncIterable<Imported> | Iterable<Imported>, options: WriteOptions): Promise<Written> {
  const { log, registry } = options;
  let hasRefusedTopic = (await log.topics()).some((t) => t.name === refusedTopic);
  let refusedOffset = hasRefusedTopic ? (await log.bounds(refusedTopic, 0)).end : 0;
  const encoder = await openTopicEncoder(clicks, { log, registry, partitions: options.partitions });
  const { partitions } = encoder;
  const letters = new BlockWriter();
  const totals = { events: 0, refused: 0, from: Number.POSITIVE_INFINITY, to: Number.NEGATIVE_INFINITY };

  const flush = async () => {
    const outputs = encoder.take();
    if (letters.count > 0) {
      // as many partitions as clicks has: the dead letters of a pipeline's source step go here too, each to the partition it came from
      if (!hasRefusedTopic) await log.createTopic(refusedTopic, { partitions });
      hasRefusedTopic = true;
      outputs.push({ topic: refusedTopic, partition: 0, block: letters.take() });
    }
    if (outputs.length === 0) return;
    await log.append(outputs);
    options.onProgress?.(totals.events);
    // lets signals and timers in
    await new Promise<void>((resolve) => setImmediate(resolve));
    options.abort?.throwIfAborted();
  };
  for await (const imported of input) {
    if ('event' in imported) {
      const { event } = imported;
      encoder.add(event);
      totals.events++;
      totals.from = Math.min(totals.from, event.timestamp);
      totals.to = Math.max(totals.to, event.timestamp);
    } else {
      letters.append(null, imported.refused.bytes, 0, refusedHeaders(imported.refused, options.input));
      totals.refused++;
      options.onRefused?.(imported.refused, refusedOffset++);
    }
    if (encoder.count >= blockEvents || letters.count >= blockEvents || encoder.size + letters.size >= blockBytes) await flush();
  }
  await flush();
  return { partitions, events: totals.events, refused: totals.refused, from: totals.events > 0 ? totals.from : undefined, to: totals.events > 0 ? totals.to : undefined };
}

function refusedHeaders({ line, reason }: RefusedLine, input: string): Header[] {
  const entries = { 'hr-code': 'HR_INPUT_LINE', 'hr-message': reason, 'hr-step': 'import', 'hr-topic': input, 'hr-partition': 0, 'hr-offset': line };
  return Object.entries(entries).map(([key, value]) => ({ key, value: Buffer.from(String(value)) }));
}
