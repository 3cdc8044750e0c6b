import { expect, test } from 'vitest';
import { clickLines, clicksFile, headrace, startHeadrace, userCountsFile, workplace } from './headrace-process.js';

const jobFiles = { 'clicks.ts': clicksFile, 'user-counts.ts': userCountsFile(), 'in.jsonl': clickLines(1_000) };

interface Summary {
  readonly records: number;
  readonly outputs: number;
  readonly outputTopics: Readonly<Record<string, number>>;
}

test('a bounded run closes every window, says what it did, and has nothing left to do the second time', async () => {
  const cwd = workplace(jobFiles);
  await headrace(['import', 'clicks', 'in.jsonl', '--partitions', '2'], { cwd });
  const first = await headrace(['run', 'user-counts.ts', '--bounded', '--json'], { cwd });
  expect(first.stderr).toBe('');
  // ten users in each window of five minutes: 30 records a window, the last one is cut short
  expect(first.json()).toEqual([
    { pipeline: 'user-counts', records: 1_000, outputs: 340, epochs: expect.any(Number), late: 0, deadLetters: 0, skipped: 0, wallS: expect.any(Number), warehouseTables: {}, outputTopics: { 'user-counts': 340 }, deadLetterTopics: {} },
  ]);
  const rows = (await headrace(['topic', 'read', 'user-counts', '--json'], { cwd })).json() as { value: { n: number } }[];
  expect(rows.reduce((sum, { value }) => sum + value.n, 0)).toBe(1_000);
  const again = await headrace(['run', 'user-counts.ts', '--bounded', '--json'], { cwd });
  expect(again.json()).toMatchObject([{ records: 0, outputs: 0, epochs: 0 }]);
});

test('the banner shows what is in force on standard error, the summary is on standard output', async () => {
  const cwd = workplace(jobFiles);
  await headrace(['import', 'clicks', 'in.jsonl'], { cwd });
  const { code, stdout, stderr } = await headrace(['run', './user-counts.ts', '--bounded', '--commit-ms', '50'], { cwd });
  expect(code).toBe(0);
  expect(stderr.split('\n')).toEqual([
    'headrace run user-counts',
    '  data     ./.headrace',
    '  inputs   clicks (4 partitions, 1,000 records)',
    '  outputs  user-counts',
    '  tick     3s, commit every 50ms, 1 thread, bounded',
    '',
  ]);
  expect(stdout).toMatch(/^user-counts: 1,000 records in \S+ \(.+\/s\), \d+ epochs\n {2}340 records to topic user-counts\n$/);
});

test.each(['SIGINT', 'SIGTERM'] as const)('a live run says that it waits, and ends with 0 at %s', async (signal) => {
  const cwd = workplace(jobFiles);
  await headrace(['import', 'clicks', 'in.jsonl'], { cwd });
  const { child, finished, seen } = startHeadrace(['run', 'user-counts.ts', '--json'], { cwd });
  await seen('waits for more');
  child.kill(signal);
  const { code, stderr, json } = await finished;
  expect(code).toBe(0);
  expect(stderr).toContain('Stopping user-counts after this epoch');
  // the last window is open, since more records may come
  expect((json() as Summary[])[0]).toMatchObject({ records: 1_000, outputTopics: { 'user-counts': 330 } });
});

test('a live run sees what another process could not write while it holds the lock, once it has ended', async () => {
  const cwd = workplace(jobFiles);
  await headrace(['import', 'clicks', 'in.jsonl'], { cwd });
  const { child, finished, seen } = startHeadrace(['run', 'user-counts.ts'], { cwd });
  await seen('waits for more');
  expect((await headrace(['import', 'clicks', 'in.jsonl'], { cwd })).stderr).toContain('HR_STATE_LOCKED');
  // readers are not locked out
  expect((await headrace(['topic', 'read', 'user-counts', '--limit', '1', '--json'], { cwd })).json()).toHaveLength(1);
  child.kill('SIGINT');
  await finished;
  expect((await headrace(['import', 'clicks', 'in.jsonl'], { cwd })).code).toBe(0);
});

test('dead letters and late records are named at the end', async () => {
  const cwd = workplace({
    'clicks.ts': clicksFile,
    'in.jsonl': clickLines(100),
    'picky.ts': `
      import { pipeline, map, to, topic } from 'headrace';
      import { clicks } from './clicks.js';
      const out = topic('out', { value: { userId: 'string' } });
      export default pipeline('picky', ({ from }) => from(clicks).pipe(
        map((c) => { if (c.userId === 'u3') throw new Error('not u3'); return { userId: c.userId }; }, { id: 'no-u3' }), to(out)));`,
  });
  await headrace(['import', 'clicks', 'in.jsonl'], { cwd });
  const { code, stdout, stderr } = await headrace(['run', 'picky.ts', '--bounded'], { cwd });
  expect(code).toBe(0);
  expect(stderr.match(/HR_STEP/g)).toHaveLength(1);
  expect(stderr).toMatch(/at pipeline picky, step no-u3, topic clicks, partition \d, offset \d+/);
  expect(stdout).toContain('  90 records to topic out\n  10 dead letters: headrace topic read no-u3.dlq\n');
  const letters = (await headrace(['topic', 'read', 'no-u3.dlq', '--json'], { cwd })).json() as { headers: Record<string, string> }[];
  expect(letters).toHaveLength(10);
  expect(letters[0]!.headers).toMatchObject({ 'hr-code': 'HR_STEP', 'hr-step': 'no-u3', 'hr-topic': 'clicks' });
});
