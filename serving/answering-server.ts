import { createHash, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { HeadraceError } from '../dataflow/errors.js';

/** What a request gets: JSON, or text as it is. */
export interface Answer {
  readonly status: number;
  readonly body: unknown;
  /** Media type of a body that is text already. @default JSON */
  readonly type?: string;
}

/** Longest URL that is read. */
const longestUrl = 16_384;
const unavailable: ReadonlySet<string> = new Set(['HR_FEATURE', 'HR_FEATURE_STORE']);

/** An HTTP server that answers each request by itself; what `answer` throws becomes an answer with its code. */
export function answeringServer(answer: (request: IncomingMessage) => Promise<Answer>): Server {
  return createServer({ maxHeaderSize: longestUrl }, (request, response) => {
    const send = ({ status, body, type }: Answer) => {
      const bytes = Buffer.from(type === undefined ? JSON.stringify(body) : String(body));
      response.writeHead(status, { 'content-type': type ?? 'application/json', 'content-length': bytes.length, 'cache-control': 'no-store' }).end(bytes);
    };
    request.resume();
    answer(request).then(send, (error: unknown) => {
      const known = error instanceof HeadraceError ? error : undefined;
      const status = error instanceof URIError ? 400 : known !== undefined && unavailable.has(known.code) ? 503 : 500;
      send(problem(status, known?.code ?? 'HR_ARGUMENT', known?.message ?? 'The request cannot be read.'));
    });
  });
}

/** An answer that says what is wrong. */
export function problem(status: number, code: string, message: string): Answer {
  return { status, body: { code, message } };
}

/** Whether a request brings the token. Compares digests, which takes the same time whatever differs. */
export function isToken(request: IncomingMessage, token: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(request.headers.authorization ?? ''), digest(`Bearer ${token}`));
}
