import { HeadraceError } from '../../dataflow/errors.js';
import type { LogClient, Position } from '../../dataflow/ports/log-client.js';
import { BlockWriter, type Header, offsetAt, type RecordBlock } from '../../dataflow/record-block.js';
import { attemptHeader, attemptOf, formHeader, letterHeaderPrefix } from '../engine/dead-letters.js';

/** What a redrive has done. */
export interface RedriveResult {
  /** Records sent back, by topic. */
  readonly sent: Readonly<Record<string, number>>;
  /** Letters that were passed over, by why; they stay in the dead-letter topic. */
  readonly kept: Readonly<Record<string, number>>;
}

/** How a redrive runs. */
export interface RedriveOptions {
  /** Most letters that are looked at. @default all that are there when it begins */
  readonly limit?: number | undefined;
  /** Epoch ms: the timestamp of records that have none. */
  readonly now: () => number;
  readonly abort: AbortSignal;
}

/** Letters that are sent back with one commit. */
const lettersAtOnce = 1_000;

/** Name under which the position of a redrive is kept, as that of a pipeline. */
export const redriveName = (deadLetters: string): string => `redrive.${deadLetters}`;

/**
 * Sends dead letters back to the topics and partitions that they were read from, each once: records and the position behind their letters are committed together, so that a redrive
 * that was stopped in any way goes on where it was. Letters that come meanwhile are for the next one.
 *
 * A letter that is not the record as it was read (a step behind `map` could not take it) leads to the record itself, which is read again from its topic.
 *
 * @throws HR_TOPIC_MISSING there is no such topic; HR_EPOCH_FENCED another redrive of it runs
 */
export async function redrive(log: LogClient, deadLetters: string, { limit = Number.POSITIVE_INFINITY, now, abort }: RedriveOptions): Promise<RedriveResult> {
  const topics = new Map((await log.topics()).map((t) => [t.name, t.partitions]));
  const partitions = topics.get(deadLetters);
  if (partitions === undefined) throw new HeadraceError('HR_TOPIC_MISSING', `There is no topic "${deadLetters}".`, { place: { topic: deadLetters }, remedy: 'See `headrace topic list` for the topics that end in .dlq.' });
  const pipeline = redriveName(deadLetters);
  const committed = await log.committed(pipeline);
  const counts = { sent: new Map<string, number>(), kept: new Map<string, number>() };
  let epoch = committed?.epoch ?? 0;
  let left = limit;
  for (let partition = 0; partition < partitions; partition++) {
    const { start, end } = await log.bounds(deadLetters, partition);
    let at = Math.max(start, committed?.positions.find((p) => p.topic === deadLetters && p.partition === partition)?.offset ?? start);
    while (at < end && left > 0 && !abort.aborted) {
      const block = await log.read(deadLetters, partition, at);
      if (block === undefined) break;
      const writers = new Map<string, { readonly to: Position; readonly writer: BlockWriter }>();
      const told: { readonly of: Map<string, number>; readonly name: string }[] = [];
      for (let row = 0; row < Math.min(block.count, lettersAtOnce) && left > 0 && offsetAt(block, row) < end; row++, left--) {
        at = offsetAt(block, row) + 1;
        const found = await recordOf(log, topics, block, row);
        if (typeof found === 'string') {
          told.push({ of: counts.kept, name: found });
          continue;
        }
        const { to, key, value, headers } = found;
        const name = `${to.topic}/${to.partition}`;
        const target = writers.get(name) ?? { to, writer: new BlockWriter() };
        writers.set(name, target);
        const attempt = { key: attemptHeader, value: Buffer.from(String(attemptOf(block.headers?.get(row)) + 1)) };
        target.writer.append(key, value, found.timestamp > 0 ? found.timestamp : now(), [...headers, attempt]);
        told.push({ of: counts.sent, name: to.topic });
      }
      if (told.length === 0) break;
      epoch += 1;
      await log.commit({
        pipeline,
        epoch,
        outputs: [...writers.values()].map(({ to, writer }) => ({ topic: to.topic, partition: to.partition, block: writer.take() })),
        state: [],
        positions: [{ topic: deadLetters, partition, offset: at }],
        journal: [],
        times: { at: now(), newest: null, watermark: 'none' },
      });
      for (const { of, name } of told) of.set(name, (of.get(name) ?? 0) + 1);
    }
  }
  return { sent: Object.fromEntries(counts.sent), kept: Object.fromEntries(counts.kept) };
}

interface Redriven {
  readonly to: Position;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly timestamp: number;
  readonly headers: readonly Header[];
}

/** The record of a letter, or why there is none to send. */
async function recordOf(log: LogClient, topics: ReadonlyMap<string, number>, block: RecordBlock, row: number): Promise<Redriven | string> {
  const headers = block.headers?.get(row) ?? [];
  const told = (name: string) => {
    const header = headers.find(({ key }) => key === name);
    return header === undefined ? undefined : Buffer.from(header.value).toString();
  };
  const [topic, partition, offset] = [told('hr-topic'), Number(told('hr-partition')), Number(told('hr-offset'))];
  if (topic === undefined || told('hr-partition') === undefined || told('hr-offset') === undefined) return 'the letter does not say where its record was read';
  const known = topics.get(topic);
  if (known === undefined || !(partition < known)) return `there is no topic ${topic} with a partition ${partition}`;
  const to = { topic, partition, offset };
  const own = headers.filter(({ key }) => !key.startsWith(letterHeaderPrefix));
  if (told(formHeader) !== 'json') return { to, ...recordAt(block, row), headers: own };
  const { start, end } = await log.bounds(topic, partition);
  const source = offset >= start && offset < end ? await log.read(topic, partition, offset) : undefined;
  if (source === undefined || source.count === 0 || offsetAt(source, 0) !== offset) return `retention has deleted the record from ${topic}`;
  return { to, ...recordAt(source, 0), headers: (source.headers?.get(0) ?? []).filter(({ key }) => !key.startsWith(letterHeaderPrefix)) };
}

function recordAt(block: RecordBlock, row: number): Pick<Redriven, 'key' | 'value' | 'timestamp'> {
  const part = (offset: number, length: number) => (length < 0 ? null : Uint8Array.from(block.bytes.subarray(offset, offset + length)));
  return { key: part(block.keyOffset[row]!, block.keyLength[row]!), value: part(block.valueOffset[row]!, block.valueLength[row]!), timestamp: block.timestamps[row]! };
}
