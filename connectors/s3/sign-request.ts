import { createHash, createHmac } from 'node:crypto';
import type { S3Settings } from './s3-settings.js';

/** A request that is to be signed. */
export interface UnsignedRequest {
  readonly method: 'GET' | 'PUT' | 'DELETE' | 'HEAD';
  /** Its path is escaped as it will be sent. */
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
}

/**
 * The headers of a request with its signature.
 *
 * Source: "Signature Calculations for the Authorization Header: Transferring Payload in a Single Chunk (AWS Signature Version 4)", Amazon S3 API Reference.
 *
 * @param time epoch milliseconds; a store takes those of a quarter of an hour around its own clock
 */
export function signRequest({ method, url, headers = {}, body }: UnsignedRequest, { region, accessKey, secretKey, sessionToken }: Pick<S3Settings, 'region' | 'accessKey' | 'secretKey' | 'sessionToken'>, time: number): Record<string, string> {
  const stamp = new Date(time).toISOString().replace(/[-:]|\.\d+/g, '');
  const scope = `${stamp.slice(0, 8)}/${region}/s3/aws4_request`;
  const signed: Record<string, string> = { ...headers, host: url.host, 'x-amz-content-sha256': digest(body ?? ''), 'x-amz-date': stamp, ...(sessionToken === undefined ? {} : { 'x-amz-security-token': sessionToken }) };
  const names = Object.keys(signed).sort();
  const query = [...url.searchParams].map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`).sort().join('&');
  const canonical = [method, url.pathname, query, ...names.map((name) => `${name}:${signed[name]!.trim()}`), '', names.join(';'), signed['x-amz-content-sha256']].join('\n');
  const key = [stamp.slice(0, 8), region, 's3', 'aws4_request'].reduce<string | Buffer>((of, part) => hmac(of, part), `AWS4${secretKey}`);
  const signature = hmac(key, ['AWS4-HMAC-SHA256', stamp, scope, digest(canonical)].join('\n')).toString('hex');
  const { host: _, ...sent } = signed;
  return { ...sent, authorization: `AWS4-HMAC-SHA256 Credential=${accessKey}/${scope},SignedHeaders=${names.join(';')},Signature=${signature}` };
}

function digest(of: string | Uint8Array): string {
  return createHash('sha256').update(of).digest('hex');
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}
