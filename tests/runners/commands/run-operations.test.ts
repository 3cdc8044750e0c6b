/*
 * What an operator sees of a run: metrics, health, logs, and how it stops.
 */
import { expect, test } from 'vitest';
import { metricTable } from '../../../dataflow/metrics.js';
import { clickLines, clicksFile, headrace, startHeadrace, userCountsFile, workplace } from './headrace-process.js';

const jobFiles = { 'clicks.ts': clicksFile, 'user-counts.ts': userCountsFile(), 'in.jsonl': clickLines(1_000) };

const logLines = (stderr: string) => stderr.split('\n').filter(Boolean).map((line) => JSON.parse(line) as { level: string; msg: string; time: string; pipeline: string; url?: string; code?: string });

async function startServed(env: Readonly<Record<string, string>> = {}, words: readonly string[] = []) {
  const cwd = workplace(jobFiles);
  await headrace(['import', 'clicks', 'in.jsonl', '--partitions', '2'], { cwd });
  const run = startHeadrace(['run', 'user-counts.ts', '--http', '0', ...words], { cwd, env: { HEADRACE_LOG: 'json', ...env } });
  await run.seen('waits for more');
  const url = /http:\/\/[\d.:]+/.exec(run.stderr())![0];
  return { ...run, cwd, url };
}

test('a run serves metrics and health, logs JSON lines, and ends with 0 at SIGTERM', async () => {
  const { child, finished, url } = await startServed();
  expect(await (await fetch(`${url}/healthz`)).json()).toEqual({ status: 'ok', pipeline: 'user-counts' });
  const ready = await fetch(`${url}/readyz`);
  expect([ready.status, await ready.json()]).toEqual([200, { status: 'ready', pipeline: 'user-counts', connected: true, assigned: ['clicks/0', 'clicks/1'], restored: true }]);
  expect((await fetch(`${url}/other`)).status).toBe(404);

  const answer = await fetch(`${url}/metrics`);
  expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  const metrics = await answer.text();
  const value = (series: string) => Number(new RegExp(`^${series.replace(/[{}]/g, '\\$&')} (.+)$`, 'm').exec(metrics)?.[1]);
  expect(value('headrace_records_in_total{pipeline="user-counts",step="clicks"}')).toBe(1_000);
  expect(value('headrace_records_out_total{pipeline="user-counts",topic="user-counts"}')).toBe(330);
  expect(value('headrace_input_lag_records{pipeline="user-counts",topic="clicks",partition="1"}')).toBe(0);
  expect(value('headrace_assigned_partitions{pipeline="user-counts"}')).toBe(2);
  expect(value('headrace_ready{pipeline="user-counts"}')).toBe(1);
  expect(value('headrace_epoch{pipeline="user-counts"}')).toBeGreaterThan(0);
  expect(value('headrace_watermark_delay_ms{pipeline="user-counts"}')).toBeGreaterThanOrEqual(30_000);
  // as the table has it: every series has a type, and each name is of the table or of the process
  for (const [, name] of metrics.matchAll(/^(\w+)(?:\{| )/gm)) expect(Object.hasOwn(metricTable, name!) || name!.startsWith('process_')).toBe(true);

  child.kill('SIGTERM');
  const { code, stderr, ms } = await finished;
  expect(code).toBe(0);
  expect(ms).toBeLessThan(60_000);
  const lines = logLines(stderr);
  expect(lines.map((line) => line.msg)).toEqual(expect.arrayContaining(['started', expect.stringContaining('Metrics and health'), expect.stringContaining('waits for more'), expect.stringContaining('Stopping user-counts')]));
  expect(lines.every((line) => line.level === 'info' && !Number.isNaN(Date.parse(line.time)))).toBe(true);
});

test('with a token /metrics asks for it, health does not, and neither log nor answers show it', async () => {
  const token = 'the-token-of-this-test';
  const { child, finished, url } = await startServed({ HEADRACE_TOKEN: token });
  expect((await fetch(`${url}/readyz`)).status).toBe(200);
  const refused = await fetch(`${url}/metrics`);
  expect([refused.status, await refused.json()]).toMatchObject([401, { code: 'HR_TOKEN' }]);
  expect((await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${token}` } })).status).toBe(200);
  child.kill('SIGTERM');
  expect((await finished).stderr).not.toContain(token);
});

test.each([
  [['--http', 'nonsense'], 'give a port, or HOST:PORT'],
  [['--http', '70000'], 'give a port, or HOST:PORT'],
  [['--http', '0.0.0.0:0'], 'set HEADRACE_TOKEN'],
  [['--log', 'xml'], 'give text or json'],
])('run %j is refused', async (words, message) => {
  const ended = await headrace(['run', 'click-features', ...words], { cwd: workplace(), env: { HEADRACE_LOG: '' } });
  expect(ended.code).toBe(2);
  expect(ended.stderr).toContain(message);
});

test('without a terminal the log is JSON, an error that ends the run too; --log text is for people', async () => {
  const cwd = workplace(jobFiles);
  const failed = await headrace(['run', 'user-counts.ts'], { cwd, env: { HEADRACE_LOG: '' } });
  expect(failed.code).toBe(1);
  expect(logLines(failed.stderr).at(-1)).toMatchObject({ level: 'error', code: 'HR_TOPIC_MISSING', pipeline: 'user-counts.ts' });
  const shown = await headrace(['run', 'user-counts.ts', '--log', 'text'], { cwd, env: { HEADRACE_LOG: 'json' } });
  expect(shown.stderr).toContain('HR_TOPIC_MISSING  Topic "clicks"');
});

test('no secret is printed, in whatever message it stands', async () => {
  const [password, token] = ['pa"ss wörd/1', 'tok-en-tok'];
  const cwd = workplace({
    'leaky.ts': `
      throw new Error('login with ' + process.env.KAFKA_SASL_PASSWORD + ' at redis://u:' + encodeURIComponent(process.env.KAFKA_SASL_PASSWORD) + '@h and ' + process.env.HEADRACE_TOKEN + ' and r-e-d-i-s');`,
  });
  const env = { KAFKA_SASL_PASSWORD: password, HEADRACE_TOKEN: token, REDIS_URL: 'redis://u:r-e-d-i-s@localhost:1', HEADRACE_DEBUG: '1' };
  for (const log of ['text', 'json']) {
    const { code, stderr } = await headrace(['run', 'leaky.ts', '--log', log], { cwd, env });
    expect(code).toBe(1);
    expect(stderr).toContain('login with *** at redis://u:***@h and *** and ***');
    for (const secret of [password, JSON.stringify(password).slice(1, -1), token, 'r-e-d-i-s', encodeURIComponent(password)]) expect(stderr).not.toContain(secret);
  }
});

test('a run that has nothing to do is ready as well', async () => {
  const { child, finished, cwd } = await startServed();
  child.kill('SIGTERM');
  await finished;
  const again = startHeadrace(['run', 'user-counts.ts', '--http', '0'], { cwd, env: { HEADRACE_LOG: 'json' } });
  await again.seen('waits for more');
  const ready = await fetch(`${/http:\/\/[\d.:]+/.exec(again.stderr())![0]}/readyz`);
  expect([ready.status, await ready.json()]).toMatchObject([200, { assigned: ['clicks/0', 'clicks/1'], restored: true }]);
  again.child.kill('SIGTERM');
  expect((await again.finished).code).toBe(0);
});
