import { splitmix } from '../dataflow/splitmix.js';
import type { Base } from '../learning/base/base.js';
import { basePlan } from '../learning/base/base-plan.js';
import { largestOf } from '../learning/base/recall.js';
import { trainBase } from '../learning/base/train-base.js';
import { openTowerSessions } from '../learning/base/tower-sessions.js';
import { openHeadSessions } from '../learning/head-sessions.js';
import { newHead } from '../learning/head-state.js';
import { movielens as importMovielens } from '../runners/import/movielens.js';
import type { ClickEvent } from '../schemas/generated/click-event.js';
import { baseFeatures, examplesOf, plainFeatures, type Query } from './movielens-examples.js';
import { embeddingRanker, itemKnn, type Liked, popularity, type Ranker } from './movielens-rankers.js';

/** What a run is made of; shares are of all likes. What is not said was chosen by the likes from 70 % to 80 %; those behind them were not looked at for it. */
export interface MovielensDaysOptions {
  /** Directory with ratings.csv and movies.csv. */
  readonly folder: string;
  readonly seed: number;
  /** Where the first base is trained, where measuring begins, and where it ends. */
  readonly from?: number;
  readonly measuredFrom?: number;
  readonly measuredTo?: number;
  /** Whether embeddings are inputs of the head, beside features. @default true */
  readonly withEmbeddings?: boolean;
  /** Whether the head is trained again on the day before with the embeddings of each new base. @default 'never' */
  readonly rewarm?: 'never' | 'on what the base has learned' | 'on what the base has not learned';
}

/** A like that was foreseen by all rankers: the place that each gave it among what the user had not rated, from 0; Infinity where it is not known to it. */
export type Places = Readonly<Record<string, number>>;

/** What a run gave. */
export interface MovielensDays {
  readonly byUser: ReadonlyMap<string, readonly Places[]>;
  /** Candidates of the head, of likes that were among them: what head and base gave them, and which was liked. */
  readonly scored: { readonly head: readonly number[]; readonly base: readonly number[]; readonly click: readonly number[]; readonly user: readonly number[] };
  /** Likes in the measured time, and those of them whose item nobody had liked before the day. */
  readonly likes: number;
  readonly unknown: number;
}

/** A day of this world: so much of all likes. Twenty years are too few likes for real ones. */
const day = 0.05;
const byBase = 150;
const byPopularity = 50;
const negatives = 15;
const halfLifeDays = 365;
const firstEpochs = 12;
const laterEpochs = 5;

/**
 * MovieLens in the order of time, as the product would meet it: each day a base is trained on all likes before, from the vectors of the one before; each like of the day is foreseen from what the user had liked until then, and then the head learns from
 * the day. Popularity and item-kNN are computed anew each day as well. Nothing is foreseen with what came after it.
 */
export async function movielensDays(options: MovielensDaysOptions): Promise<MovielensDays> {
  const { seed, from = 0.3, measuredFrom = 0.8, measuredTo = 1, withEmbeddings = true, rewarm = 'never' } = options;
  const events = await eventsOf(options.folder);
  const likes = events.filter(isLike).map(({ userId, itemId, category, timestamp }): Liked => ({ user: userId, item: itemId, category, time: timestamp }));
  const timeAt = (share: number) => (share >= 1 ? Number.POSITIVE_INFINITY : likes[Math.floor(share * likes.length)]!.time);
  const days = Array.from({ length: Math.round((measuredTo - from) / day) }, (_, d) => ({ start: timeAt(from + d * day), end: timeAt(from + (d + 1) * day), isMeasured: from + d * day > measuredFrom - 1e-9 }));
  const genres = new Map(events.map((event) => [event.itemId, event.category]));
  const shape = { inputs: plainFeatures + baseFeatures + (withEmbeddings ? 128 : 0), hidden: [64, 32], outputs: ['click'] as const };
  const sessions = await openHeadSessions(shape, { providers: ['cpu'], threads: 1, clipNorm: 10 });
  const random = splitmix(seed);
  const people = new Map<string, Person>();
  const counts = new Map<string, number>();
  const byUser = new Map<string, Places[]>();
  const scored = { head: [] as number[], base: [] as number[], click: [] as number[], user: [] as number[] };
  let head = newHead(shape, seed);
  let base: Base | undefined;
  let yesterday: readonly Query[] = [];
  let [at, all, unknown] = [0, 0, 0];

  for (const [d, { start, end, isMeasured }] of days.entries()) {
    const known = likes.filter(({ time }) => time < start);
    const unlearned = rewarm === 'on what the base has not learned' && d > 0;
    base = await nextBase(unlearned ? likes.filter(({ time }) => time < days[d - 1]!.start) : known, seed, base);
    const [near, popular] = [embeddingRanker(base), popularity(known, halfLifeDays)];
    const rankers: Readonly<Record<string, Ranker>> = { popularity: popular, 'item-kNN': isMeasured ? itemKnn(known, { neighbours: 200, shrink: 20, recency: 0.8 }) : popular, base: near };
    const liked = popular('', []);
    const popularOf = new Map(liked.ids.map((id, i) => [id, liked.scores[i]!]));
    const training = { batch: 256, epochs: 2, learningRate: 2e-3 };
    if (rewarm !== 'never' && yesterday.length > 0) head = (await sessions.train(head, examplesOf(yesterday, base, withEmbeddings), { ...training, shuffleSeed: 1_000 + d })).state;
    const today: Query[] = [];
    for (; at < events.length && events[at]!.timestamp < end; at++) {
      const event = events[at]!;
      const person = personOf(people, event, genres);
      const isOpen = (ids: readonly string[]) => (place: number) => !person.rated.has(ids[place]!);
      if (event.timestamp >= start && isLike(event)) {
        if (isMeasured) all++;
        if (isMeasured && !popularOf.has(event.itemId)) unknown++;
        if (popularOf.has(event.itemId)) {
          const before = person.before.slice(-20);
          const nearest = near(event.userId, before);
          // whoever has liked nothing yet is shown what is popular
          const found = before.length === 0 ? [] : Array.from(largestOf(nearest.scores, byBase, isOpen(nearest.ids)), (place) => nearest.ids[place]!);
          const items = [...new Set([...found, ...Array.from(largestOf(liked.scores, byPopularity, isOpen(liked.ids)), (place) => liked.ids[place]!)])];
          const plain = new Float32Array(items.length * plainFeatures);
          items.forEach((id, i) => plain.set(plainOf(id, person, { counts, popularOf, genres }), i * plainFeatures));
          const query: Query = { user: event.userId, before, items, plain, liked: items.indexOf(event.itemId) };
          if (isMeasured) {
            const examples = examplesOf([query], base, withEmbeddings);
            const scores = await sessions.score(head.parameters, examples);
            const places: Record<string, number> = { 'base and head': placeOf(scores, query.liked) };
            for (const [name, ranker] of Object.entries(rankers)) {
              const { ids, scores: own } = before.length === 0 ? liked : ranker(event.userId, before);
              places[name] = placeOf(own, ids.indexOf(event.itemId), isOpen(ids));
            }
            (byUser.get(event.userId) ?? byUser.set(event.userId, []).get(event.userId)!).push(places);
            if (query.liked >= 0) {
              const products = new Map(nearest.ids.map((id, i) => [id, nearest.scores[i]!]));
              items.forEach((id, i) => {
                scored.head.push(scores[i]!);
                scored.base.push(products.get(id) ?? 0);
                scored.click.push(Number(i === query.liked));
                scored.user.push(person.number);
              });
            }
          }
          if (query.liked >= 0) today.push(sampled(query, random.below));
        }
      }
      person.rated.add(event.itemId);
      if (!isLike(event)) continue;
      person.now.push(event.itemId);
      counts.set(event.itemId, (counts.get(event.itemId) ?? 0) + 1);
    }
    head = (await sessions.train(head, examplesOf(today, base, withEmbeddings), { ...training, shuffleSeed: d })).state;
    yesterday = today;
  }
  await sessions.close();
  return { byUser, scored, likes: all, unknown };
}

/** A user as it was known up to some moment. */
interface Person {
  readonly number: number;
  readonly rated: Set<string>;
  /** What was liked before this moment, oldest first, and at it. */
  readonly before: string[];
  readonly now: string[];
  time: number;
  /** Likes before this moment by genre. */
  readonly genres: Map<string, number>;
}

function personOf(people: Map<string, Person>, { userId, timestamp }: ClickEvent, genres: ReadonlyMap<string, string>): Person {
  const person = people.get(userId) ?? { number: people.size, rated: new Set<string>(), before: [], now: [], time: 0, genres: new Map<string, number>() };
  people.set(userId, person);
  if (person.time >= timestamp) return person;
  for (const item of person.now) person.genres.set(genres.get(item)!, (person.genres.get(genres.get(item)!) ?? 0) + 1);
  person.before.push(...person.now.splice(0));
  person.time = timestamp;
  return person;
}

/** Likes of the item so far and lately, how much of what the person likes is of its genre, how much the person has liked, and whether the last like was of its genre. */
function plainOf(id: string, { before, genres: liked }: Person, { counts, popularOf, genres }: { readonly counts: ReadonlyMap<string, number>; readonly popularOf: ReadonlyMap<string, number>; readonly genres: ReadonlyMap<string, string> }): number[] {
  const genre = genres.get(id)!;
  return [Math.log1p(counts.get(id) ?? 0) / 5, Math.log1p(popularOf.get(id) ?? 0) / 5, (liked.get(genre) ?? 0) / (before.length + 1), Math.log1p(before.length) / 5, Number(before.length > 0), Number(genres.get(before.at(-1) ?? '') === genre)];
}

/** What was liked, and some of the others. */
function sampled(query: Query, below: (n: number) => number): Query {
  const chosen = new Set([query.liked]);
  while (chosen.size < Math.min(query.items.length, negatives + 1)) chosen.add(below(query.items.length));
  const places = [...chosen];
  const plain = new Float32Array(places.length * plainFeatures);
  places.forEach((place, i) => plain.set(query.plain.subarray(place * plainFeatures, (place + 1) * plainFeatures), i * plainFeatures));
  return { ...query, items: places.map((place) => query.items[place]!), plain, liked: 0 };
}

/** How many of those that count stand above. */
function placeOf(scores: ArrayLike<number>, liked: number, counts: (place: number) => boolean = () => true): number {
  if (liked < 0) return Number.POSITIVE_INFINITY;
  let above = 0;
  for (let i = 0; i < scores.length; i++) if ((scores[i]! > scores[liked]! || (scores[i] === scores[liked] && i < liked)) && counts(i)) above++;
  return above;
}

async function nextBase(likes: readonly Liked[], seed: number, before: Base | undefined): Promise<Base> {
  const plan = basePlan({ model: 'movielens', judged: 0, seed, recency: 0.75, temperature: 0.1, userTokens: true, training: { epochs: before === undefined ? firstEpochs : laterEpochs } });
  const { base } = await trainBase(plan, (shape, { temperature, clipNorm }) => openTowerSessions(shape, { providers: ['cpu'], threads: 1, temperature, clipNorm }), likes.map((like) => ({ ...like, creator: '' })), before);
  return base;
}

async function eventsOf(folder: string): Promise<readonly ClickEvent[]> {
  const events: ClickEvent[] = [];
  for await (const imported of importMovielens(folder)) if ('event' in imported) events.push(imported.event);
  return events;
}

function isLike({ eventType }: ClickEvent): boolean {
  return eventType === 'LIKE';
}
