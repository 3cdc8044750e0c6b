import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { hasRegistryClient } from '../../connectors/registry/has-registry-client.js';
import { clickLines, clicksFile, headrace, startHeadrace, userCountsFile, workplace } from './headrace-process.js';

interface Finding {
  readonly check: string;
  readonly status: string;
  readonly detail: string;
  readonly remedy?: string;
}

test('a machine without data is fine, and nothing is made', async () => {
  const cwd = workplace();
  const { code, json } = await headrace(['doctor', '--json'], { cwd });
  expect(code).toBe(0);
  const findings = json() as Finding[];
  expect(findings.map((f) => `${f.status} ${f.check}`)).toEqual(['ok node', 'ok lmdb', 'ok data directory', expect.stringMatching(/^(ok|warn) disk space$/), 'ok topics']);
  expect(findings[2]!.detail).toBe('./.headrace is not there yet and can be made');
  expect((await headrace(['topic', 'list'], { cwd })).stderr).toContain('There is no data');
});

test('topics, dead letters, who writes, and how far a pipeline is behind', async () => {
  const cwd = workplace({ 'clicks.ts': clicksFile, 'user-counts.ts': userCountsFile() });
  await headrace(['import', 'clicks', '-'], { cwd, stdin: clickLines(100) });
  await headrace(['run', 'user-counts.ts', '--bounded'], { cwd });
  await headrace(['import', 'clicks', '-'], { cwd, stdin: `${clickLines(30)}bad\n` });
  const behind = (await headrace(['doctor', '--json'], { cwd })).json() as Finding[];
  expect(behind).toContainEqual({ check: 'topic clicks', status: 'ok', detail: '130 records in 4 partitions' });
  expect(behind).toContainEqual({ check: 'topic clicks.dlq', status: 'warn', detail: '1 records in 4 partitions', remedy: 'Look why: headrace topic read clicks.dlq --limit 10' });
  expect(behind).toContainEqual({ check: 'lock', status: 'ok', detail: 'nobody writes' });
  expect(behind.find((f) => f.check === 'pipeline user-counts')?.detail).toMatch(/^epoch \d+, 30 records behind \(clicks\/0@/);

  const { child, finished, seen } = startHeadrace(['run', 'user-counts.ts'], { cwd });
  await seen('waits for more');
  const during = await headrace(['doctor'], { cwd });
  expect(during.code).toBe(0);
  expect(during.stdout).toContain(`warn  lock: Another process is using ./.headrace (pid ${child.pid}`);
  expect(during.stdout).toContain('up to date');
  child.kill('SIGKILL');
  await finished;
  expect((await headrace(['doctor'], { cwd })).stdout).toContain(`ok    lock: the last writer (pid ${child.pid}) ended without closing; its lock is void`);
});

test('what would stop a run fails', async () => {
  const cwd = workplace();
  writeFileSync(join(cwd, 'file'), '');
  mkdirSync(join(cwd, 'foreign'));
  writeFileSync(join(cwd, 'foreign/data.mdb'), Buffer.alloc(8_192, 1));
  const file = await headrace(['doctor', '--data-dir', 'file'], { cwd });
  expect(file.code).toBe(1);
  expect(file.stdout).toMatch(/^fail {2}data directory: .*file is a file\n {6}Give another directory/m);
  const foreign = await headrace(['doctor', '--data-dir', 'foreign', '--json'], { cwd });
  expect(foreign.code).toBe(1);
  expect(foreign.json()).toContainEqual({ check: 'data', status: 'fail', detail: expect.stringContaining('HR_DATA_DIR'), remedy: expect.any(String) });
});

test('a cluster that does not answer is a failure with a way out', async () => {
  const { code, json } = await headrace(['doctor', '--json'], { cwd: workplace(), env: { KAFKA_BROKERS: '127.0.0.1:1', KAFKA_PATIENCE_MS: '100' } });
  expect(code).toBe(1);
  expect((json() as Finding[]).at(-1)).toMatchObject({ check: 'kafka', status: 'fail', detail: expect.stringMatching(/^HR_KAFKA_UNREACHABLE Kafka at 127\.0\.0\.1:1/) as unknown, remedy: expect.stringContaining('KAFKA_BROKERS') as unknown });
});

test.skipIf(!hasRegistryClient)('a registry that does not answer, or not to this user, is a failure with a way out', async () => {
  const server = createServer((_, response) => response.writeHead(401, { 'content-type': 'application/json' }).end('{"error_code":40101,"message":"Unauthorized"}'));
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  onTestFinished(() => void server.close());
  const cluster = { KAFKA_BROKERS: '127.0.0.1:1', KAFKA_PATIENCE_MS: '100' };
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const denied = await headrace(['doctor', '--json'], { cwd: workplace(), env: { ...cluster, SCHEMA_REGISTRY_URL: address } });
  expect((denied.json() as Finding[]).at(-1)).toEqual({ check: 'registry', status: 'fail', detail: `HR_REGISTRY_DENIED The schema registry at ${address} answers 401: Unauthorized.`, remedy: expect.stringContaining('SCHEMA_REGISTRY_USERNAME') as unknown });
  const gone = await headrace(['doctor', '--json'], { cwd: workplace(), env: { ...cluster, SCHEMA_REGISTRY_URL: 'http://127.0.0.1:1', SCHEMA_REGISTRY_PATIENCE_MS: '100' } });
  expect((gone.json() as Finding[]).at(-1)).toMatchObject({ check: 'registry', status: 'fail', detail: expect.stringMatching(/^HR_REGISTRY_UNREACHABLE/) as unknown, remedy: expect.stringContaining('SCHEMA_REGISTRY_URL') as unknown });
});
