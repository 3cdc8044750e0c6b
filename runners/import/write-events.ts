import type { LogClient } from '../../dataflow/ports/log-client.js';
import type { SchemaRegistry } from '../../dataflow/ports/schema-registry.js';
import { partitionOf } from '../../dataflow/partitioner.js';
import { BlockWriter, type Header } from '../../dataflow/record-block.js';
import { definition } from '../../dataflow/topic.js';
import { clicks } from '../../pipelines/clicks.js';
import { parseRecordSchema } from '../../schemas/avro-schema.js';
import { compileRowEncoder } from '../../schemas/encoder.js';
import type { ClickEvent } from '../../schemas/generated/click-event.js';
import { wirePrefix } from '../../schemas/wire.js';
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
/** Longer keys get a buffer of their own. */
const longestShortKey = 4_096;

/**
 * Writes events to the topic `clicks` in the order in which they come, each to the partition of its user, and refused lines with their
 * bytes to `clicks.dlq`. Each block is atomic; what is interrupted keeps the blocks that it had committed.
 *
 * @throws HR_TOPIC_EXISTS, HR_DISK_FULL, HR_STATE_LOCKED; AbortError between blocks once `abort` is aborted
 */
export async function writeEvents(input: AsyncIterable<Imported> | Iterable<Imported>, options: WriteOptions): Promise<Written> {
  const { log, registry } = options;
  const { name, schema, retentionMs } = clicks[definition];
  const existing = new Map((await log.topics()).map((t) => [t.name, t.partitions]));
  const partitions = options.partitions ?? existing.get(name) ?? 4;
  await log.createTopic(name, { partitions, retentionMs });
  let hasRefusedTopic = existing.has(refusedTopic);
  let refusedOffset = hasRefusedTopic ? (await log.bounds(refusedTopic, 0)).end : 0;
  const encode = eventEncoder(wirePrefix(await registry.register(`${name}-value`, JSON.stringify(schema))), partitions);
  const letters = new BlockWriter();
  const totals = { events: 0, refused: 0, from: Number.POSITIVE_INFINITY, to: Number.NEGATIVE_INFINITY };

  const flush = async () => {
    const outputs = encode.take().map((output) => ({ topic: name, ...output }));
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
      encode.add(event);
      totals.events++;
      totals.from = Math.min(totals.from, event.timestamp);
      totals.to = Math.max(totals.to, event.timestamp);
    } else {
      letters.append(null, imported.refused.bytes, 0, refusedHeaders(imported.refused, options.input));
      totals.refused++;
      options.onRefused?.(imported.refused, refusedOffset++);
    }
    if (encode.count >= blockEvents || letters.count >= blockEvents || encode.size + letters.size >= blockBytes) await flush();
  }
  await flush();
  return { partitions, events: totals.events, refused: totals.refused, from: totals.events > 0 ? totals.from : undefined, to: totals.events > 0 ? totals.to : undefined };
}

function refusedHeaders({ line, reason }: RefusedLine, input: string): Header[] {
  const entries = { 'hr-code': 'HR_INPUT_LINE', 'hr-message': reason, 'hr-step': 'import', 'hr-topic': input, 'hr-partition': 0, 'hr-offset': line };
  return Object.entries(entries).map(([key, value]) => ({ key, value: Buffer.from(String(value)) }));
}

/** Events as wire-format records, one writer a partition. */
function eventEncoder(prefix: Uint8Array, partitions: number) {
  const encoder = compileRowEncoder<ClickEvent>(parseRecordSchema(clicks[definition].schema));
  const writers = Array.from({ length: partitions }, () => new BlockWriter());
  const shortKey = Buffer.alloc(longestShortKey);
  let count = 0;
  return {
    /** Events held. */
    get count() {
      return count;
    },
    /** Bytes held. */
    get size() {
      return writers.reduce((sum, w) => sum + w.size, 0);
    },
    add(event: ClickEvent): void {
      const short = event.userId.length * 3 <= longestShortKey;
      const key = short ? shortKey : Buffer.from(event.userId);
      const keyLength = short ? shortKey.write(event.userId) : key.length;
      const writer = writers[partitionOf(key, 0, keyLength, partitions)]!;
      const at = writer.reserve(keyLength + prefix.length + encoder.bound(event));
      const { buffer } = writer;
      buffer.set(key.subarray(0, keyLength), at);
      buffer.set(prefix, at + keyLength);
      const end = encoder.encode(event, buffer, at + keyLength + prefix.length);
      writer.commit(keyLength, end - at - keyLength, event.timestamp);
      count++;
    },
    take() {
      count = 0;
      return writers.map((writer, partition) => ({ partition, writer })).filter(({ writer }) => writer.count > 0).map(({ partition, writer }) => ({ partition, block: writer.take() }));
    },
  };
}
