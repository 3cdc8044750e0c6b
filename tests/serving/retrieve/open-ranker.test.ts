import { describe, expect, test } from 'vitest';
import { basePlan } from '../../../learning/base/base-plan.js';
import { trainBase } from '../../../learning/base/train-base.js';
import { openTowerSessions } from '../../../learning/base/tower-sessions.js';
import { headPlan } from '../../../learning/head-plan.js';
import { openHeadSessions } from '../../../learning/head-sessions.js';
import { encodeHead, newHead } from '../../../learning/head-state.js';
import { openModelRegistry } from '../../../learning/model-registry.js';
import { memoryRuntime } from '../../../runners/testing/index.js';
import { decisionOf } from '../../../serving/decision-of.js';
import { epsilonGreedy } from '../../../serving/explore/epsilon-greedy.js';
import { openRanker } from '../../../serving/retrieve/open-ranker.js';
import { hasOnnx } from '../../connectors/onnx-here.js';

const plan = headPlan({ model: 'head', layout: { context: ['load'], candidate: ['age'] }, base: { model: 'towers', width: 8 }, hidden: [6] });

async function baseOf(epochs: number): Promise<Uint8Array> {
  const interactions = Array.from({ length: 400 }, (_, i) => ({ user: `u${i % 20}`, item: `i${(i * 7 + (i % 20)) % 30}`, category: '', creator: '', time: i }));
  const { bytes } = await trainBase(basePlan({ model: 'towers', width: 8, judged: 0, training: { epochs } }), (shape, { temperature }) => openTowerSessions(shape, { providers: ['cpu'], temperature }), interactions);
  return bytes;
}

async function registered() {
  const runtime = memoryRuntime();
  const registry = () => openModelRegistry({ ...runtime, clock: { now: () => 0 } });
  const add = async (model: string, artefact: Uint8Array) => {
    const models = await registry();
    const { version, artefact: digest } = await models.register(model, { artefact });
    await models.promote(model, version, 'champion');
    return digest;
  };
  const head = async (base: string | undefined, seed: number) => add('head', encodeHead({ ...newHead(plan.shape, seed), ...(base === undefined ? {} : { base }) }));
  return { registry, head, base: async (epochs: number) => add('towers', await baseOf(epochs)) };
}

describe.skipIf(!hasOnnx)('a ranker', () => {
  test('serves a head with the base that it names, whichever base is champion; both versions go into the log', async () => {
    const models = await registered();
    const first = await models.base(1);
    await models.head(first, 1);
    const second = await models.base(2);
    const ranker = await openRanker({ plan, registry: models.registry });
    const pair = ranker.current!;
    expect([pair.modelVersion, pair.baseVersion, pair.base.digest]).toEqual(['1', '1', first]);
    const near = pair.retrieve({ userId: 'u3' }, 5);
    expect(near.map(({ score }) => score)).toEqual(near.map(({ score }) => score).sort((a, b) => b - a));
    expect([pair.retrieve({ userId: 'nobody' }, 5), pair.retrieve({ userId: 'nobody', chosen: ['i1', 'i2'] }, 5).length]).toEqual([[], 5]);
    // scored as the trainer scores
    const candidates = near.map(({ itemId }, i) => ({ itemId, features: [0.5, i, 1] }));
    const scores = await pair.score({ userId: 'u3' }, candidates);
    const sessions = await openHeadSessions(plan.shape, { providers: ['cpu'] });
    const own = await sessions.score(newHead(plan.shape, 1).parameters, { length: 5, tables: [pair.base.users, pair.base.items], embedded: [new Int32Array(5).fill(pair.base.users.row('u3')), Int32Array.from(candidates, ({ itemId }) => pair.base.items.row(itemId))], features: Float32Array.from(candidates.flatMap(({ features }) => features)), click: new Float32Array(5) });
    await sessions.close();
    own.forEach((score, i) => expect(scores[i]).toBeCloseTo(score, 6));
    const choice = epsilonGreedy({ epsilon: 0.1 }).choose(near, { seed: 'd1' });
    expect(decisionOf({ decisionId: 'd1', choice, modelVersion: pair.modelVersion, baseVersion: pair.baseVersion })).toMatchObject({ modelVersion: '1', baseVersion: '1' });

    // A head on the new base: whoever holds the old pair goes on with it, and what is taken from now on is the new one, whole.
    await models.head(second, 2);
    const during = pair.score({ userId: 'u3' }, candidates);
    expect([await ranker.refresh(), await ranker.refresh()]).toEqual([true, false]);
    expect([ranker.current!.modelVersion, ranker.current!.baseVersion]).toEqual(['2', '2']);
    expect(await during).toEqual(scores);
    expect(await pair.score({ userId: 'u3' }, candidates)).toEqual(scores);
    await ranker.close();
  });

  test('refuses a head of a base that is not there, of none, and of another layout: what serves goes on', async () => {
    const models = await registered();
    expect((await openRanker({ plan, registry: models.registry })).current).toBeUndefined();
    await models.head(await models.base(1), 1);
    const ranker = await openRanker({ plan, registry: models.registry });
    const refused = async (message: string) => {
      await expect(ranker.refresh()).rejects.toThrow(expect.objectContaining({ code: 'HR_MODEL', message: expect.stringContaining(message) }));
      expect(ranker.current!.modelVersion).toBe('1');
      expect((await ranker.current!.score({ userId: 'u1' }, [{ itemId: 'i1', features: [0, 0, 1] }])).length).toBe(1);
    };
    await models.head('0'.repeat(64), 2);
    await refused('Version 2 of head was trained on base 000000000000, and towers has no such version.');
    await models.head(undefined, 3);
    await refused('Version 3 of head is on no base');
    for (const features of [[0], [0, Number.NaN, 1]]) await expect(ranker.current!.score({ userId: 'u1' }, [{ itemId: 'i1', features }])).rejects.toThrow(expect.objectContaining({ code: 'HR_EXAMPLES' }));
    await ranker.close();
  });
});
