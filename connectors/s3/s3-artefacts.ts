import type { Clock } from '../../dataflow/clock.js';
import { HeadraceError } from '../../dataflow/errors.js';
import type { ArtefactStore } from '../../dataflow/ports/artefact-store.js';
import { artefactDigest } from '../embedded/artefact-digest.js';
import { localArtefact } from '../embedded/local-artefact.js';
import type { S3Settings } from './s3-settings.js';
import { signRequest, type UnsignedRequest } from './sign-request.js';

/** A request without an answer is given up after so long (ms). */
const requestTimeoutMs = 30_000;
/** A request that was refused for the moment (429, 5xx), or whose connection broke, is tried so often. */
const attempts = 4;
/** Pause before the second attempt (ms); the next are twice as long each. */
const firstPauseMs = 200;

/** What an attempt ended with. */
type Ended = { readonly status: number; readonly body: Uint8Array } | { readonly cause: unknown };

/**
 * Artefacts in a bucket, an object each, with the copies of this machine in front: whoever has the bucket has them. An object is put as a whole, so no half of one can be read; what is read is compared with its hash.
 *
 * @param local copies, which are made when the bucket has the bytes
 * @param fetcher sends requests. @default Node's
 */
export function s3Artefacts(settings: S3Settings, local: ArtefactStore, { now }: Pick<Clock, 'now'>, fetcher: typeof fetch = fetch): ArtefactStore {
  const { endpoint, bucket, prefix } = settings;
  const place = `s3://${bucket}${prefix === '' ? '' : `/${prefix}`}`;
  const urlOf = (digest: string) => new URL(`${endpoint.pathname.replace(/\/$/, '')}/${bucket}/${prefix === '' ? '' : `${prefix}/`}${digest}`, endpoint);
  const once = async (request: UnsignedRequest): Promise<Ended> => {
    try {
      const { method, url, body } = request;
      const answer = await fetcher(url, { method, headers: signRequest(request, settings, now()), signal: AbortSignal.timeout(requestTimeoutMs), ...(body === undefined ? {} : { body: Buffer.from(body) }) });
      return { status: answer.status, body: new Uint8Array(await answer.arrayBuffer()) };
    } catch (cause) {
      return { cause };
    }
  };
  const ask = async (request: UnsignedRequest): Promise<{ readonly status: number; readonly body: Uint8Array }> => {
    for (let attempt = 1; ; attempt++) {
      const ended = await once(request);
      const isPassing = 'cause' in ended || ended.status === 429 || ended.status >= 500;
      if (!isPassing) return ended;
      if (attempt < attempts) await new Promise<void>((resolve) => setTimeout(resolve, firstPauseMs * 2 ** (attempt - 1)));
      else if ('cause' in ended) throw new HeadraceError('HR_ARTEFACTS', `${place} at ${endpoint.host} does not answer: ${messageOf(ended.cause)}`, { cause: ended.cause });
      else return ended;
    }
  };
  const refused = (what: string, { status, body }: { readonly status: number; readonly body: Uint8Array }): HeadraceError => {
    const text = Buffer.from(body).toString();
    const [code, message] = ['Code', 'Message'].map((tag) => new RegExp(`<${tag}>([^<]*)</${tag}>`).exec(text)?.[1]);
    return new HeadraceError('HR_ARTEFACTS', `${place} has refused to ${what}: ${status}${code === undefined ? '' : ` ${code}`}${message === undefined ? '' : `, ${message}`}`);
  };
  return {
    async put(bytes) {
      const digest = await artefactDigest(bytes);
      const answer = await ask({ method: 'PUT', url: urlOf(digest), body: bytes });
      if (answer.status !== 200) throw refused(`store ${digest}`, answer);
      return local.put(bytes);
    },
    async get(digest) {
      const known = await localArtefact(local, digest);
      if (known !== undefined) return known;
      if (!/^[0-9a-f]{64}$/.test(digest)) return local.get(digest);
      const answer = await ask({ method: 'GET', url: urlOf(digest) });
      if (answer.status === 404) throw new HeadraceError('HR_MODEL_CORRUPT', `There is no artefact ${digest} in ${place}.`);
      if (answer.status !== 200) throw refused(`give ${digest}`, answer);
      if ((await artefactDigest(answer.body)) !== digest) throw new HeadraceError('HR_MODEL_CORRUPT', `The artefact ${digest} in ${place} has other bytes than were stored.`);
      await local.put(answer.body);
      return answer.body;
    },
    async delete(digest) {
      const answer = await ask({ method: 'DELETE', url: urlOf(digest) });
      if (answer.status !== 204 && answer.status !== 200 && answer.status !== 404) throw refused(`delete ${digest}`, answer);
      await local.delete(digest);
    },
  };
}

/** What fetch says, and why: its own message is no more than that it failed. */
function messageOf(cause: unknown): string {
  const { message, cause: inner } = cause as Error;
  return inner instanceof Error && inner.message !== '' ? inner.message : message;
}
