import { HeadraceError } from '../errors.js';
import { type Expression, expression, type RowFunction } from '../expression.js';
import { type Aggregate, aggregateOf } from './aggregate.js';

/** A value and how often it occurred. */
export interface Frequency {
  readonly value: string;
  readonly count: number;
}

/**
 * The k most frequent values of a text, the most frequent first.
 * 
 * *When to use*: for the words, pages or categories that occur most within one key; for the best rows of a key, `topN`. *Details*: of equal ones the smaller text comes first; nulls are left out. Exact for up to 10,000 different values
 * in a step; further ones are counted together and not shown. Records can be taken back. *State*: about 40 bytes a key and value.
 *
 * @param k from 1 to 1,000
 * @throws HR_AGGREGATE
 * @example topK(clicks.category, 3)
 */
export function topK<Row>(of: Expression<Row, string | null> | RowFunction<Row, string | null>, k: number): Aggregate<Row, readonly Frequency[], 'takesBack'> {
  if (!Number.isInteger(k) || k < 1 || k > 1_000) throw new HeadraceError('HR_AGGREGATE', `topK of ${k}: give a whole number from 1 to 1,000.`);
  return aggregateOf({
    kind: 'derived',
    name: `top ${k}`,
    parts: [{ kind: 'leaf', leaf: { op: 'count', of: undefined, where: undefined, by: { kind: 'labels', of: expression(of), size: 0, accuracy: 0 } } }],
    result: ([counts]) =>
      Object.entries(counts as Record<string, number>)
        .filter(([value]) => value !== '~other')
        .sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))
        .slice(0, k)
        .map(([value, count]): Frequency => ({ value, count })),
  });
}
