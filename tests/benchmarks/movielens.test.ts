import { expect, test } from 'vitest';
import { differenceOf, perUser } from '../../benchmarks/movielens.js';
import { movielensDays } from '../../benchmarks/movielens-days.js';
import { itemKnn, type Liked, popularity } from '../../benchmarks/movielens-rankers.js';
import { hasOnnx } from '../connectors/onnx-here.js';
import { hasShared, sharedFile } from '../evaluation/shared-files.js';

const liked = (user: string, item: string, time: number): Liked => ({ user, item, category: '', time });

test('popularity counts likes, old ones less; item-kNN goes from what was liked to what the same people liked', () => {
  const day = 86_400_000;
  const likes = [liked('a', 'x', 0), liked('b', 'x', 0), liked('a', 'y', 10 * day), liked('b', 'z', 10 * day), liked('c', 'z', 10 * day)];
  const scoreOf = ({ ids, scores }: ReturnType<ReturnType<typeof popularity>>, id: string) => scores[ids.indexOf(id)]!;
  const popular = popularity(likes, 10)('', []);
  expect(['x', 'y', 'z'].map((id) => scoreOf(popular, id))).toEqual([1, 1, 2]);
  const near = itemKnn(likes, { neighbours: 5, shrink: 0, recency: 1 })('', ['x']);
  // x and y: one of two and one; x and z: one of two and two
  expect(['x', 'y', 'z'].map((id) => Number(scoreOf(near, id).toFixed(3)))).toEqual([0, Number(Math.SQRT1_2.toFixed(3)), 0.5]);
});

// a minute of CPU: the benchmark of that name has the whole of it
const isLong = process.env.HEADRACE_FAULTS === 'long';

test.skipIf(!isLong || !hasOnnx || !hasShared('data/movielens-small'))('on MovieLens by time base and head find more than popularity and item-kNN, surely', { timeout: 600_000 }, async () => {
  const { byUser } = await movielensDays({ folder: sharedFile('data/movielens-small'), seed: 3, from: 0.7, measuredFrom: 0.85, measuredTo: 0.95 });
  const own = perUser(byUser, 'base and head', 'recall');
  for (const other of ['popularity', 'item-kNN']) expect(differenceOf(own, perUser(byUser, other, 'recall'), 1).low, other).toBeGreaterThan(0);
});
