import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { HeadraceError } from '../dataflow/errors.js';
import { splitmix } from '../dataflow/splitmix.js';
import { pairedBootstrap } from '../learning/quality/paired-bootstrap.js';
import { auc } from '../learning/quality/auc.js';
import { type MovielensDays, movielensDays, type MovielensDaysOptions, type Places } from './movielens-days.js';

/** A like is found when it stands among so many. */
const among = 20;
const replicates = 2_000;

const measures = {
  recall: (place: number) => Number(place < among),
  ndcg: (place: number) => (place < among ? 1 / Math.log2(place + 2) : 0),
} as const;

/** Other forms of base and head. */
const variants: readonly (Pick<MovielensDaysOptions, 'withEmbeddings' | 'rewarm'> & { readonly name: string })[] = [
  { name: 'head without embeddings', withEmbeddings: false },
  { name: 'head trained again on what the base has learned', rewarm: 'on what the base has learned' },
  { name: 'head trained again on what the base has not learned', rewarm: 'on what the base has not learned' },
];

/**
 * Base and head on MovieLens by time, beside popularity and item-kNN: how often the next like is among the first 20 (recall) and where it stands there (NDCG), as means of users' means. Then what the head is without embeddings, and when it is trained again with each base. Differences are of
 * base and head to each of the others, with 95 % intervals by resampling users.
 */
export async function* movielens({ folder = resolve('../shared/data/movielens-small'), seed, ...options }: Partial<MovielensDaysOptions> & { readonly seed: number }): AsyncIterable<Record<string, string | number>> {
  if (!existsSync(folder)) throw new HeadraceError('HR_INPUT_FILE', `${folder} is not there.`, { remedy: 'Unpack ml-latest-small of MovieLens there, or leave this benchmark out.' });
  const run = (variant: Partial<MovielensDaysOptions>) => movielensDays({ folder, seed, ...options, ...variant });
  const full = await run({});
  for (const ranker of ['popularity', 'item-kNN', 'base', 'base and head']) yield { ...row(ranker, full, ranker, seed), ...(ranker === 'base and head' ? { likes: full.likes, unknown: full.unknown } : againstFull(full, full, ranker, seed)) };
  const { head, base, click, user } = full.scored;
  const difference = pairedBootstrap({ champion: base, candidate: head, clicks: click, users: Int32Array.from(user) }, { seed, replicates: 200 }).auc!;
  yield { benchmark: 'movielens', what: 'AUC among candidates', head: shown(auc(head, click)!), base: shown(auc(base, click)!), difference: shown(difference.difference), low: shown(difference.low), high: shown(difference.high) };
  for (const { name, ...variant } of variants) {
    const other = await run(variant);
    yield { ...row(name, other, 'base and head', seed), ...againstFull(full, other, 'base and head', seed) };
  }
}

function row(what: string, { byUser }: MovielensDays, ranker: string, seed: number): Record<string, string | number> {
  const means = Object.fromEntries(Object.keys(measures).map((m) => [`${m}At${among}`, shown(mean(perUser(byUser, ranker, m as keyof typeof measures)))]));
  return { benchmark: 'movielens', what, seed, users: byUser.size, ...means };
}

/** Base and head less a ranker of the same likes, by users. */
function againstFull(full: MovielensDays, other: MovielensDays, ranker: string, seed: number): Record<string, number> {
  return Object.fromEntries(
    (Object.keys(measures) as (keyof typeof measures)[]).flatMap((m) => {
      const { difference, low, high } = differenceOf(perUser(full.byUser, 'base and head', m), perUser(other.byUser, ranker, m), seed);
      return [[`${m}Difference`, shown(difference)], [`${m}Low`, shown(low)], [`${m}High`, shown(high)]] as const;
    }),
  );
}

/** Means of each user. */
export function perUser(byUser: ReadonlyMap<string, readonly Places[]>, ranker: string, measure: keyof typeof measures): Float64Array {
  return Float64Array.from(byUser.values(), (places) => places.reduce((sum, place) => sum + measures[measure](place[ranker]!), 0) / places.length);
}

/** Mean difference of users, and the interval of the 95 % of resampled ones. */
export function differenceOf(a: Float64Array, b: Float64Array, seed: number): { readonly difference: number; readonly low: number; readonly high: number } {
  const random = splitmix(seed);
  const differences = a.map((x, i) => x - b[i]!);
  const drawn = Float64Array.from({ length: replicates }, () => {
    let sum = 0;
    for (let i = 0; i < differences.length; i++) sum += differences[random.below(differences.length)]!;
    return sum / differences.length;
  }).sort();
  return { difference: mean(differences), low: drawn[Math.floor(0.025 * replicates)]!, high: drawn[Math.ceil(0.975 * replicates) - 1]! };
}

function mean(values: Float64Array): number {
  return values.reduce((sum, x) => sum + x, 0) / values.length;
}

function shown(x: number): number {
  return Number(x.toFixed(4));
}
