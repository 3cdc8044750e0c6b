import type { IncomingMessage, Server } from 'node:http';
import type { FeatureSet } from '../dataflow/features/features.js';
import type { FeatureReader } from '../dataflow/ports/feature-reader.js';
import type { FeatureAnswer } from '../dataflow/ports/feature-store.js';
import { type Answer, answeringServer, isToken, problem } from './answering-server.js';

/** What a feature server answers from. */
export interface FeatureServerOptions {
  readonly reader: FeatureReader;
  readonly sets: readonly FeatureSet[];
  /** Every request but those for health has to bring it (`Authorization: Bearer …`). @default none */
  readonly token?: string | undefined;
}

/** Entities that one request may ask for. */
export const featureBatchLimit = 100;

/**
 * A small read API over HTTP: `GET /features/SET/ID` gives one entity, `GET /features/SET?ids=A,B,C` up to 100 in one round trip to the store, in their order; `/healthz` says that the process
 * lives, `/readyz` that the store answers. Answers are JSON; errors have a `code` and a `message`.
 */
export function featureServer({ reader, sets, token }: FeatureServerOptions): Server {
  const answer = async (request: IncomingMessage): Promise<Answer> => {
    const url = new URL(request.url ?? '/', 'http://localhost');
    if (url.pathname === '/healthz') return { status: 200, body: { status: 'ok' } };
    if (url.pathname === '/readyz') {
      await reader.get(sets[0]!, []);
      return { status: 200, body: { status: 'ready' } };
    }
    if (token !== undefined && !isToken(request, token)) return problem(401, 'HR_TOKEN', 'The token is missing or wrong.');
    if (request.method !== 'GET') return problem(405, 'HR_USAGE', `${request.method} is not answered; GET is.`);
    const [room, name, id, ...more] = url.pathname.split('/').slice(1).map(decodeURIComponent);
    const set = sets.find((s) => s.name === name);
    if (room !== 'features' || name === undefined || more.length > 0) return problem(404, 'HR_USAGE', 'There is /features/SET/ID, /features/SET?ids=A,B, /healthz and /readyz.');
    if (set === undefined) return problem(404, 'HR_FEATURE', `There is no feature set "${name}"; there are ${sets.map((s) => s.name).join(', ')}.`);
    if (id !== undefined && id !== '') {
      const [found] = await reader.getJson(set, [id]);
      return json(answerText(set, found!));
    }
    const ids = url.searchParams.get('ids')?.split(',').filter((one) => one !== '') ?? [];
    if (ids.length === 0 || ids.length > featureBatchLimit) return problem(400, 'HR_ARGUMENT', `Give from 1 to ${featureBatchLimit} entities: /features/${set.name}?ids=A,B.`);
    const found = await reader.getJson(set, ids);
    return json(`[${found.map((one) => answerText(set, one)).join(',')}]`);
  };
  return answeringServer(answer);
}

function json(text: string): Answer {
  return { status: 200, type: 'application/json', body: text };
}

function answerText(set: FeatureSet, { entity, at, newestEvent, features }: FeatureAnswer<string>): string {
  return `{"set":${JSON.stringify(set.name)},"id":${JSON.stringify(entity)},"at":${at},"newestEvent":${newestEvent},"features":${features}}`;
}
