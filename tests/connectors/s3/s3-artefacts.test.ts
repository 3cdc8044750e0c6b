import { afterAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { s3Artefacts } from '../../../connectors/s3/s3-artefacts.js';
import { s3Settings } from '../../../connectors/s3/s3-settings.js';
import { systemClock } from '../../../dataflow/clock.js';
import { openRuntime } from '../../../runners/open-runtime.js';
import { memoryArtefacts } from '../../../runners/testing/memory-artefacts.js';
import { withoutSecrets } from '../../../runners/operations/without-secrets.js';
import { bytesOf } from '../../contracts/artefact-store-contract.js';
import { temporaryDirectory } from '../embedded/temporary-directory.js';
import { s3Keys, s3Server } from './s3-server.js';

const server = await s3Server();
const variables = { HEADRACE_ARTEFACTS: 's3://models/heads', AWS_ENDPOINT_URL_S3: server.url, ...s3Keys };
const open = (change: Partial<typeof variables> = {}) => s3Artefacts(s3Settings({ ...variables, ...change })!, memoryArtefacts(), systemClock);
const bytes = bytesOf(1_000, 1);

beforeEach(() => {
  server.objects.clear();
  server.requests.length = 0;
  server.faults.length = 0;
});
afterAll(() => server.close());

test('an artefact is an object below the prefix, and a copy is read where there is one', async () => {
  const store = open();
  const digest = await store.put(bytes);
  expect([...server.objects.keys()]).toEqual([`/models/heads/${digest}`]);
  await store.get(digest);
  expect(server.requests).toEqual(['PUT 200']);
  const other = open();
  await other.get(digest);
  await other.get(digest);
  expect(server.requests).toEqual(['PUT 200', 'GET 200']);
});

test('what a store refuses for the moment, and a broken connection, is tried again', async () => {
  server.faults.push(503, 0, 500);
  const digest = await open().put(bytes);
  expect(server.objects.size).toBe(1);
  server.faults.push(429);
  expect(Buffer.compare(await open().get(digest), bytes)).toBe(0);
});

test('what it goes on refusing is HR_ARTEFACTS with its words, and nothing is kept here that the bucket does not have', async () => {
  const local = memoryArtefacts();
  const store = s3Artefacts(s3Settings(variables)!, local, systemClock);
  server.faults.push(503, 503, 503, 503);
  await expect(store.put(bytes)).rejects.toThrow(expect.objectContaining({ code: 'HR_ARTEFACTS', message: expect.stringContaining('503 Fault503, as was asked for') as string }));
  const digest = await memoryArtefacts().put(bytes);
  await expect(local.get(digest)).rejects.toThrow();
  server.faults.push(0, 0, 0, 0);
  await expect(store.get(digest)).rejects.toThrow(expect.objectContaining({ code: 'HR_ARTEFACTS', message: expect.stringContaining('does not answer') as string }));
});

test('another key is refused, and is in no message', async () => {
  const wrong = 'not the right secret';
  const failed = await open({ AWS_SECRET_ACCESS_KEY: wrong }).put(bytes).catch((error: Error) => error.message);
  expect(failed).toContain('403 SignatureDoesNotMatch');
  expect(failed).not.toContain(wrong);
  expect(withoutSecrets(`x ${wrong} y`, { AWS_SECRET_ACCESS_KEY: wrong })).toBe('x *** y');
});

test('an object whose bytes were changed is refused', async () => {
  const digest = await open().put(bytes);
  server.objects.set(`/models/heads/${digest}`, Buffer.from('other'));
  await expect(open().get(digest)).rejects.toThrow(expect.objectContaining({ code: 'HR_MODEL_CORRUPT' }));
});

test('a runtime keeps its artefacts there, where HEADRACE_ARTEFACTS names a bucket', async () => {
  for (const [name, value] of Object.entries(variables)) vi.stubEnv(name, value);
  const [one, other] = await Promise.all([openRuntime({ dataDir: temporaryDirectory(), mode: 'write' }), openRuntime({ dataDir: temporaryDirectory(), mode: 'write' })]);
  const digest = await one.artefacts.put(bytes);
  expect([...server.objects.keys()]).toEqual([`/models/heads/${digest}`]);
  expect(Buffer.compare(await other.artefacts.get(digest), bytes)).toBe(0);
  await one.artefacts.delete(digest);
  expect(server.objects.size).toBe(0);
  await Promise.all([one.close(), other.close()]);
  vi.unstubAllEnvs();
});

describe('settings', () => {
  test('are those of the environment', () => {
    expect(s3Settings({})).toBeUndefined();
    expect(s3Settings({ ...variables, AWS_ENDPOINT_URL_S3: '', AWS_REGION: 'eu-central-1', HEADRACE_ARTEFACTS: 's3://a-bucket' })).toMatchObject({ bucket: 'a-bucket', prefix: '', region: 'eu-central-1', endpoint: new URL('https://s3.eu-central-1.amazonaws.com') });
  });

  test.each([
    [{ HEADRACE_ARTEFACTS: 'models/heads' }, 'HEADRACE_ARTEFACTS is'],
    [{ HEADRACE_ARTEFACTS: 's3://models/a b' }, 'has the prefix'],
    [{ AWS_ENDPOINT_URL_S3: 'localhost:9000' }, 'begins with localhost:'],
    [{ AWS_ENDPOINT_URL_S3: 'nowhere' }, 'is no address'],
    [{ AWS_ACCESS_KEY_ID: '' }, 'AWS_ACCESS_KEY_ID is missing'],
    [{ AWS_SECRET_ACCESS_KEY: '' }, 'AWS_SECRET_ACCESS_KEY is missing'],
  ])('%o is refused', (change, message) => {
    expect(() => s3Settings({ ...variables, ...change })).toThrow(expect.objectContaining({ code: 'HR_ARTEFACTS_SETTINGS', message: expect.stringContaining(message) as string }));
  });
});
