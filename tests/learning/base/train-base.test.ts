import { describe, expect, test } from 'vitest';
import { splitmix } from '../../../dataflow/splitmix.js';
import { bagsOf } from '../../../learning/base/bags.js';
import { checkBaseOf, decodeBase } from '../../../learning/base/base.js';
import { basePlan } from '../../../learning/base/base-plan.js';
import { embedBag } from '../../../learning/base/embed-bag.js';
import { inOrder, type Interaction, interactionOf, interactionsOf } from '../../../learning/base/interactions.js';
import { largestOf, ndcgOf, recallOf } from '../../../learning/base/recall.js';
import { type OpenTowers, pairsOf, trainBase } from '../../../learning/base/train-base.js';
import { openTowerSessions } from '../../../learning/base/tower-sessions.js';
import { tokensOf, vocabularyOf } from '../../../learning/base/vocabulary.js';
import { drawOf } from '../../../learning/reservoir.js';
import { hasOnnx } from '../../connectors/onnx-here.js';
import { decisionsOf } from '../head-training-job.js';

const open: OpenTowers = (shape, { temperature, clipNorm }) => openTowerSessions(shape, { providers: ['cpu'], temperature, clipNorm });
const plan = basePlan({ model: 'base', width: 8, history: 5, training: { batch: 64, epochs: 6, learningRate: 0.01 } });

/** Two kinds of people, who like the items of their kind. */
function kinds(n: number, seed: number): Interaction[] {
  const random = splitmix(seed);
  return Array.from({ length: n }, (_, i) => {
    const user = random.below(60);
    const item = 2 * random.below(30) + (random.unit() < 0.9 ? user % 2 : random.below(2));
    return { user: `u${user}`, item: `i${item}`, category: `c${item % 4}`, creator: '', time: 1_000 * i };
  });
}

describe.skipIf(!hasOnnx)('a base', () => {
  test('is the same bytes, whatever the order in which its interactions came; knows who likes what; gives embeddings of new users', async () => {
    const interactions = kinds(3_000, 1);
    const { bytes, base, metrics, verdict } = await trainBase(plan, open, interactions);
    const again = await trainBase(plan, open, [...interactions].reverse());
    expect(Buffer.from(again.bytes).equals(Buffer.from(bytes))).toBe(true);
    expect(verdict!.verdict).toBe('passed');
    // Of 60 items a user's 30 come first: by chance and by popularity 20 of 60 would be found, or as few.
    expect(metrics['recallAt20']).toBeGreaterThan(1.4 * metrics['popularRecallAt20']!);
    expect(base.trainedTo).toBe(inOrder(interactions)[2_699]!.time);
    expect([base.users.ids.length, base.items.ids.length]).toEqual([60, 60]);
    expect(base.users.rowOfDraw(drawOf('u7'))).toBe(base.users.row('u7'));
    expect([base.items.row('i60'), base.items.rowOfDraw(drawOf('i60'))]).toEqual([-1, -1]);
    // Somebody new who has chosen items of one kind is near to the others of it.
    const vocabulary = vocabularyOf(base.tokens, base);
    const user = embedBag(base, 'user', vocabulary.userBag('new', ['i1', 'i3', 'i5']));
    const score = (item: string) => user.reduce((sum, x, k) => sum + x * base.items.values[base.items.row(item) * 8 + k]!, 0);
    const mean = (odd: number) => Array.from({ length: 20 }, (_, j) => score(`i${2 * j + 10 + odd}`)).reduce((sum, x) => sum + x, 0) / 20;
    expect(mean(1)).toBeGreaterThan(mean(0) + 0.2);
    // as the tower's own model has it
    const sessions = await open(base.shape, plan);
    const bag = vocabulary.userBag('u3', ['i1', 'i2', 'i9']);
    const own = await sessions.embed(base.parameters, 'user', bagsOf([bag]));
    embedBag(base, 'user', bag).forEach((x, k) => expect(x).toBeCloseTo(own[k]!, 5));
    await sessions.close();
  });

  test('goes on from the one before, and is refused when it is worse; its space stays', async () => {
    const first = await trainBase(plan, open, kinds(3_000, 1));
    const more = kinds(4_000, 1);
    const second = await trainBase({ ...plan, training: { ...plan.training, epochs: 1, learningRate: 1e-4 } }, open, more, first.base);
    const near = ['i1', 'i2', 'i3'].map((id) => {
      const [a, b] = [first.base, second.base].map(({ items }) => items.values.subarray(items.row(id) * 8, items.row(id) * 8 + 8)) as [Float32Array, Float32Array];
      return a.reduce((sum, x, k) => sum + x * b[k]!, 0);
    });
    expect(Math.min(...near)).toBeGreaterThan(0.98);
    expect(second.verdict!.checks[0]).toMatchObject({ verdict: 'passed', limit: 'not below the champion, beyond chance' });
    // What was clicked has nothing to do with who clicked: a base that learns that long enough has forgotten.
    const random = splitmix(9);
    const shuffled = more.map((x, i) => (i < 3_600 ? { ...x, item: `i${random.below(60)}` } : x));
    const worse = await trainBase({ ...plan, training: { batch: 64, epochs: 20, learningRate: 0.02 } }, open, shuffled, first.base);
    expect(worse.verdict!.verdict).toBe('rejected');
  });

  test('with layers above the bags it is computed the same in a look-up as in its model', async () => {
    const deep = basePlan({ model: 'deep', width: 8, hidden: [12, 10], history: 5, judged: 0, training: { batch: 64, epochs: 1 } });
    const { base, verdict } = await trainBase(deep, open, kinds(500, 3));
    expect(verdict).toBeUndefined();
    const vocabulary = vocabularyOf(base.tokens, base);
    const row = base.items.row('i5');
    const bag = vocabulary.itemBag({ item: 'i5', category: 'c1', creator: '' });
    embedBag(base, 'item', bag).forEach((x, k) => expect(x).toBeCloseTo(base.items.values[8 * row + k]!, 5));
  });

  test.each([
    ['no interactions', [], '0 interactions are too few'],
    ['what occurs once', kinds(2, 1).map((x, i) => ({ ...x, user: `u${i}`, item: `j${i}`, category: '' })), 'Nothing of 2 interactions occurs 2 times'],
    ['nobody to judge it by', kinds(40, 1), 'a base is judged by at least 20'],
  ])('of %s is refused', async (_, interactions, message) => {
    await expect(trainBase(plan, open, interactions)).rejects.toThrow(expect.objectContaining({ code: 'HR_EXAMPLES', message: expect.stringContaining(message) }));
  });

  test('is read again as it was written; one that was changed is refused, and so is a head of another', async () => {
    const { bytes, base } = await trainBase(basePlan({ ...plan, judged: 0 }), open, kinds(300, 2));
    expect(decodeBase(bytes).items.values).toEqual(base.items.values);
    for (const wrong of [bytes.subarray(1), Buffer.from(bytes).fill(7, 900, 901), new Uint8Array(0)]) expect(() => decodeBase(wrong)).toThrow(expect.objectContaining({ code: 'HR_MODEL_CORRUPT' }));
    checkBaseOf(base.digest, base, 'head 3');
    checkBaseOf(undefined, undefined, 'head 3');
    for (const [named, given] of [['abc', base], [undefined, base], ['abc', undefined]] as const) expect(() => checkBaseOf(named, given, 'head 3')).toThrow(expect.objectContaining({ code: 'HR_MODEL', message: expect.stringContaining('head 3 was trained on') }));
  });
});

test('pairs know only what was chosen before; items are corrected for by exact counts', () => {
  const at = (user: string, item: string, time: number): Interaction => ({ user, item, category: '', creator: '', time });
  const learned = inOrder([at('a', 'x', 1), at('a', 'y', 1), at('a', 'z', 2), at('b', 'x', 3), at('a', 'x', 4), at('a', 'x', 4)]);
  expect(learned.length).toBe(5);
  const own = { ...plan, least: 1, recency: 0.5 };
  const vocabulary = vocabularyOf(tokensOf(learned, own), own);
  const name = (token: number) => vocabulary.names[token];
  const { pairs, users } = pairsOf(learned, vocabulary);
  // who has chosen nothing yet is no pair, and two things of one moment do not foresee each other
  const bags = Array.from({ length: pairs.length }, (_, i) => Array.from(pairs.users.tokens.subarray(pairs.users.start[i]!, pairs.users.start[i + 1]!), name));
  expect(bags).toEqual([['item y', 'item x'], ['item z', 'item y', 'item x']]);
  expect([...pairs.users.weights.subarray(2)].map((w) => Number(w.toFixed(4)))).toEqual([0.5714, 0.2857, 0.1429]);
  expect([...pairs.logQ].map(Math.exp).map((q) => Number(q.toFixed(3)))).toEqual([0.5, 0.5, 0.5]);
  expect(users.ids).toEqual(['a', 'b']);
  const withUsers = { ...own, userTokens: true, least: 2 };
  expect(tokensOf(learned, withUsers)).toEqual(['item x', 'user a']);
});

test('interactions are what was clicked: of decisions that were shown, and of events that choose', () => {
  const [decision] = decisionsOf(1).filter(({ outcomes }) => outcomes.some(({ parts }) => (parts['click'] ?? 0) > 0));
  const clicked = decision!.outcomes.flatMap(({ parts }, slot) => ((parts['click'] ?? 0) > 0 ? [decision!.candidates[decision!.slots[slot]!.candidate]!.itemId] : []));
  expect(interactionsOf(decision!).map(({ item }) => item)).toEqual(clicked);
  expect(interactionsOf({ ...decision!, overridden: 'editor' })).toEqual([]);
  const event = { eventId: 'e', userId: 'u', itemId: 'i', creatorId: 'c', category: 'k', watchMs: 0, durationMs: 0, timestamp: 5, surface: '', position: 0, agent: null, decisionId: null } as const;
  expect(interactionOf({ ...event, eventType: 'LIKE' })).toEqual([{ user: 'u', item: 'i', category: 'k', creator: 'c', time: 5 }]);
  expect(interactionOf({ ...event, eventType: 'IMPRESSION' })).toEqual([]);
});

test('the largest are those of a sort; recall and gain are what they are by hand', () => {
  const random = splitmix(4);
  for (const [n, k] of [[0, 3], [2, 3], [3, 3], [100, 1], [100, 7], [1_000, 20]] as const) {
    const scores = Float32Array.from({ length: n }, () => random.below(30));
    const keep = (i: number) => i % 3 !== 0;
    const sorted = Array.from({ length: n }, (_, i) => i).filter(keep).sort((a, b) => scores[b]! - scores[a]! || a - b).slice(0, k);
    expect([...largestOf(scores, k, keep)]).toEqual(sorted);
  }
  const wanted = new Set(['a', 'b', 'c']);
  expect(recallOf(['a', 'x', 'c', 'b'], wanted, 3)).toBeCloseTo(2 / 3, 12);
  expect(recallOf(['a', 'x'], wanted, 2)).toBe(0.5);
  expect(ndcgOf(['a', 'x', 'c'], wanted, 3)).toBeCloseTo((1 + 1 / 2) / (1 + 1 / Math.log2(3) + 1 / 2), 12);
});

test.each([
  [{ recency: 0 }, 'recency is 0'],
  [{ judged: 1 }, 'judged is 1'],
  [{ history: 0 }, 'history is 0'],
  [{ temperature: 0 }, 'temperature is 0'],
  [{ widht: 3 }, 'has no option "widht"'],
  [{ width: 5_000 }, 'Towers have'],
])('a plan with %j is refused', (wrong, message) => {
  expect(() => basePlan({ model: 'b', ...wrong } as Parameters<typeof basePlan>[0])).toThrow(expect.objectContaining({ code: 'HR_ARGUMENT', message: expect.stringContaining(message) }));
});
