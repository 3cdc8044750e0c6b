import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { openEmbedded, type EmbeddedRuntime } from '../../../connectors/embedded/embedded-runtime.js';
import type { EpochCommit } from '../../../dataflow/ports/log-client.js';
import { blockOf, logClientContract, readAll, type TestRecord } from '../../contracts/log-client-contract.js';
import { temporaryDirectory } from './temporary-directory.js';

logClientContract('the embedded log', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'headrace-'));
  const { log } = openEmbedded({ dataDir, mode: 'write' });
  return {
    log,
    reader: async () => openEmbedded({ dataDir, mode: 'read' }).log,
    dispose: async () => {
      await log.close();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
});

function runtime(dataDir = temporaryDirectory()): EmbeddedRuntime {
  const made = openEmbedded({ dataDir, mode: 'write' });
  onTestFinished(() => made.close());
  return made;
}

const some = (count: number, size: number, timestamp = 1): TestRecord[] => Array.from({ length: count }, (_, i) => ({ key: `k${i}`, value: 'v'.repeat(size), timestamp }));
const out = (records: readonly TestRecord[], partition = 0): EpochCommit['outputs'] => [{ topic: 't', partition, block: blockOf(records) }];

async function blockSizes({ log }: EmbeddedRuntime): Promise<number[]> {
  const sizes = [];
  const { start, end } = await log.bounds('t', 0);
  for (let at = start; at < end; at += sizes.at(-1)!) sizes.push((await log.read('t', 0, at))!.count);
  return sizes;
}

test('small appends share a block until it has 64 records or 16 kB', async () => {
  const r = runtime();
  await r.log.createTopic('t', { partitions: 1 });
  for (let i = 0; i < 130; i++) await r.log.append(out(some(1, 10)));
  expect(await blockSizes(r)).toEqual([64, 64, 2]);
  for (let i = 0; i < 4; i++) await r.log.append(out(some(1, 9_000)));
  expect(await blockSizes(r)).toEqual([64, 64, 4, 2]);
});

test('large appends are split at 8192 records or 256 kB, and one record of any size is a block', async () => {
  const r = runtime();
  await r.log.createTopic('t', { partitions: 1 });
  await r.log.append(out(some(20_000, 1)));
  expect(await blockSizes(r)).toEqual([8_192, 8_192, 3_616]);
  await r.log.append(out(some(3, 100_000)));
  expect((await blockSizes(r)).slice(3)).toEqual([2, 1]);
  await r.log.append(out(some(2, 20_000_000)));
  expect((await blockSizes(r)).slice(5)).toEqual([1, 1]);
  expect((await readAll(r.log, 't', 0, 20_003)).map((x) => x.value!.length)).toEqual([20_000_000, 20_000_000]);
});

test('whatever the sizes of the appends, records come back in order', async () => {
  const r = runtime();
  let topics = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(fc.tuple(fc.integer({ min: 0, max: 90 }), fc.integer({ min: 0, max: 9_000 })), { maxLength: 3 }), { maxLength: 8 }), async (appends) => {
      const topic = `t${topics++}`;
      await r.log.createTopic(topic, { partitions: 1 });
      let n = 0;
      const written: string[] = [];
      for (const blocks of appends) {
        await r.log.append(blocks.map(([count, size]) => ({
          topic, partition: 0,
          block: blockOf(Array.from({ length: count }, () => {
            const value = `${n++}`.padEnd(size, '.');
            written.push(value);
            return { key: null, value, timestamp: n, headers: n % 7 === 0 ? [{ key: 'n', value: `${n}` }] : undefined };
          })),
        })));
      }
      const back = await readAll(r.log, topic, 0);
      expect(back.map((x) => x.value)).toEqual(written);
      expect(back.every((x, i) => x.offset === i && (x.headers?.[0]?.value ?? `${i + 1}`) === `${i + 1}`)).toBe(true);
    }),
    { numRuns: 30 },
  );
});

test('retention deletes whole blocks that are older than the newest record allows', async () => {
  const r = runtime();
  await r.log.createTopic('t', { partitions: 1, retentionMs: 100 });
  for (const time of [1_000, 1_050, 1_100]) await r.log.append(out(some(100, 10, time)));
  expect(await r.log.bounds('t', 0)).toEqual({ start: 0, end: 300 });
  await r.log.append(out(some(100, 10, 1_151)));
  expect(await r.log.bounds('t', 0)).toEqual({ start: 200, end: 400 });
  await expect(r.log.read('t', 0, 199)).rejects.toMatchObject({ code: 'HR_OFFSET_GONE', place: { topic: 't', partition: 0, offset: 199 } });
  expect(await readAll(r.log, 't', 0)).toHaveLength(200);
  expect(await r.log.seek('t', 0, 0)).toBe(200);
  // a late record does not bring the horizon back, and what is late already stays with its block
  await r.log.append(out(some(100, 10, 10)));
  expect(await r.log.bounds('t', 0)).toEqual({ start: 200, end: 500 });
  await r.log.append(out(some(1, 10, 9_999)));
  expect(await r.log.bounds('t', 0)).toEqual({ start: 500, end: 501 });
});

test('a topic that is deleted is gone, and one of the same name is new', async () => {
  const r = runtime();
  await r.log.createTopic('t', { partitions: 2 });
  await r.log.createTopic('u', { partitions: 1 });
  await r.log.append([...out(some(10_000, 10)), ...out(some(3, 10), 1), { topic: 'u', partition: 0, block: blockOf(some(2, 1)) }]);
  await r.log.deleteTopic('t');
  expect(await r.log.topicNames()).toEqual(['u']);
  await expect(r.log.bounds('t', 0)).rejects.toMatchObject({ code: 'HR_TOPIC_MISSING' });
  await expect(r.log.deleteTopic('t')).rejects.toMatchObject({ code: 'HR_TOPIC_MISSING' });
  await r.log.createTopic('t', { partitions: 1 });
  expect(await r.log.bounds('t', 0)).toEqual({ start: 0, end: 0 });
  expect(await readAll(r.log, 'u', 0)).toHaveLength(2);
});

test('everything is there after closing and opening again', async () => {
  const dataDir = temporaryDirectory();
  const first = openEmbedded({ dataDir, mode: 'write' });
  await first.log.createTopic('t', { partitions: 1, retentionMs: 5_000 });
  await first.log.commit({ pipeline: 'p', epoch: 1, outputs: out(some(3, 5)), state: [{ step: 's', key: Buffer.from('k'), value: Buffer.from('v') }], positions: [{ topic: 'i', partition: 0, offset: 9 }], journal: [] });
  await first.close();
  await first.close();
  const second = runtime(dataDir);
  expect(await second.log.topics()).toEqual([{ name: 't', partitions: 1, retentionMs: 5_000 }]);
  expect(await readAll(second.log, 't', 0)).toHaveLength(3);
  expect(await second.log.committed('p')).toEqual({ epoch: 1, positions: [{ topic: 'i', partition: 0, offset: 9 }] });
  expect(Buffer.from(second.state.get('p', 's', Buffer.from('k'))!).toString()).toBe('v');
});

test('a disk that is full loses nothing, and the same commit succeeds once there is space', async (context) => {
  const dataDir = temporaryDirectory();
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', dataDir], { stdio: 'ignore' });
  } catch {
    return context.skip('mounting is not permitted here');
  }
  onTestFinished(() => void execFileSync('umount', [dataDir]));
  const ballast = join(dataDir, 'ballast');
  writeFileSync(ballast, Buffer.alloc(4_000_000));
  const r = openEmbedded({ dataDir, mode: 'write' });
  try {
    await r.log.createTopic('t', { partitions: 1 });
    const epoch = (n: number): EpochCommit => ({
      pipeline: 'p', epoch: n, outputs: out(some(1_000, 300)), journal: [], positions: [{ topic: 'i', partition: 0, offset: n }],
      // a step of its own each time: its number must not outlive a commit that failed
      state: [{ step: `s${n}`, key: Buffer.from('k'), value: Buffer.from(String(n)) }],
    });
    let n = 1;
    let failure: unknown;
    for (; failure === undefined && n < 100; n++) failure = await r.log.commit(epoch(n)).then(() => undefined, (e: unknown) => e);
    n--;
    expect(failure).toMatchObject({ code: 'HR_DISK_FULL' });
    for (let again = 0; again < 3; again++) {
      await expect(r.log.commit(epoch(n))).rejects.toMatchObject({ code: 'HR_DISK_FULL' });
      expect(await r.log.committed('p')).toEqual({ epoch: n - 1, positions: [{ topic: 'i', partition: 0, offset: n - 1 }] });
      expect((await r.log.bounds('t', 0)).end).toBe((n - 1) * 1_000);
      expect(r.state.get('p', `s${n}`, Buffer.from('k'))).toBeUndefined();
    }
    rmSync(ballast);
    await r.log.commit(epoch(n));
    await r.log.commit(epoch(n + 1));
    expect(await r.log.committed('p')).toMatchObject({ epoch: n + 1 });
    expect(await readAll(r.log, 't', 0)).toHaveLength((n + 1) * 1_000);
    for (let k = 1; k <= n + 1; k++) expect(Buffer.from(r.state.get('p', `s${k}`, Buffer.from('k'))!).toString()).toBe(String(k));
  } finally {
    await r.close();
  }
});
