import { expect, test } from 'vitest';
import { documentedVariables } from '../../../runners/docs/documented-limits.js';
import { secretVariables, withoutSecrets } from '../../../runners/operations/without-secrets.js';

test('every variable that is documented as never printed is taken out of messages', () => {
  const promised = documentedVariables.filter((v) => v.what.includes('Never printed')).map((v) => v.name);
  expect([...secretVariables].sort()).toEqual(promised.sort());
  for (const name of promised) expect(withoutSecrets('before s3cret-value after', { [name]: 's3cret-value' })).toBe('before *** after');
});

test('passwords in addresses go, the rest of the address stays; short values are left alone', () => {
  expect(withoutSecrets('no answer from redis://me:s%40cret@host:1/0', { REDIS_URL: 'redis://me:s%40cret@host:1/0' })).toBe('no answer from redis://me:***@host:1/0');
  expect(withoutSecrets('login as me with s@cret', { REDIS_URL: 'redis://me:s%40cret@host:1/0' })).toBe('login as me with ***');
  expect(withoutSecrets('abc abc', { REDIS_PASSWORD: 'abc' })).toBe('abc abc');
  expect(withoutSecrets('nothing set', {})).toBe('nothing set');
});
