import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { EpochCommit, LogClient } from '../../dataflow/ports/log-client.js';
import { BlockWriter, offsetAt, type Header, type RecordBlock } from '../../dataflow/record-block.js';

/** A log under test, empty, and how to get rid of it. */
export interface LogUnderTest {
  readonly log: LogClient;
  /** A second client of the same log, as another process would have. */
  reader(): Promise<LogClient>;
  dispose(): Promise<void>;
}

/** What an adapter may do differently. */
export interface ContractOptions {
  /** Offsets have no gaps (Kafka's transaction markers make some). @default true */
  readonly contiguous?: boolean;
}

/** Names of the topics that the contract makes, and of its pipelines. */
export const contractTopics: readonly string[] = ['a', 'in', 't'];
export const contractPipelines: readonly string[] = ['p', 'p/q'];

/** A record as tests write it. */
export interface TestRecord {
  readonly key: string | null;
  readonly value: string | null;
  readonly timestamp: number;
  readonly headers?: readonly { readonly key: string; readonly value: string }[] | undefined;
}

/** Records as a block for `append`. */
export function blockOf(records: readonly TestRecord[]): RecordBlock {
  const writer = new BlockWriter();
  for (const { key, value, timestamp, headers } of records) {
    writer.append(
      key === null ? null : Buffer.from(key),
      value === null ? null : Buffer.from(value),
      timestamp,
      headers?.map((h): Header => ({ key: h.key, value: Buffer.from(h.value) })),
    );
  }
  return writer.take();
}

/** The records of a block with their offsets. */
export function recordsOf(block: RecordBlock): (TestRecord & { readonly offset: number })[] {
  const text = (at: number, length: number): string | null => (length < 0 ? null : Buffer.from(block.bytes.subarray(at, at + length)).toString());
  return Array.from({ length: block.count }, (_, i) => ({
    offset: offsetAt(block, i),
    key: text(block.keyOffset[i]!, block.keyLength[i]!),
    value: text(block.valueOffset[i]!, block.valueLength[i]!),
    timestamp: block.timestamps[i]!,
    headers: block.headers?.get(i)?.map((h) => ({ key: h.key, value: Buffer.from(h.value).toString() })),
  }));
}

/** All committed records of a partition from `offset` on. */
export async function readAll(log: LogClient, topic: string, partition: number, offset?: number): Promise<(TestRecord & { readonly offset: number })[]> {
  const records = [];
  let next = offset ?? (await log.bounds(topic, partition)).start;
  for (let block = await log.read(topic, partition, next); block !== undefined; block = await log.read(topic, partition, next)) {
    expect(block.count).toBeGreaterThan(0);
    records.push(...recordsOf(block));
    next = offsetAt(block, block.count - 1) + 1;
  }
  return records;
}

const letters = (text: string, timestamp = 1_000): TestRecord[] => [...text].map((c, i) => ({ key: c, value: c.toUpperCase(), timestamp: timestamp + i }));
const values = (records: readonly TestRecord[]): string => records.map((r) => r.value).join('');

/** Registers the tests that every `LogClient` passes. */
export function logClientContract(name: string, create: () => Promise<LogUnderTest>, { contiguous = true }: ContractOptions = {}): void {
  describe(`${name} as a log client`, () => {
    let under: LogUnderTest;
    let log: LogClient;
    const epoch = (n: number, change: Partial<EpochCommit> = {}): EpochCommit => ({ pipeline: 'p', epoch: n, outputs: [], state: [], positions: [], journal: [], ...change });
    const append = (text: string, partition = 0, timestamp?: number): Promise<void> => log.append([{ topic: 't', partition, block: blockOf(letters(text, timestamp)) }]);

    /** Positions are of topics that are there. */
    const createInput = (): Promise<void> => log.createTopic('in', { partitions: 11 });

    beforeEach(async () => {
      under = await create();
      log = under.log;
      await log.createTopic('t', { partitions: 2 });
    });
    afterEach(() => under.dispose());

    test('a topic is listed with its settings, and creating it again with the same ones is fine', async () => {
      await log.createTopic('a', { partitions: 3, retentionMs: 60_000 });
      await log.createTopic('a', { partitions: 3, retentionMs: 60_000 });
      // a broker may have topics of others
      expect((await log.topics()).filter(({ name }) => contractTopics.includes(name))).toEqual([
        { name: 'a', partitions: 3, retentionMs: 60_000 },
        { name: 't', partitions: 2, retentionMs: Infinity },
      ]);
    });

    test('a topic with other settings, a bad name or no partition is refused', async () => {
      await expect(log.createTopic('t', { partitions: 4 })).rejects.toMatchObject({ code: 'HR_TOPIC_EXISTS' });
      await expect(log.createTopic('t', { partitions: 2, retentionMs: 5 })).rejects.toMatchObject({ code: 'HR_TOPIC_EXISTS' });
      for (const bad of ['', 'a b', 'a/b', '..', 'ü', 'x'.repeat(250)]) await expect(log.createTopic(bad, { partitions: 1 })).rejects.toMatchObject({ code: 'HR_TOPIC_NAME' });
      for (const bad of [0, -1, 1.5, NaN]) await expect(log.createTopic('b', { partitions: bad })).rejects.toMatchObject({ code: 'HR_ARGUMENT' });
    });

    test('an empty partition has no records', async () => {
      expect(await log.bounds('t', 1)).toEqual({ start: 0, end: 0 });
      expect(await log.read('t', 1, 0)).toBeUndefined();
      expect(await log.seek('t', 1, 0)).toBe(0);
    });

    test('records come back as they were written', async () => {
      const written: TestRecord[] = [
        { key: 'k', value: 'v', timestamp: 5 },
        { key: null, value: 'no key', timestamp: 4 },
        { key: 'tombstone', value: null, timestamp: 6 },
        { key: null, value: null, timestamp: 6 },
        { key: '', value: '', timestamp: 0 },
        { key: 'Schlüssel 🔑', value: '値', timestamp: 1_790_000_000_123 },
        { key: 'h', value: 'with headers', timestamp: 7, headers: [{ key: 'a', value: '1' }, { key: 'a', value: '' }, { key: 'ключ', value: 'значение' }] },
        { key: 'long', value: 'x'.repeat(70_000), timestamp: 8 },
        { key: 'h2', value: 'last', timestamp: 9, headers: [{ key: 'z', value: '26' }] },
      ];
      await log.append([{ topic: 't', partition: 0, block: blockOf(written) }]);
      const read = await readAll(log, 't', 0);
      expect(read).toEqual(written.map((r, i) => ({ headers: undefined, ...r, offset: contiguous ? i : read[i]!.offset })));
    });

    test('arbitrary bytes come back as they were written', async () => {
      const writer = new BlockWriter();
      const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
      writer.append(bytes.subarray(128), bytes, 1);
      await log.append([{ topic: 't', partition: 0, block: writer.take() }]);
      const block = (await log.read('t', 0, 0))!;
      expect([...block.bytes.subarray(block.keyOffset[0], block.keyOffset[0]! + 128)]).toEqual([...bytes.subarray(128)]);
      expect([...block.bytes.subarray(block.valueOffset[0], block.valueOffset[0]! + 256)]).toEqual([...bytes]);
    });

    test('offsets go on across appends, of any size', async () => {
      let n = 0;
      for (const size of [1, 1, 100, 3, 1, 20_000, 1, 70]) {
        await log.append([{ topic: 't', partition: 0, block: blockOf(Array.from({ length: size }, () => ({ key: null, value: String(n++), timestamp: n }))) }]);
      }
      const records = await readAll(log, 't', 0);
      expect(records.map((r) => r.value)).toEqual(Array.from({ length: n }, (_, i) => String(i)));
      const offsets = records.map((r) => r.offset);
      expect(offsets.every((o, i) => i === 0 || o > offsets[i - 1]!)).toBe(true);
      if (contiguous) expect(offsets).toEqual(Array.from({ length: n }, (_, i) => i));
      expect((await log.bounds('t', 0)).end).toBeGreaterThan(offsets.at(-1)!);
    });

    test('blocks of one append go to their partitions in order', async () => {
      await log.append([
        { topic: 't', partition: 0, block: blockOf(letters('ab')) },
        { topic: 't', partition: 1, block: blockOf(letters('x')) },
        { topic: 't', partition: 0, block: blockOf([]) },
        { topic: 't', partition: 0, block: blockOf(letters('c')) },
      ]);
      expect(values(await readAll(log, 't', 0))).toBe('ABC');
      expect(values(await readAll(log, 't', 1))).toBe('X');
    });

    test('a reader may begin at any offset', async () => {
      await append('abc');
      await append('def');
      const all = await readAll(log, 't', 0);
      for (const [i, { offset }] of all.entries()) expect(await readAll(log, 't', 0, offset)).toEqual(all.slice(i));
    });

    test('a block of some rows of another is written as those rows', async () => {
      const { bytes, timestamps, ...rest } = blockOf(letters('abcdef'));
      const pick = (column: Int32Array): Int32Array => Int32Array.of(column[4]!, column[1]!, column[2]!);
      const block: RecordBlock = {
        count: 3, baseOffset: 77, offsets: Float64Array.of(9, 8, 7), bytes, timestamps: Float64Array.of(timestamps[4]!, timestamps[1]!, timestamps[2]!),
        keyOffset: pick(rest.keyOffset), keyLength: pick(rest.keyLength), valueOffset: pick(rest.valueOffset), valueLength: pick(rest.valueLength),
      };
      await log.append([{ topic: 't', partition: 0, block }]);
      expect((await readAll(log, 't', 0)).map((r) => `${r.key}${r.value}@${r.timestamp}`)).toEqual(['eE@1004', 'bB@1001', 'cC@1002']);
    });

    test('what is not there is an error', async () => {
      for (const attempt of [
        log.bounds('missing', 0), log.read('missing', 0, 0), log.seek('missing', 0, 0),
        log.append([{ topic: 'missing', partition: 0, block: blockOf(letters('a')) }]),
        log.commit(epoch(1, { outputs: [{ topic: 'missing', partition: 0, block: blockOf(letters('a')) }] })),
      ]) await expect(attempt).rejects.toMatchObject({ code: 'HR_TOPIC_MISSING', place: { topic: 'missing' } });
      for (const partition of [2, -1, 0.5]) {
        await expect(log.bounds('t', partition)).rejects.toMatchObject({ code: 'HR_ARGUMENT', place: { partition } });
        await expect(log.read('t', partition, 0)).rejects.toMatchObject({ code: 'HR_ARGUMENT' });
        await expect(log.append([{ topic: 't', partition, block: blockOf(letters('a')) }])).rejects.toMatchObject({ code: 'HR_ARGUMENT' });
      }
      for (const offset of [-1, 5]) await expect(log.read('t', 0, offset)).rejects.toMatchObject({ code: 'HR_OFFSET_GONE' });
      expect(await log.committed('p')).toBeUndefined();
    });

    test('an append or epoch that fails leaves nothing behind', async () => {
      await append('a');
      const outputs = [{ topic: 't', partition: 0, block: blockOf(letters('b')) }, { topic: 't', partition: 9, block: blockOf(letters('c')) }];
      await expect(log.append(outputs)).rejects.toMatchObject({ code: 'HR_ARGUMENT' });
      await expect(log.commit(epoch(1, { outputs, positions: [{ topic: 't', partition: 1, offset: 5 }] }))).rejects.toMatchObject({ code: 'HR_ARGUMENT' });
      expect(values(await readAll(log, 't', 0))).toBe('A');
      expect(await log.committed('p')).toBeUndefined();
      await log.commit(epoch(1, { outputs: outputs.slice(0, 1) }));
      expect(values(await readAll(log, 't', 0))).toBe('AB');
    });

    test('an epoch is committed as a whole, and another client sees it', async () => {
      await createInput();
      const other = await under.reader();
      expect(await other.committed('p')).toBeUndefined();
      await log.commit(epoch(1, {
        outputs: [{ topic: 't', partition: 0, block: blockOf(letters('ab')) }, { topic: 't', partition: 1, block: blockOf(letters('c')) }],
        positions: [{ topic: 't', partition: 1, offset: 3 }, { topic: 'in', partition: 10, offset: 2 ** 40 }, { topic: 'in', partition: 2, offset: 0 }],
        journal: [{ kind: 'idle', bounds: [{ topic: 'in', partition: 2, offset: 0 }] }],
      }));
      expect(values(await readAll(other, 't', 0)) + values(await readAll(other, 't', 1))).toBe('ABC');
      expect(await other.committed('p')).toEqual({
        epoch: 1,
        positions: [{ topic: 'in', partition: 2, offset: 0 }, { topic: 'in', partition: 10, offset: 2 ** 40 }, { topic: 't', partition: 1, offset: 3 }],
      });
      expect(await other.journal('p')).toEqual([{ kind: 'idle', bounds: [{ topic: 'in', partition: 2, offset: 0 }] }]);
      await other.close();
    });

    test('positions are kept until they are given again, and the journal grows in order', async () => {
      await createInput();
      await log.commit(epoch(1, { positions: [{ topic: 'in', partition: 0, offset: 5 }, { topic: 'in', partition: 1, offset: 6 }] }));
      for (let n = 2; n <= 12; n++) {
        await log.commit(epoch(n, {
          positions: [{ topic: 'in', partition: 0, offset: n * 10 }],
          journal: [{ kind: 'idle', bounds: [{ topic: 'in', partition: 0, offset: n }] }, { kind: 'end', bounds: [] }],
        }));
      }
      expect(await log.committed('p')).toEqual({ epoch: 12, positions: [{ topic: 'in', partition: 0, offset: 120 }, { topic: 'in', partition: 1, offset: 6 }] });
      const journal = await log.journal('p');
      expect(journal.filter((j) => j.kind === 'idle').map((j) => j.bounds[0]!.offset)).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
      expect(journal).toHaveLength(22);
    });

    test('an epoch that is already there is fenced, and pipelines do not fence each other', async () => {
      await log.commit(epoch(1));
      const outputs = [{ topic: 't', partition: 0, block: blockOf(letters('z')) }];
      for (const n of [0, 1, 3]) await expect(log.commit(epoch(n, { outputs }))).rejects.toMatchObject({ code: 'HR_EPOCH_FENCED', place: { pipeline: 'p' } });
      await log.commit(epoch(2));
      await log.commit({ ...epoch(1), pipeline: 'p/q' });
      expect(await log.committed('p')).toMatchObject({ epoch: 2 });
      expect(await log.committed('p/q')).toMatchObject({ epoch: 1 });
      expect(values(await readAll(log, 't', 0))).toBe('');
    });

    test('seek finds where records of a time may begin', async () => {
      // more than one block: each append is too large to be joined to the next
      for (const [i, time] of [1_000, 3_000, 2_000].entries()) {
        await log.append([{ topic: 't', partition: 0, block: blockOf(Array.from({ length: 5_000 }, (_, k) => ({ key: null, value: `${i}`, timestamp: time + (k % 10) }))) }]);
      }
      const { start, end } = await log.bounds('t', 0);
      expect(await log.seek('t', 0, 0)).toBe(start);
      for (const time of [1_005, 1_010, 2_500, 3_009, 3_010]) {
        const at = await log.seek('t', 0, time);
        const before = (await readAll(log, 't', 0)).filter((r) => r.offset < at);
        expect(before.every((r) => r.timestamp < time)).toBe(true);
      }
      // markers have times of their own, and seek may stop at one
      if (!contiguous) return;
      expect(await log.seek('t', 0, 3_010)).toBe(end);
      expect(await log.seek('t', 0, 1_010)).toBeGreaterThan(start);
    });
  });
}
