/*
 * The mistakes that newcomers make first, in the embedded world. Each gets one message within a second: with a code, the step, the
 * place where there is one, and the way out.
 */
import { cpSync, watch } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { clickLines, clicksFile, type Finished, headrace, startHeadrace, userCountsFile, workplace } from './commands/headrace-process.js';

const job = { 'clicks.ts': clicksFile, 'user-counts.ts': userCountsFile() };

interface Letter {
  readonly topic: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly value: { readonly base64: string };
}

/** A user's folder in which 100 good clicks are imported. */
async function imported(files: Readonly<Record<string, string>>): Promise<string> {
  const cwd = workplace({ ...job, ...files, 'in.jsonl': clickLines(100) });
  expect((await headrace(['import', 'clicks', 'in.jsonl'], { cwd })).code).toBe(0);
  return cwd;
}

/** Runs a command that has to say exactly one coded thing, and soon. */
async function saysOnce(words: readonly string[], options: Parameters<typeof headrace>[1], expected: { readonly code: number; readonly says: readonly (string | RegExp)[] }): Promise<Finished> {
  const done = await headrace(words, options);
  for (const text of expected.says) {
    if (typeof text === 'string') expect(done.stderr).toContain(text);
    else expect(done.stderr).toMatch(text);
  }
  expect(done.stderr.match(/^HR_[A-Z_]+ {2}/gm)).toHaveLength(1);
  expect(done.stderr).not.toMatch(/^ +at .+:\d+:\d+\)?$/m);
  expect(done.code).toBe(expected.code);
  // a second on a free machine; where others work on it too, the best of a few tries and twice that (what fails changes nothing)
  let { ms } = done;
  for (let again = 0; again < 3 && ms >= 1_000 && expected.code !== 0; again++) ms = Math.min(ms, (await headrace(words, options)).ms);
  if (expected.code !== 0) expect(ms).toBeLessThan(2_000);
  return done;
}

const letters = async (cwd: string, topic: string) => (await headrace(['topic', 'read', topic, '--json'], { cwd })).json() as Letter[];

test('a wrong topic name', async () => {
  const cwd = await imported({ 'clicks.ts': clicksFile.replace("'clicks'", "'clickz'") });
  await saysOnce(['run', 'user-counts.ts', '--bounded'], { cwd }, {
    code: 1,
    says: ['HR_TOPIC_MISSING  Topic "clickz" does not exist; there are clicks.', 'at pipeline user-counts, step clickz, topic clickz', 'headrace topic list'],
  });
  expect((await headrace(['topic', 'list', '--json'], { cwd })).json()).toMatchObject([{ topic: 'clicks' }]);
});

test('nothing imported yet', async () => {
  const cwd = workplace(job);
  await saysOnce(['run', 'user-counts.ts', '--bounded'], { cwd }, { code: 1, says: ['HR_TOPIC_MISSING', 'there are no topics yet', 'step clicks, topic clicks', 'Import or simulate records first'] });
});

test.each([
  ['a bad JSON line', '{"userId":"u1", oops', 'not JSON'],
  ['a line without a timestamp', '{"userId":"u1","itemId":"i1","eventType":"CLICK"}', 'timestamp is missing'],
  ['a line with seconds for milliseconds', '{"userId":"u1","itemId":"i1","eventType":"CLICK","timestamp":1767571200}', 'looks like seconds, milliseconds are expected'],
])('%s', async (_, bad, reason) => {
  const lines = clickLines(10).split('\n');
  lines[4] = bad;
  const cwd = workplace({ 'in.jsonl': lines.join('\n') });
  const { stdout } = await saysOnce(['import', 'clicks', 'in.jsonl'], { cwd }, {
    code: 0,
    says: [/HR_INPUT_LINE {2}Line 5 of in\.jsonl is no event: /, reason, 'at step import, topic clicks.dlq, partition 0, offset 0', 'mend and import it again'],
  });
  expect(stdout).toContain('10 lines in, 9 events to the topic clicks (4 partitions), 1 refused');
  const [letter] = await letters(cwd, 'clicks.dlq');
  expect(Buffer.from(letter!.value.base64, 'base64').toString()).toBe(bad);
});

/** Two jobs: `spoil` writes the records of clicks with another time, `read` reads them by it. */
const withTimes = (type: string, time: string) => ({
  'spoil.ts': `
    import { pipeline, topic, map, to } from 'headrace';
    import { clicks } from './clicks.js';
    export const spoilt = topic('spoilt', { key: 'userId', time: 'at', value: { userId: 'string', at: '${type}' } });
    const plain = topic('spoilt', { key: 'userId', value: { userId: 'string', at: '${type}' } });
    export default pipeline('spoil', ({ from }) => from(clicks).pipe(map((c) => ({ userId: c.userId, at: ${time} })), to(plain)));`,
  'read.ts': `
    import { pipeline, topic, to } from 'headrace';
    import { spoilt } from './spoil.js';
    export default pipeline('read', ({ from }) => from(spoilt, { id: 'read-spoilt' }).pipe(to(topic('out', { value: { userId: 'string' } }))));`,
});

test.each([
  ['records without a timestamp', 'timestamp?', "c.userId === 'u3' ? null : c.timestamp", 10, 'it is missing'],
  ['records with seconds for milliseconds', 'timestamp', 'Math.floor(c.timestamp / 1000)', 100, /1767571\d{3} looks like seconds; milliseconds are expected/],
])('%s', async (_, type, time, bad, reason) => {
  const cwd = await imported(withTimes(type, time));
  expect((await headrace(['run', 'spoil.ts', '--bounded'], { cwd })).code).toBe(0);
  const { stdout } = await saysOnce(['run', 'read.ts', '--bounded'], { cwd }, {
    code: 0,
    says: ['HR_EVENT_TIME  The event time cannot be used: ', reason, /at pipeline read, step read-spoilt, topic spoilt, partition \d, offset \d+/, 'check the unit and the time column', 'topic read-spoilt.dlq'],
  });
  expect(stdout).toContain(`${bad} dead letters: headrace topic read read-spoilt.dlq`);
  expect(await letters(cwd, 'read-spoilt.dlq')).toHaveLength(bad);
});

test('a duplicate step id', async () => {
  const cwd = await imported({ 'user-counts.ts': userCountsFile().replace('to(userCounts)', "window('counts', { every: '1h' }, { n: count() }), to(userCounts)") });
  await saysOnce(['run', 'user-counts.ts', '--bounded'], { cwd }, {
    code: 1,
    says: ['HR_DUPLICATE_STEP  Two steps have the id "counts"; the second one is a window.', 'user-counts.ts', 'at pipeline user-counts, step counts', 'Give one of them another id'],
  });
});

test.each([
  ['a window of nothing', "{ every: '0m' }", 'HR_WINDOW', 'every is 0m: it must be longer than nothing.'],
  ['a window of minus five minutes', "{ every: '-5m' }", 'HR_WINDOW', 'every is -5m: it must be longer than nothing.'],
  ['a window whose hop does not divide it', "{ size: '1h', every: '7m' }", 'HR_WINDOW', 'the size must be a multiple of every'],
  ['a window in an unknown unit', "{ every: '5min' as '5m' }", 'HR_DURATION', 'every is "5min", which is not a duration'],
])('%s', async (_, window, code, message) => {
  const cwd = await imported({ 'user-counts.ts': userCountsFile(window) });
  await saysOnce(['run', 'user-counts.ts', '--bounded'], { cwd }, { code: 1, says: [`${code}  window "counts"`, message, '(user-counts.ts:9)'] });
  expect((await headrace(['topic', 'list', '--json'], { cwd })).json()).toHaveLength(1);
});

test('a data directory that cannot be used', async () => {
  const cwd = await imported({ 'a-file': '' });
  for (const dataDir of ['a-file', 'a-file/below', '/proc/headrace']) {
    await saysOnce(['run', 'user-counts.ts', '--bounded', '--data-dir', dataDir], { cwd }, { code: 1, says: ['HR_DATA_DIR  ', dataDir, 'Give another one with --data-dir, or mend its permissions.'] });
  }
});

test('a second process on the same directory', async () => {
  const cwd = await imported({});
  const { child, seen } = startHeadrace(['run', 'user-counts.ts'], { cwd });
  await seen('waits for more');
  await saysOnce(['run', 'user-counts.ts', '--bounded'], { cwd }, {
    code: 1,
    says: [new RegExp(`HR_STATE_LOCKED {2}Another process is using \\./\\.headrace \\(pid ${child.pid}, started \\d\\d:\\d\\d, pipeline user-counts\\)\\.`), 'Stop it, or give this one its own directory with --data-dir.'],
  });
});

test('records of another schema than the topic declares', async () => {
  const cwd = await imported({ 'clicks.ts': clicksFile.replace("{ name: 'itemId', type: 'string' }", "{ name: 'itemId', type: 'long' }").replace('itemId: string', 'itemId: number') });
  await saysOnce(['run', 'user-counts.ts', '--bounded'], { cwd }, {
    code: 1,
    says: ['HR_SCHEMA_MISMATCH  Records of topic clicks have schema 1, which does not fit: ', 'itemId', /at pipeline user-counts, step clicks, topic clicks, partition \d, offset 0/],
  });
});

test('records that are no Avro at all', async () => {
  const cwd = await imported({
    'bad.jsonl': 'nonsense\n{"also": "nonsense"}\n',
    'raw.ts': `
      import { pipeline, topic, to } from 'headrace';
      const raw = topic('clicks.dlq', { value: { a: 'string' } });
      export default pipeline('raw', ({ from }) => from(raw, { id: 'raw-in' }).pipe(to(topic('out', { value: { a: 'string' } }))));`,
  });
  await headrace(['import', 'clicks', 'bad.jsonl'], { cwd });
  const { stdout } = await saysOnce(['run', 'raw.ts', '--bounded'], { cwd }, {
    code: 0,
    says: ['HR_DECODE  The value does not start with a schema id', 'at pipeline raw, step raw-in, topic clicks.dlq, partition 0, offset 0', 'topic raw-in.dlq'],
  });
  expect(stdout).toContain('2 dead letters');
  expect((await letters(cwd, 'raw-in.dlq')).map((l) => [l.headers['hr-offset'], Buffer.from(l.value.base64, 'base64').toString()])).toEqual([['0', 'nonsense'], ['1', '{"also": "nonsense"}']]);
});

test('an option with a typo', async () => {
  const cwd = await imported({});
  await saysOnce(['run', 'user-counts.ts', '--bouded'], { cwd }, { code: 2, says: ['HR_USAGE  `headrace run` has no option --bouded. Did you mean --bounded?', 'See `headrace help run`.'] });
});

test('kill -9 and a restart: no duplicates, nothing lost, no window left open', async () => {
  const files = { ...job, 'in.jsonl': clickLines(30_000) };
  const calm = workplace(files);
  await headrace(['import', 'clicks', 'in.jsonl'], { cwd: calm });
  const struck = workplace(files);
  cpSync(join(calm, '.headrace'), join(struck, '.headrace'), { recursive: true });
  const words = ['run', 'user-counts.ts', '--bounded', '--commit-ms', '1', '--json'];
  expect((await headrace(words, { cwd: calm })).code).toBe(0);

  let kills = 0;
  for (const writes of [3, 8, 15]) {
    const { child, finished } = startHeadrace(words, { cwd: struck });
    let seen = 0;
    const watcher = watch(join(struck, '.headrace/data.mdb'), () => {
      if (++seen === writes) child.kill('SIGKILL');
    });
    if ((await finished).signal === 'SIGKILL') kills++;
    watcher.close();
  }
  expect(kills).toBeGreaterThan(0);
  const last = await headrace(words, { cwd: struck });
  expect(last).toMatchObject({ code: 0, stderr: '' });
  const [expected, found] = await Promise.all([calm, struck].map((cwd) => headrace(['topic', 'read', 'user-counts', '--json'], { cwd })));
  expect(found!.stdout).toBe(expected!.stdout);
  const rows = found!.json() as { value: { n: number } }[];
  expect(rows.reduce((sum, { value }) => sum + value.n, 0)).toBe(30_000);
});
