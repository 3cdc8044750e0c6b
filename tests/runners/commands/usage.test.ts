import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { binary, headrace, workplace } from './headrace-process.js';

test('help names every command, and every command has help of its own', async () => {
  const cwd = workplace();
  const help = await headrace(['help'], { cwd });
  expect(help.code).toBe(0);
  for (const name of ['run', 'import', 'simulate', 'topic', 'topology', 'doctor']) {
    expect(help.stdout).toContain(`  ${name} `);
    const [own, flag] = await Promise.all([headrace(['help', name], { cwd }), headrace([name, '--help'], { cwd })]);
    expect(own.code).toBe(0);
    expect(own.stdout).toContain(`Usage: headrace ${name}`);
    expect(own.stdout).toContain('--data-dir DIR');
    expect(flag.stdout).toBe(own.stdout);
  }
});

test('the version is the one of the package, and the file can be started by itself', async () => {
  const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as { version: string };
  expect((await headrace(['--version'], { cwd: workplace() })).stdout).toBe(`${version}\n`);
  expect(readFileSync(binary, 'utf8').startsWith('#!/usr/bin/env node\n')).toBe(true);
});

test.each([
  [[], 'Usage: headrace COMMAND'],
  [['rnu', 'x'], 'There is no command "rnu". Did you mean run?'],
  [['help', 'topik'], 'Did you mean topic?'],
  [['--json', 'run'], 'The command comes first'],
  [['run'], 'Something is missing: headrace run PIPELINE'],
  [['run', 'a.ts', 'b.ts'], '"b.ts" is one word too many'],
  [['run', 'a.ts', '--boundde'], '`headrace run` has no option --boundde. Did you mean --bounded?'],
  [['run', 'a.ts', '-b'], 'has no option -b'],
  [['run', 'a.ts', '--bounded=yes'], '--bounded takes no value'],
  [['run', 'a.ts', '--bounded', '--bounded'], '--bounded is given twice'],
  [['run', 'a.ts', '--workers'], '--workers needs a value: --workers N'],
  [['run', 'a.ts', '--data-dir', '--bounded'], '--data-dir needs a value: --data-dir DIR'],
  [['run', 'a.ts', '--workers', '0'], '--workers is "0"; give a whole number from 1 to'],
  [['run', 'a.ts', '--commit-ms', '9'], '--commit-ms is "9"; give a whole number from 10 to 3600000'],
  [['run', 'a.ts', '--commit-ms', '1.5'], '--commit-ms is "1.5"; give a whole number'],
  [['simulate', '--users', '0'], '--users is "0"; give a whole number from 1 on'],
  [['simulate', '--rate', 'fast'], '--rate is "fast"; give a number over 0'],
  [['simulate', '--users', '99999999'], 'users is 99999999; give an integer from 1 to 10000000'],
  [['simulate', '--seed', 'x'], '--seed is "x"'],
  [['import', 'apache-log', 'x'], '"apache-log" is not a format; there are apache-logs, movielens, clicks. Did you mean apache-logs?'],
  [['topic', 'raed', 'x'], 'Did you mean read?'],
  [['topic', 'read'], 'The name of the topic is missing'],
  [['topic', 'list', '--limit', '3'], '`headrace topic list` has no option --limit'],
  [['topology', 'x.ts', '--format', 'svgg'], '--format is "svgg"; give mermaid or json or svg. Did you mean svg?'],
])('wrong usage: %j', async (words, message) => {
  const cwd = workplace();
  const { code, stdout, stderr } = await headrace(words, { cwd });
  expect(stderr).toContain(message);
  expect(code).toBe(2);
  expect(stdout).toBe('');
});

test('times are dates, ISO 8601 with a zone or milliseconds, and seconds are noticed', async () => {
  const cwd = workplace();
  expect((await headrace(['simulate', '--events', '20', '--rate', '1'], { cwd })).code).toBe(0);
  const start = Date.UTC(2026, 0, 5);
  for (const from of ['2026-01-05', '2026-01-05T00:00:00Z', '2026-01-05T01:00:00+01:00', String(start)]) {
    expect((await headrace(['topic', 'read', 'clicks', '--from', from, '--json'], { cwd })).json()).toHaveLength(20);
  }
  const seconds = await headrace(['topic', 'read', 'clicks', '--from', String(start / 1000)], { cwd });
  expect(seconds).toMatchObject({ code: 2, stdout: '' });
  expect(seconds.stderr).toContain(`looks like seconds; milliseconds are expected (${start}).`);
  expect((await headrace(['topic', 'read', 'clicks', '--to', '2026-01-05T00:00'], { cwd })).code).toBe(2);
});

test('under --json an error is one JSON line on standard error', async () => {
  const { code, stdout, stderr } = await headrace(['topic', 'list', '--json'], { cwd: workplace() });
  expect(code).toBe(1);
  expect(stdout).toBe('');
  expect(JSON.parse(stderr)).toEqual({ error: { code: 'HR_DATA_DIR', message: 'There is no data in ./.headrace yet.', place: {}, remedy: expect.stringContaining('--data-dir') } });
});

test('a stack is shown only when HEADRACE_DEBUG asks for it', async () => {
  const cwd = workplace();
  const stack = /^ +at .+:\d+:\d+\)?$/m;
  expect((await headrace(['topic', 'list'], { cwd })).stderr).not.toMatch(stack);
  expect((await headrace(['topic', 'list'], { cwd, env: { HEADRACE_DEBUG: '1' } })).stderr).toMatch(stack);
});
