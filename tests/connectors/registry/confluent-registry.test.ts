import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { confluentRegistry } from '../../../connectors/registry/confluent-registry.js';
import { registrySettings } from '../../../connectors/registry/registry-settings.js';
import { registryUrl } from '../../services/registry-url.js';
import { hasRegistryClient } from './has-registry-client.js';

const url = hasRegistryClient ? await registryUrl() : undefined;

const record = (...fields: object[]) => JSON.stringify({ type: 'record', name: 'Order', fields: [{ name: 'id', type: 'string' }, ...fields] });
const first = record({ name: 'amount', type: 'int' });
const added = record({ name: 'amount', type: 'int' }, { name: 'note', type: ['null', 'string'], default: null });
const changed = record({ name: 'amount', type: 'string' });

/** A registry that answers as it is told. */
async function fakeRegistry(answer: (request: IncomingMessage) => { readonly status: number; readonly body?: object }): Promise<{ readonly url: string; readonly close: () => void }> {
  const listener: RequestListener = (request, response) => {
    const { status, body = { error_code: status, message: 'as told' } } = answer(request);
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  };
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = () => void server.close().closeAllConnections();
  onTestFinished(close);
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close };
}

describe.skipIf(url === undefined)('a registry with the API of Confluent', () => {
  const subject = (name: string) => `registry-test-${process.pid}-${name}-value`;
  const open = () => confluentRegistry(registrySettings({ SCHEMA_REGISTRY_URL: url })!);

  test('a schema has one id under any subject, and is found by it', async () => {
    const registry = open();
    const id = await registry.register(subject('a'), first);
    expect(await registry.register(subject('a'), first)).toBe(id);
    expect(await open().register(subject('b'), first)).toBe(id);
    expect(JSON.parse((await open().schemaById(id))!)).toEqual(JSON.parse(first));
    expect(await open().latest(subject('a'))).toEqual({ id, schemaText: first });
  });

  test('what nobody has registered is not there', async () => {
    const registry = open();
    expect(await registry.schemaById(2 ** 30)).toBeUndefined();
    expect(await registry.latest(subject('none'))).toBeUndefined();
  });

  test('a subject evolves as its readers can, and the newest schema is seen at once', async () => {
    const [one, other] = [open(), open()];
    const id = await one.register(subject('evolving'), first);
    expect(await other.latest(subject('evolving'))).toMatchObject({ id });
    const second = await one.register(subject('evolving'), added);
    expect(await other.latest(subject('evolving'))).toEqual({ id: second, schemaText: added });
    const refused = one.register(subject('evolving'), changed);
    await expect(refused).rejects.toMatchObject({ code: 'HR_SCHEMA_INCOMPATIBLE', place: { topic: subject('evolving').replace('-value', '') } });
    await expect(refused).rejects.toThrow(/reader type: STRING not compatible with writer type: INT/);
    expect(await other.latest(subject('evolving'))).toMatchObject({ id: second });
  });

  test('where the registry compares nothing, a new subject is compared nevertheless', async () => {
    const level = (compatibility: string) => fetch(`${url}/config`, { method: 'PUT', headers: { 'content-type': 'application/vnd.schemaregistry.v1+json' }, body: JSON.stringify({ compatibility }) });
    await level('NONE');
    try {
      const registry = open();
      expect(await registry.compatibility()).toBe('NONE');
      await registry.register(subject('new'), first);
      await registry.register(subject('new'), added);
      await expect(registry.register(subject('new'), changed)).rejects.toMatchObject({ code: 'HR_SCHEMA_INCOMPATIBLE' });
    } finally {
      await level('BACKWARD');
    }
  });

  test('an address that is not the path of a registry is an error that says so', async () => {
    const registry = confluentRegistry(registrySettings({ SCHEMA_REGISTRY_URL: new URL('/elsewhere', url).href })!);
    await expect(registry.latest('a-value')).rejects.toMatchObject({ code: 'HR_REGISTRY', message: expect.stringContaining('answers 404') as unknown, remedy: expect.stringContaining('/apis/ccompat/v7') as unknown });
  });
});

describe.skipIf(!hasRegistryClient)('a registry that fails', () => {
  const open = (address: string, env: Record<string, string> = {}, warn?: (message: string) => void) => {
    // time passes with the pauses
    let now = 0;
    return confluentRegistry(registrySettings({ SCHEMA_REGISTRY_URL: address, ...env })!, {
      warn,
      clock: { now: () => now, wait: async (ms) => void (now += ms) },
    });
  };

  test('basic authentication goes with every request, from variables or the address', async () => {
    const seen: (string | undefined)[] = [];
    const { url } = await fakeRegistry(({ headers }) => {
      seen.push(headers.authorization);
      return { status: 200, body: { compatibilityLevel: 'FULL' } };
    });
    expect(await open(url, { SCHEMA_REGISTRY_USERNAME: 'me', SCHEMA_REGISTRY_PASSWORD: 'päss:word' }).compatibility()).toBe('FULL');
    expect(await open(url.replace('//', '//me:p%C3%A4ss%3Aword@')).compatibility()).toBe('FULL');
    expect(await open(url).compatibility()).toBe('FULL');
    const sent = `Basic ${Buffer.from('me:päss:word').toString('base64')}`;
    expect(seen).toEqual([sent, sent, undefined]);
  });

  test.each([401, 403])('a user who is not let in (%i) is told at once, and no secret is printed', async (status) => {
    const { url } = await fakeRegistry(() => ({ status, body: { error_code: status, message: 'Unauthorized' } }));
    const error = await open(url, { SCHEMA_REGISTRY_USERNAME: 'me', SCHEMA_REGISTRY_PASSWORD: 'secret-word' }).latest('a-value').then(
      () => undefined,
      (thrown: { code: string; message: string; format: () => string }) => thrown,
    );
    expect(error).toMatchObject({ code: 'HR_REGISTRY_DENIED', message: `The schema registry at ${url} answers ${status}: Unauthorized.` });
    expect(error!.format()).not.toContain('secret-word');
  });

  test('one that is away for a while is waited for, with a line that says so', async () => {
    let left = 15;
    const { url } = await fakeRegistry(() => (left-- > 0 ? { status: 503 } : { status: 200, body: { schema: first } }));
    const warnings: string[] = [];
    expect(await open(url, {}, (message) => warnings.push(message)).schemaById(7)).toBe(first);
    expect(warnings).toEqual(['Waiting for the schema registry (the schema 7): as told.']);
  });

  test('one that stays away is an error, after as long as the settings say', async () => {
    const { url, close } = await fakeRegistry(() => ({ status: 503 }));
    const settings = { SCHEMA_REGISTRY_PATIENCE_MS: '20000' };
    await expect(open(url, settings).latest('a-value')).rejects.toMatchObject({ code: 'HR_REGISTRY_UNREACHABLE', message: expect.stringMatching(/was tried for (19|20) s \(the schema of a-value\): as told\.$/) as unknown });
    close();
    await expect(open(url, settings).register('a-value', first)).rejects.toMatchObject({ code: 'HR_REGISTRY_UNREACHABLE', message: expect.stringContaining('ECONNREFUSED') as unknown });
  });

  test('a schema that is not Avro is told', async () => {
    const { url } = await fakeRegistry(() => ({ status: 200, body: { id: 3, schemaType: 'PROTOBUF', schema: 'message A {}' } }));
    await expect(open(url).latest('a-value')).rejects.toMatchObject({ code: 'HR_SCHEMA', message: expect.stringContaining('PROTOBUF') as unknown });
  });
});

test.each([
  [{ SCHEMA_REGISTRY_URL: 'registry:8081' }, /SCHEMA_REGISTRY_URL has no address that begins with http/],
  [{ SCHEMA_REGISTRY_URL: 'http://a, b' }, /SCHEMA_REGISTRY_URL has no address/],
  [{ SCHEMA_REGISTRY_PASSWORD: 'secret-word' }, /SCHEMA_REGISTRY_USERNAME is missing/],
  [{ SCHEMA_REGISTRY_PATIENCE_MS: '0' }, /SCHEMA_REGISTRY_PATIENCE_MS is "0"/],
  [{ SCHEMA_REGISTRY_TLS_CA: '/none.pem' }, /SCHEMA_REGISTRY_TLS_CA is \/none\.pem/],
])('%j is refused', (env, message) => {
  const refused = () => registrySettings({ SCHEMA_REGISTRY_URL: 'http://a:1', ...env });
  expect(refused).toThrow(message);
  expect(refused).toThrow(expect.objectContaining({ code: 'HR_REGISTRY_SETTINGS' }) as Error);
});

test('without an address there are no settings', () => {
  expect(registrySettings({})).toBeUndefined();
  expect(registrySettings({ SCHEMA_REGISTRY_URL: 'https://me:secret@a:1/x/ , http://b' })).toEqual({ urls: ['https://a:1/x', 'http://b'], username: 'me', password: 'secret', patienceMs: 120_000 });
});
