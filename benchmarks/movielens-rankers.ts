import type { Base } from '../learning/base/base.js';
import { embedBag } from '../learning/base/embed-bag.js';
import { largestOf } from '../learning/base/recall.js';
import { vocabularyOf } from '../learning/base/vocabulary.js';

/** A like. */
export interface Liked {
  readonly user: string;
  readonly item: string;
  readonly category: string;
  readonly time: number;
}

/** Scores items for somebody who liked these before, oldest first. */
export type Ranker = (user: string, before: readonly string[]) => { readonly ids: readonly string[]; readonly scores: ArrayLike<number> };

/** Items by how often they were liked, a like of `halfLifeDays` ago counting half. Infinity: all the same. */
export function popularity(likes: readonly Liked[], halfLifeDays: number): Ranker {
  const counts = new Map<string, number>();
  const now = likes.at(-1)!.time;
  for (const { item, time } of likes) counts.set(item, (counts.get(item) ?? 0) + 2 ** ((time - now) / (halfLifeDays * 86_400_000)));
  const ids = [...counts.keys()].sort();
  const scores = Float64Array.from(ids, (id) => counts.get(id)!);
  return () => ({ ids, scores });
}

/** Settings of `itemKnn`. */
export interface KnnOptions {
  /** Neighbours that an item keeps. */
  readonly neighbours: number;
  /** Added to the root of the product of counts: what was seen together once is no neighbour yet. */
  readonly shrink: number;
  /** Weight of a like over that of the one after it; 1: all the same. */
  readonly recency: number;
}

/**
 * Items by their cosine with what was liked before; popularity decides between equals.
 *
 * Source: M. Deshpande and G. Karypis, "Item-based top-N recommendation algorithms", ACM TOIS 2004.
 */
export function itemKnn(likes: readonly Liked[], { neighbours, shrink, recency }: KnnOptions): Ranker {
  const ids = [...new Set(likes.map(({ item }) => item))].sort();
  const rows = new Map(ids.map((id, row) => [id, row]));
  const n = ids.length;
  const counts = new Float64Array(n);
  const together = new Float32Array(n * n);
  const byUser = new Map<string, number[]>();
  for (const { user, item } of likes) {
    const own = byUser.get(user) ?? byUser.set(user, []).get(user)!;
    const row = rows.get(item)!;
    counts[row]! += 1;
    for (const other of own) {
      together[row * n + other]! += 1;
      together[other * n + row]! += 1;
    }
    own.push(row);
  }
  const near = Array.from({ length: n }, (_, row) => {
    const similar = Float64Array.from({ length: n }, (_, other) => together[row * n + other]! / (Math.sqrt(counts[row]! * counts[other]!) + shrink));
    const best = largestOf(similar, neighbours, (other) => similar[other]! > 0);
    return { best, weights: Float64Array.from(best, (other) => similar[other]!) };
  });
  return (_user, before) => {
    const scores = Float64Array.from(counts, (count) => 1e-7 * count);
    let weight = 1;
    for (let k = before.length - 1; k >= 0 && weight > 1e-3; k--, weight *= recency) {
      const row = rows.get(before[k]!);
      if (row === undefined) continue;
      const { best, weights } = near[row]!;
      for (let i = 0; i < best.length; i++) scores[best[i]!]! += weight * weights[i]!;
    }
    return { ids, scores };
  };
}

/** Items by their product with the user: what it liked before, and itself where the base knows it. */
export function embeddingRanker(base: Base): Ranker {
  const vocabulary = vocabularyOf(base.tokens, base);
  const { ids, values } = base.items;
  const { width } = base;
  return (user, before) => {
    const vector = embedBag(base, 'user', vocabulary.userBag(user, before));
    const scores = new Float32Array(ids.length);
    for (let i = 0; i < ids.length; i++) {
      let sum = 0;
      for (let d = 0; d < width; d++) sum += vector[d]! * values[i * width + d]!;
      scores[i] = sum;
    }
    return { ids, scores };
  };
}
