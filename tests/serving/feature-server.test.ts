import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { HeadraceError } from '../../dataflow/errors.js';
import type { FeatureSet } from '../../dataflow/features/features.js';
import type { FeatureReader } from '../../dataflow/ports/feature-reader.js';
import { userFeatures } from '../../pipelines/click-feature-sets.js';
import { featureServer } from '../../serving/feature-server.js';

let asked: readonly string[][] = [];
let isDown = false;
const get: FeatureReader['get'] = async (_set, entities) => {
  if (isDown) throw new HeadraceError('HR_FEATURE_STORE', 'Redis at x: gone.');
  asked = [...asked, [...entities]];
  return entities.map((entity) => ({ entity, at: 5, newestEvent: 4, features: { clicks_1h: entity.length } }));
};
const reader: FeatureReader = {
  get,
  getJson: async (set, entities) => (await get(set, entities)).map((answer) => ({ ...answer, features: JSON.stringify(answer.features) })),
  close: async () => undefined,
};
const servers = [undefined, 's3cret'].map((token) => featureServer({ reader, sets: [userFeatures as unknown as FeatureSet], token }));
let urls: string[] = [];

beforeAll(async () => {
  for (const server of servers) {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    urls = [...urls, `http://127.0.0.1:${(server.address() as AddressInfo).port}`];
  }
});
afterAll(() => servers.forEach((s) => s.close()));

const ask = async (path: string, init?: RequestInit, of = 0) => {
  const response = await fetch(`${urls[of]}${path}`, init);
  return { status: response.status, body: (await response.json()) as unknown };
};

test('one entity, and several with one look-up, in their order', async () => {
  expect(await ask('/features/user/u42')).toEqual({ status: 200, body: { set: 'user', id: 'u42', at: 5, newestEvent: 4, features: { clicks_1h: 3 } } });
  expect(await ask('/features/user/a%2Fb%20c')).toMatchObject({ status: 200, body: { id: 'a/b c' } });
  asked = [];
  expect(await ask('/features/user?ids=u3,u1,u22')).toMatchObject({ status: 200, body: [{ id: 'u3' }, { id: 'u1' }, { id: 'u22' }] });
  expect(asked).toEqual([['u3', 'u1', 'u22']]);
});

test.each([
  ['/features/item/x', 404, 'HR_FEATURE'],
  ['/features/user', 400, 'HR_ARGUMENT'],
  [`/features/user?ids=${Array.from({ length: 101 }, (_, i) => i).join()}`, 400, 'HR_ARGUMENT'],
  ['/features/user/a/b', 404, 'HR_USAGE'],
  ['/', 404, 'HR_USAGE'],
  ['/features/user/%E0%A4%A', 400, 'HR_ARGUMENT'],
])('%s is answered with %d %s', async (path, status, code) => {
  expect(await ask(path)).toMatchObject({ status, body: { code } });
});

test('other methods are refused, and a token is asked for but where health is', async () => {
  expect((await ask('/features/user/u1', { method: 'POST', body: 'x' })).status).toBe(405);
  expect((await ask('/features/user/u1', {}, 1)).status).toBe(401);
  expect((await ask('/features/user/u1', { headers: { authorization: 'Bearer s3crets' } }, 1)).status).toBe(401);
  expect((await ask('/features/user/u1', { headers: { authorization: 'Bearer s3cret' } }, 1)).status).toBe(200);
  expect((await ask('/healthz', {}, 1)).status).toBe(200);
});

test('a store that is down makes it not ready, and it lives', async () => {
  expect((await ask('/readyz')).status).toBe(200);
  isDown = true;
  expect(await ask('/readyz')).toEqual({ status: 503, body: { code: 'HR_FEATURE_STORE', message: 'Redis at x: gone.' } });
  expect((await ask('/features/user/u1')).status).toBe(503);
  expect((await ask('/healthz')).status).toBe(200);
  isDown = false;
});
