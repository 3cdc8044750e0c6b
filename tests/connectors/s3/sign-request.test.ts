import { expect, test } from 'vitest';
import { signRequest } from '../../../connectors/s3/sign-request.js';

const key = { region: 'us-east-1', accessKey: 'AKIAIOSFODNN7EXAMPLE', secretKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY' };
const time = Date.UTC(2013, 4, 24);
const url = (path: string) => new URL(`https://examplebucket.s3.amazonaws.com${path}`);

// The examples of the S3 API reference, "Transferring Payload in a Single Chunk".
test.each([
  ['an object in part', { method: 'GET', url: url('/test.txt'), headers: { range: 'bytes=0-9' } }, 'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41'],
  ['an object that is put', { method: 'PUT', url: url('/test%24file.text'), headers: { date: 'Fri, 24 May 2013 00:00:00 GMT', 'x-amz-storage-class': 'REDUCED_REDUNDANCY' }, body: Buffer.from('Welcome to Amazon S3.') }, '98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd'],
  ['a question with an empty value', { method: 'GET', url: url('/?lifecycle') }, 'fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543'],
  ['a list', { method: 'GET', url: url('/?max-keys=2&prefix=J') }, '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7'],
] as const)('signs %s as the reference does', (_, request, signature) => {
  const { authorization, host } = signRequest(request, key, time) as { authorization: string; host?: string };
  expect(authorization).toContain(`Signature=${signature}`);
  expect(authorization).toContain('Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request');
  expect(host).toBeUndefined();
});

test('a token of temporary credentials is sent and signed', () => {
  const headers = signRequest({ method: 'GET', url: url('/x') }, { ...key, sessionToken: 'token' }, time);
  expect(headers['x-amz-security-token']).toBe('token');
  expect(headers['authorization']).toContain('SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-security-token,');
});
