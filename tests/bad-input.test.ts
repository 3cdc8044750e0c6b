/*
 * Input that is wrong in every way: nothing crashes, nothing hangs, and every record is either processed as the reference decoder reads it
 * or in the dead letters with its bytes.
 */
import { cpSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { expect, test } from 'vitest';
import { openEmbedded } from '../connectors/embedded/embedded-runtime.js';
import { partitionOf } from '../dataflow/partitioner.js';
import { BlockWriter } from '../dataflow/record-block.js';
import { writeEvents } from '../runners/import/write-events.js';
import { clickWorld } from '../runners/simulate/click-world.js';
import { splitmix } from '../dataflow/splitmix.js';
import { type TopicRecord, topicRecords } from '../runners/testing/topic-records.js';
import { parseRecordSchema } from '../schemas/avro-schema.js';
import type { ClickEvent } from '../schemas/generated/click-event.js';
import { clickEventSchema } from '../schemas/generated/click-event.js';
import type { LabelledClick } from '../schemas/generated/labelled-click.js';
import { compileReader } from '../schemas/reader.js';
import { schemaIdAt, wirePrefixLength } from '../schemas/wire.js';
import { checkLookups, labelledEvents } from './check-click-features.js';
import { temporaryDirectory } from './connectors/embedded/temporary-directory.js';
import { differences } from './faults/differences.js';
import { mountTmpfs, remount } from './faults/small-disk.js';
import { startCommand, startRun } from './faults/start-run.js';
import { clickLines, clicksFile, headrace, userCountsFile, workplace } from './runners/commands/headrace-process.js';
import { mutatedClicks, type RawRecord } from './mutated-clicks.js';

const partitions = 4;

/** Appends records in blocks to the topic clicks, those without a key in turns; answers with them by partition, in the order of offsets. */
async function append(dataDir: string, records: (schemaId: number) => Iterable<RawRecord>, blockRecords = 5_000): Promise<RawRecord[][]> {
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
      if (held % blockRecords === 0) await flush();
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

test('records that lie in partitions other than their keys\': no epoch loses any, and look-ups find them all', async () => {
  const home = temporaryDirectory();
  const [large, small] = [join(home, 'large'), join(home, 'small')];
  // As a producer does that gives no keys: a user is in all partitions.
  await append(large, function* (id) {
    for (const record of mutatedClicks(4_000, id, splitmix(5))) yield { ...record, key: null };
  }, 100);
  cpSync(large, small, { recursive: true });
  expect((await startRun({ dataDir: large, pipeline: 'click-features', commitMs: 10_000 }).ended).code).toBe(0);
  expect((await startRun({ dataDir: small, pipeline: 'click-features', stepRows: 20, commitMs: 1, workers: 2 }).ended).code).toBe(0);
  expect((await differences('click-features', large, small)).found).toEqual([]);

  const keyless = join(home, 'keyless');
  const { log, registry, close } = openEmbedded({ dataDir: keyless, mode: 'write' });
  const other = openEmbedded({ dataDir: join(home, 'other'), mode: 'write' });
  await writeEvents(Array.from(clickWorld({ events: 4_000, seed: 8, users: 300, items: 50 }), (event) => ({ event })), { log: other.log, registry: other.registry, input: 'test', partitions: 1 });
  await writeEvents([], { log, registry, input: 'test', partitions });
  const block = (await other.log.read('clicks', 0, 0))!;
  const writers = Array.from({ length: partitions }, () => new BlockWriter());
  for (let i = 0; i < block.count; i++) writers[i % partitions]!.append(null, block.bytes.subarray(block.valueOffset[i]!, block.valueOffset[i]! + block.valueLength[i]!), block.timestamps[i]!);
  await log.append(writers.map((w, partition) => ({ topic: 'clicks', partition, block: w.take() })));
  await close();
  await other.close();
  expect((await startRun({ dataDir: keyless, pipeline: 'click-features' }).ended).code).toBe(0);
  expect(await checkLookups(keyless, await labelledEvents(keyless), { seed: 4, count: 120 })).toBeGreaterThan(40);
});

/** Everything in a data directory that a run could have changed. */
async function contents(dataDir: string): Promise<unknown> {
  const { log, registry, state, close } = openEmbedded({ dataDir, mode: 'read' });
  try {
    const topics = [];
    for (const topic of await log.topics()) topics.push({ ...topic, ends: await Promise.all(Array.from({ length: topic.partitions }, (_, p) => log.bounds(topic.name, p))), schema: await registry.latest(`${topic.name}-value`) });
    const unknown = await registry.latest('user-counts-value');
    return { topics, unknown, committed: await log.committed('user-counts'), journal: await log.journal('user-counts'), state: [...state.range('user-counts', 'counts', Buffer.alloc(0))] };
  } finally {
    await close();
  }
}

test.each([
  { name: 'a missing topic', files: { 'clicks.ts': clicksFile.replace("'clicks'", "'clickz'") }, code: 'HR_TOPIC_MISSING' },
  { name: 'a schema that cannot read what is stored', files: { 'clicks.ts': clicksFile.replace("{ name: 'watchMs', type: 'int', default: 0 }", "{ name: 'watchMs', type: 'string' }") }, code: 'HR_SCHEMA_MISMATCH' },
  { name: 'a field that was never written, without a default', files: { 'clicks.ts': clicksFile.replace("{ name: 'watchMs', type: 'int', default: 0 }", "{ name: 'price', type: 'double' }") }, code: 'HR_SCHEMA_MISMATCH' },
  { name: 'a step id twice', files: { 'user-counts.ts': userCountsFile().replace('to(userCounts)', "window('counts', { every: '1h' }, { n: count() }), to(userCounts)") }, code: 'HR_DUPLICATE_STEP' },
  { name: 'an impossible window', files: { 'user-counts.ts': userCountsFile("{ size: '1h', every: '7m' }") }, code: 'HR_WINDOW' },
])('$name: one coded error before anything runs, and nothing is written', async ({ files, code }) => {
  const cwd = workplace({ 'clicks.ts': clicksFile, 'user-counts.ts': userCountsFile(), ...files, 'in.jsonl': clickLines(100) });
  expect((await headrace(['import', 'clicks', 'in.jsonl'], { cwd })).code).toBe(0);
  const before = await contents(join(cwd, '.headrace'));
  const done = await headrace(['run', 'user-counts.ts', '--bounded'], { cwd });
  expect(done.stderr.match(/^HR_[A-Z_]+ {2}/gm)).toEqual([`${code}  `]);
  expect(done.code).toBe(1);
  expect(await contents(join(cwd, '.headrace'))).toEqual(before);
});

test('a data directory on a disk that is read-only', async () => {
  const cwd = workplace({ 'clicks.ts': clicksFile, 'user-counts.ts': userCountsFile(), 'in.jsonl': clickLines(100) });
  const disk = join(cwd, 'disk');
  if (!mountTmpfs(disk, 8 << 20)) return;
  expect((await headrace(['import', 'clicks', 'in.jsonl', '--data-dir', 'disk/data'], { cwd })).code).toBe(0);
  remount(disk, 'ro');
  const bytes = readFileSync(join(disk, 'data/data.mdb'));
  const done = await headrace(['run', 'user-counts.ts', '--bounded', '--data-dir', 'disk/data'], { cwd });
  expect(done.stderr.match(/^HR_[A-Z_]+ {2}/gm)).toEqual(['HR_DATA_DIR  ']);
  expect(done.code).toBe(1);
  expect(readFileSync(join(disk, 'data/data.mdb')).equals(bytes)).toBe(true);
});
