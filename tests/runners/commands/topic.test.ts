import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openEmbedded } from '../../../connectors/embedded/embedded-runtime.js';
import { BlockWriter } from '../../../dataflow/record-block.js';
import { binary, clickLines, clicksFile, headrace, workplace } from './headrace-process.js';

test('records are read by time, number and partition, in the order of their times', async () => {
  const cwd = workplace();
  await headrace(['import', 'clicks', '-'], { cwd, stdin: clickLines(100) });
  const start = Date.UTC(2026, 0, 5);
  const read = async (...words: string[]) => (await headrace(['topic', 'read', 'clicks', '--json', ...words], { cwd })).json() as { timestamp: number; partition: number }[];
  const all = await read();
  expect(all.map((r) => r.timestamp)).toEqual(Array.from({ length: 100 }, (_, i) => start + i * 10_000));
  expect((await read('--from', String(start + 200_000), '--to', String(start + 300_000))).map((r) => r.timestamp)).toEqual(all.map((r) => r.timestamp).slice(20, 30));
  expect(await read('--limit', '7')).toEqual(all.slice(0, 7));
  expect(await read('--limit', '0')).toEqual([]);
  expect(await read('--partition', '2')).toEqual(all.filter((r) => r.partition === 2));
  const outside = await headrace(['topic', 'read', 'clicks', '--partition', '4'], { cwd });
  expect(outside.stderr).toContain('--partition is "4"; give a whole number from 0 to 3.');
});

test('values that cannot be decoded are shown as they are, tombstones as null', async () => {
  const cwd = workplace();
  const { log, registry, close } = openEmbedded({ dataDir: join(cwd, '.headrace'), mode: 'write' });
  const id = await registry.register('mixed-value', JSON.stringify({ type: 'record', name: 'R', fields: [{ name: 'blob', type: 'bytes' }] }));
  const writer = new BlockWriter();
  const header = [{ key: 'h', value: Buffer.from('1') }, { key: 'b', value: Buffer.from([255]) }];
  writer.append(Buffer.from('k'), Buffer.from([0, 0, 0, 0, id, 4, 9, 8]), 1, header);
  writer.append(null, null, 2);
  writer.append(Buffer.from([255, 254]), Buffer.from('plain\ttext'), 3);
  writer.append(Buffer.from('k'), Buffer.from([0, 0, 0, 0, 99, 1]), 4);
  writer.append(Buffer.from('k'), Buffer.from([0, 0, 0, 0, id, 40]), 5);
  await log.createTopic('mixed', { partitions: 1 });
  await log.append([{ topic: 'mixed', partition: 0, block: writer.take() }]);
  await close();
  const base64 = (...bytes: number[]) => ({ base64: Buffer.from(bytes).toString('base64') });
  expect((await headrace(['topic', 'read', 'mixed', '--json'], { cwd })).json()).toEqual([
    { topic: 'mixed', partition: 0, offset: 0, timestamp: 1, key: 'k', headers: { h: '1', b: base64(255) }, value: { blob: base64(9, 8) } },
    { topic: 'mixed', partition: 0, offset: 1, timestamp: 2, key: null, headers: {}, value: null },
    { topic: 'mixed', partition: 0, offset: 2, timestamp: 3, key: base64(255, 254), headers: {}, value: { base64: Buffer.from('plain\ttext').toString('base64') } },
    { topic: 'mixed', partition: 0, offset: 3, timestamp: 4, key: 'k', headers: {}, value: base64(0, 0, 0, 0, 99, 1) },
    { topic: 'mixed', partition: 0, offset: 4, timestamp: 5, key: 'k', headers: {}, value: base64(0, 0, 0, 0, id, 40) },
  ]);
  expect((await headrace(['topic', 'read', 'mixed', '--limit', '2'], { cwd })).stdout).toBe(
    '1970-01-01T00:00:00.001Z  mixed/0@0  k  {"blob":{"base64":"CQg="}}  h=1 b={"base64":"/w=="}\n1970-01-01T00:00:00.002Z  mixed/0@1  -  null\n',
  );
});

test('the list, for people and for programs', async () => {
  const cwd = workplace();
  await headrace(['import', 'clicks', '-', '--partitions', '2'], { cwd, stdin: `${clickLines(3)}bad\n` });
  expect((await headrace(['topic', 'list'], { cwd })).stdout).toMatch(/^topic +partitions +records +kept\n.+\nclicks +2 +3 +forever\nclicks\.dlq +2 +1 +forever\n$/);
  const listed = (await headrace(['topic', 'list', '--json'], { cwd })).json() as { topic: string; records: number; bounds: { end: number }[] }[];
  expect(listed.map((t) => [t.topic, t.records, t.bounds.length])).toEqual([['clicks', 3, 2], ['clicks.dlq', 1, 2]]);
});

test('a topic that is not there', async () => {
  const cwd = workplace();
  await headrace(['import', 'clicks', '-'], { cwd, stdin: clickLines(3) });
  const { code, stdout, stderr } = await headrace(['topic', 'read', 'clicsk'], { cwd });
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toContain('HR_TOPIC_MISSING  There is no topic "clicsk" in ./.headrace. Did you mean clicks?');
});

test('a reader that goes early is no error', async () => {
  const cwd = workplace();
  await headrace(['simulate', '--events', '20000'], { cwd });
  for (const words of [['--json'], []]) {
    const child = spawn(process.execPath, [binary, 'topic', 'read', 'clicks', ...words], { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.stdout.once('data', () => child.stdout.destroy());
    const [code] = (await once(child, 'close')) as [number | null];
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  }
});

test('dead letters go back after the mending, each once, and what stays is told with why', async () => {
  const job = (from: string) => `
    import { pipeline, map, to, topic } from 'headrace';
    import { clicks } from './clicks.js';
    const out = topic('out', { value: { userId: 'string' } });
    export default pipeline('picky', ({ from }) => from(clicks).pipe(
      map((c) => { if (c.userId === '${from}') throw new Error('not this one'); return { userId: c.userId }; }, { id: 'picky' }), to(out)));`;
  const cwd = workplace({ 'clicks.ts': clicksFile, 'picky.ts': job('u3'), 'mended.ts': job('nobody') });
  await headrace(['import', 'clicks', '-'], { cwd, stdin: `${clickLines(100)}bad\n` });
  await headrace(['run', 'picky.ts', '--bounded'], { cwd });
  expect((await headrace(['topic', 'redrive', 'picky.dlq', '--limit', '4', '--json'], { cwd })).json()).toEqual([{ topic: 'picky.dlq', sent: { clicks: 4 }, kept: {} }]);
  expect((await headrace(['topic', 'redrive', 'picky.dlq'], { cwd })).stdout).toBe('6 records sent back to topic clicks\n');
  expect((await headrace(['topic', 'redrive', 'picky.dlq'], { cwd })).stdout).toBe('No letter of picky.dlq that has not been sent back.\n');
  await headrace(['run', 'mended.ts', '--bounded'], { cwd });
  const users = ((await headrace(['topic', 'read', 'out', '--json'], { cwd })).json() as { value: { userId: string } }[]).map(({ value }) => value.userId);
  expect(users.filter((u) => u === 'u3')).toHaveLength(10);
  expect(users).toHaveLength(100);
  // a line that was no record has no topic to go back to
  expect((await headrace(['topic', 'redrive', 'clicks.dlq'], { cwd })).stdout).toBe('1 letter stays: there is no topic - with a partition 0\n');
  expect((await headrace(['topic', 'redrive', 'pickyy.dlq'], { cwd })).stderr).toContain('HR_TOPIC_MISSING');
  expect((await headrace(['topic', 'redrive', 'picky.dlq', '--from', '1'], { cwd })).stderr).toContain('has no option --from');
});
