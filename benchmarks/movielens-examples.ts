import type { Base } from '../learning/base/base.js';
import { embedBag } from '../learning/base/embed-bag.js';
import { vocabularyOf } from '../learning/base/vocabulary.js';
import type { Examples } from '../learning/examples.js';

/** A like that is to be foreseen: what was known then, and what could be shown. */
export interface Query {
  readonly user: string;
  /** What the user had liked before, oldest first. */
  readonly before: readonly string[];
  readonly items: readonly string[];
  /** Features that do not depend on the base, [items, plainFeatures]. */
  readonly plain: Float32Array;
  /** Place of what was liked; -1 where it was not among them. */
  readonly liked: number;
}

export const plainFeatures = 6;
/** Products of the item with the user, with the last like and with the one before. */
export const baseFeatures = 3;

/** Queries as examples of a head: embeddings of user and item in this base, and features. */
export function examplesOf(queries: readonly Query[], base: Base, withEmbeddings: boolean): Examples {
  const vocabulary = vocabularyOf(base.tokens, base);
  const { width, items: table } = base;
  const length = queries.reduce((sum, { items }) => sum + items.length, 0);
  const inputs = plainFeatures + baseFeatures + (withEmbeddings ? 2 * width : 0);
  const x = new Float32Array(length * inputs);
  const click = new Float32Array(length);
  const vectorOf = (id: string | undefined) => {
    const row = id === undefined ? -1 : table.row(id);
    return row < 0 ? undefined : table.values.subarray(row * width, (row + 1) * width);
  };
  const product = (a: Float32Array | undefined, b: Float32Array | undefined) => {
    let sum = 0;
    if (a !== undefined && b !== undefined) for (let d = 0; d < width; d++) sum += a[d]! * b[d]!;
    return sum;
  };
  let row = 0;
  for (const { user, before, items, plain, liked } of queries) {
    const own = embedBag(base, 'user', vocabulary.userBag(user, before));
    const [last, second] = [vectorOf(before.at(-1)), vectorOf(before.at(-2))];
    items.forEach((id, i) => {
      const vector = vectorOf(id);
      let to = row * inputs;
      if (withEmbeddings) {
        x.set(own, to);
        if (vector !== undefined) x.set(vector, to + width);
        to += 2 * width;
      }
      x.set(plain.subarray(i * plainFeatures, (i + 1) * plainFeatures), to);
      x.set([3 * product(own, vector), 3 * product(last, vector), 3 * product(second, vector)], to + plainFeatures);
      click[row++] = Number(i === liked);
    });
  }
  return { length, embedded: [], features: x, click };
}
