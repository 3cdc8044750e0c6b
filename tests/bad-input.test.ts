/*
 * Input that is wrong in every way: nothing crashes, nothing hangs, and every record is either processed as the reference decoder reads it
 * or in the dead letters with its bytes.
 */
import { isDeepStrictEqual } from 'node:util';
import { expect, test } from 'vitest';
import { openEmbedded } from '../connectors/embedded/embedded-runtime.js';
import { partitionOf } from '../dataflow/partitioner.js';
import { BlockWriter } from '../dataflow/record-block.js';
import { writeEvents } from '../runners/import/write-events.js';
import { splitmix } from '../runners/simulate/splitmix.js';
import { type TopicRecord, topicRecords } from '../runners/testing/topic-records.js';
import { parseRecordSchema } from '../schemas/avro-schema.js';
import type { ClickEvent } from '../schemas/generated/click-event.js';
import { clickEventSchema } from '../schemas/generated/click-event.js';
import type { LabelledClick } from '../schemas/generated/labelled-click.js';
import { compileReader } from '../schemas/reader.js';
import { schemaIdAt, wirePrefixLength } from '../schemas/wire.js';
import { temporaryDirectory } from './connectors/embedded/temporary-directory.js';
import { startCommand } from './faults/start-run.js';
import { mutatedClicks, type RawRecord } from './mutated-clicks.js';

const partitions = 4;

/** Appends records in blocks to the topic clicks; answers with them by partition, in the order of offsets. */
async function append(dataDir: string, records: (schemaId: number) => Iterable<RawRecord>): Promise<RawRecord[][]> {
  const { log, registry, close } = openEmbedded({ dataDir, mode: 'write' });
  const lists: RawRecord[][] = Array.from({ length: partitions }, () => []);
  try {
    await writeEvents([], { log, registry, input: 'test', partitions });
    // Other topics have schemas too: an id that is wrong may be one of theirs.
    await registry.register('other-value', JSON.stringify({ type: 'record', name: 'Other', fields: [{ name: 'n', type: 'int' }] }));
    const writers = lists.map(() => new BlockWriter());
    const flush = () => log.append(writers.flatMap((w, partition) => (w.count > 0 ? [{ topic: 'clicks', partition, block: w.take() }] : [])));
    let held = 0;
    for (const record of records((await registry.latest('clicks-value'))!.id)) {
      const p = record.key === null ? held % partitions : partitionOf(record.key, 0, record.key.length, partitions);
      lists[p]!.push(record);
      writers[p]!.append(record.key, record.value, record.timestamp);
      held += 1;
      if (held % 5_000 === 0) await flush();
    }
    await flush();
    return lists;
  } finally {
    await close();
  }
}

/** What becomes of a record by the definition: the event, or the code of its dead letter. */
function reference(schemas: ReadonlyMap<number, string>) {
  const target = parseRecordSchema(clickEventSchema);
  const readers = new Map<number, ReturnType<typeof compileReader<ClickEvent>> | undefined>();
  for (const [id, text] of schemas) {
    try {
      readers.set(id, compileReader<ClickEvent>(parseRecordSchema(text), target));
    } catch {
      readers.set(id, undefined);
    }
  }
  return ({ value }: RawRecord): ClickEvent | string => {
    if (value === null) return 'HR_DECODE';
    const id = schemaIdAt(value, 0, value.length);
    if (!readers.has(id)) return 'HR_DECODE';
    const read = readers.get(id);
    if (read === undefined) return 'HR_SCHEMA_MISMATCH';
    let event: ClickEvent;
    try {
      event = { ...read(value, wirePrefixLength, value.length) };
    } catch {
      return 'HR_DECODE';
    }
    const t = event.timestamp;
    const usable = (t > -1e11 && t < 1e8) || (t >= 1e11 && t < Date.UTC(2100, 0, 1));
    if (!usable) return 'HR_EVENT_TIME';
    // The reference decoder reads any varint as an int; what is no 32-bit number cannot be written to labelled-clicks.
    const fits = [event.watchMs, event.durationMs, event.position].every((n) => n === (n | 0));
    return fits ? event : 'HR_STEP';
  };
}

test('100,000 mutations of valid records: each is processed as the reference reads it, or a dead letter', async () => {
  const dataDir = temporaryDirectory();
  const written = await append(dataDir, (id) => mutatedClicks(100_000, id, splitmix(99)));
  const ran = await startCommand(['run', 'click-features', '--bounded', '--json', '--data-dir', dataDir]).ended;
  expect(ran.code, ran.stderr).toBe(0);

  const { log, registry, close } = openEmbedded({ dataDir, mode: 'read' });
  const topics = (await log.topics()).map((t) => t.name);
  const labelled = new Map<string, LabelledClick>();
  for (const { value } of await topicRecords(log, registry, 'labelled-clicks')) {
    const click = value as LabelledClick;
    labelled.set(`${click.originPartition}/${click.originOffset}`, click);
  }
  const letters = new Map<string, TopicRecord>();
  for (const name of topics.filter((t) => t.endsWith('.dlq'))) {
    for (const letter of await topicRecords(log, registry, name)) {
      expect(letter.headers['hr-topic']).toBe('clicks');
      const place = `${letter.headers['hr-partition']}/${letter.headers['hr-offset']}`;
      if (letters.has(place)) throw new Error(`${place} is in two dead-letter topics`);
      letters.set(place, letter);
    }
  }
  const schemas = new Map<number, string>();
  for (let id = 0; id < 10; id++) {
    const text = await registry.schemaById(id);
    if (text !== undefined) schemas.set(id, text);
  }
  await close();

  const decide = reference(schemas);
  const counted: Record<string, number> = {};
  for (const [partition, records] of written.entries()) {
    for (const [offset, record] of records.entries()) {
      const place = `${partition}/${offset}`;
      const expected = decide(record);
      const outcome = typeof expected === 'string' ? expected : 'processed';
      counted[outcome] = (counted[outcome] ?? 0) + 1;
      const letter = letters.get(place);
      const click = labelled.get(place);
      if (typeof expected === 'string') {
        const same = letter !== undefined && click === undefined && isDeepStrictEqual(letter.value && Buffer.from(letter.value as Uint8Array), record.value && Buffer.from(record.value)) && letter.key === (record.key && Buffer.from(record.key).toString());
        if (!same || letter.headers['hr-code'] !== expected || letter.headers['hr-step'] !== (expected === 'HR_STEP' ? 'to-1' : 'clicks')) {
          throw new Error(`${place} should be a dead letter with ${expected}: ${JSON.stringify({ letter, click, record })}`);
        }
        continue;
      }
      if (click === undefined) throw new Error(`${place} was not processed: ${JSON.stringify({ letter, expected })}`);
      const { bot: _, botReason: __, originPartition: ___, originOffset: ____, ...event } = click;
      if (letter !== undefined || !isDeepStrictEqual(event, expected)) throw new Error(`${place} was read as ${JSON.stringify(event)}, not ${JSON.stringify(expected)}; ${JSON.stringify(letter)}`);
    }
  }
  expect(labelled.size + letters.size).toBe(100_000);
  for (const kind of ['processed', 'HR_DECODE', 'HR_EVENT_TIME', 'HR_SCHEMA_MISMATCH']) expect(counted[kind], kind).toBeGreaterThan(100);
  const replayed = await startCommand(['replay', 'click-features', '--compare', '--json', '--data-dir', dataDir]).ended;
  expect(replayed).toMatchObject({ code: 0, stdout: expect.stringContaining('"equal":true') as unknown });
}, 60_000);
