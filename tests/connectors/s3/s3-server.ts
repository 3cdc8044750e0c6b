import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { AwsV4Signer } from 'aws4fetch';

/** Keys that the server takes. */
export const s3Keys = { AWS_ACCESS_KEY_ID: 'test-key', AWS_SECRET_ACCESS_KEY: 'a secret/of+the tests' };

/** A server with as much of the API of S3 as artefacts need, in this process. */
export interface S3Server {
  readonly url: string;
  /** Objects by path. */
  readonly objects: Map<string, Buffer>;
  /** Requests so far, as `METHOD STATUS`. */
  readonly requests: string[];
  /** Status that the next requests are answered with, whatever they ask for; 0: the connection breaks. */
  readonly faults: number[];
  close(): Promise<void>;
}

/** Starts it. Each request has to be signed as another client (aws4fetch) signs it, over the bytes that have come. */
export async function s3Server(): Promise<S3Server> {
  const objects = new Map<string, Buffer>();
  const requests: string[] = [];
  const faults: number[] = [];
  const server = createServer((request, response) => {
    const answer = (status: number, body: string | Buffer = '') => {
      requests.push(`${request.method} ${status}`);
      response.writeHead(status).end(body);
    };
    void (async () => {
      const parts: Buffer[] = [];
      for await (const part of request as AsyncIterable<Buffer>) parts.push(part);
      const body = Buffer.concat(parts);
      const fault = faults.shift();
      if (fault === 0) return void request.socket.destroy();
      if (fault !== undefined) return answer(fault, `<Error><Code>Fault${fault}</Code><Message>as was asked for</Message></Error>`);
      if (!(await isSigned(request, body))) return answer(403, '<Error><Code>SignatureDoesNotMatch</Code><Message>The signature is another one.</Message></Error>');
      const path = request.url!;
      if (request.method === 'PUT') {
        objects.set(path, body);
        return answer(200);
      }
      if (request.method === 'DELETE') {
        objects.delete(path);
        return answer(204);
      }
      const object = objects.get(path);
      return object === undefined ? answer(404, '<Error><Code>NoSuchKey</Code></Error>') : answer(200, object);
    })();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    objects,
    requests,
    faults,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function isSigned({ method, url, headers }: IncomingMessage, body: Buffer): Promise<boolean> {
  const [datetime, hash] = [String(headers['x-amz-date']), createHash('sha256').update(body).digest('hex')];
  if (headers['x-amz-content-sha256'] !== hash) return false;
  const signer = new AwsV4Signer({
    method: method!,
    url: `http://${headers.host}${url}`,
    headers: { 'x-amz-content-sha256': hash },
    service: 's3',
    region: 'us-east-1',
    datetime,
    accessKeyId: s3Keys.AWS_ACCESS_KEY_ID,
    secretAccessKey: s3Keys.AWS_SECRET_ACCESS_KEY,
  });
  const expected = (await signer.sign()).headers.get('authorization')!;
  return expected.replaceAll(', ', ',') === headers.authorization!.replaceAll(', ', ',');
}
