import { describe, expect, test } from 'vitest';
import { openEmbedded } from '../../connectors/embedded/embedded-runtime.js';
import type { LogClient } from '../../dataflow/ports/log-client.js';
import { decisions } from '../../pipelines/decisions.js';
import { memoryRuntime } from '../../runners/testing/memory-runtime.js';
import { topicRecords } from '../../runners/testing/topic-records.js';
import type { Decision } from '../../schemas/generated/decision.js';
import { decisionOf } from '../../serving/decision-of.js';
import { openDecisionLog } from '../../serving/decision-log.js';
import { epsilonGreedy } from '../../serving/explore/epsilon-greedy.js';
import { temporaryDirectory } from '../connectors/embedded/temporary-directory.js';

const items = Array.from({ length: 8 }, (_, i) => ({ itemId: `i${i}`, score: i / 7, creatorId: `c${i}`, features: [i, 0.1] }));
const policy = epsilonGreedy({ epsilon: 0.3, slots: 3, version: '7' });
const facts = (d: number, more: { pdrop?: number } = {}) => ({
  decisionId: `d${d}`, choice: policy.choose(items, { seed: `d${d}`, time: 1_700_000_000_000 + d }), userId: `u${d % 3}`, surface: 'feed',
  context: { hour: 1 / 3 }, attributes: { country: 'fr' }, modelVersion: 'm1', modelOffsets: { 'clicks/0': 17 }, ...more,
});
/** Without the classes of avsc. */
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));
const logged = async ({ log, registry }: Parameters<typeof openDecisionLog>[0]) => (await topicRecords(log, registry, 'decisions')).map(({ key, timestamp, value }) => ({ key, timestamp, value: plain(value) as Decision }));

describe('openDecisionLog', () => {
  test('what is awaited is in the log, as it was and once; decisions of one moment share a commit', async () => {
    const dataDir = temporaryDirectory();
    const runtime = openEmbedded({ dataDir, mode: 'write', owner: 'test' });
    let commits = 0;
    const log: LogClient = { ...runtime.log, append: (outputs) => (commits++, runtime.log.append(outputs)) };
    const options = { log, registry: runtime.registry, topic: decisions };
    const decisionLog = await openDecisionLog(options);
    const first = facts(0);
    expect(await decisionLog.log(first)).toBe(true);
    expect(await logged(options)).toEqual([{ key: 'd0', timestamp: first.choice.time, value: plain(decisionOf(first)) }]);
    const more = Array.from({ length: 100 }, (_, d) => facts(d + 1));
    await Promise.all(more.map((f) => decisionLog.log(f)));
    expect(commits).toBe(2);
    const all = await logged(options);
    expect(all.map(({ key }) => key).sort()).toEqual([first, ...more].map(({ decisionId }) => decisionId).sort());
    for (const f of more) expect(all.find(({ key }) => key === f.decisionId)!.value).toEqual(plain(decisionOf(f)));
    expect(all[0]!.value).toMatchObject({ policyId: 'epsilon-greedy-slot', policyVersion: '7', scheme: 'epsilon-greedy-slot', parameters: { epsilon: 0.3 }, seed: all[0]!.key });
    await decisionLog.close();
    await runtime.close();
  });

  test('what comes while the log is busy goes into its next commit; close waits for it', async () => {
    const runtime = memoryRuntime();
    const sizes: number[] = [];
    let release = () => {};
    const log: LogClient = {
      ...runtime.log,
      async append(outputs) {
        sizes.push(outputs.reduce((n, { block }) => n + block.count, 0));
        if (sizes.length === 1) await new Promise<void>((resolve) => (release = resolve));
        return runtime.log.append(outputs);
      },
    };
    const decisionLog = await openDecisionLog({ ...runtime, log, topic: decisions });
    const first = decisionLog.log(facts(0));
    await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setImmediate(resolve));
    const others = [1, 2, 3].map((d) => decisionLog.log(facts(d)));
    const closed = decisionLog.close();
    expect(sizes).toEqual([1]);
    release();
    await closed;
    await Promise.all([first, ...others]);
    expect(sizes).toEqual([1, 3]);
    await expect(decisionLog.log(facts(9))).rejects.toMatchObject({ code: 'HR_DECISION_BACKLOG' });
  });

  test('a commit that fails is told to every decision in it, and the next ones go on', async () => {
    const runtime = memoryRuntime();
    let isFull = true;
    const log: LogClient = { ...runtime.log, append: async (outputs) => (isFull ? Promise.reject(new Error('full')) : runtime.log.append(outputs)) };
    const options = { ...runtime, log, topic: decisions };
    const decisionLog = await openDecisionLog(options);
    const results = await Promise.allSettled([decisionLog.log(facts(0)), decisionLog.log(facts(1))]);
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    isFull = false;
    await decisionLog.log(facts(2));
    expect((await logged(options)).map(({ key }) => key)).toEqual(['d2']);
  });

  test('more than may wait is refused, and so is what does not fit', async () => {
    const decisionLog = await openDecisionLog({ ...memoryRuntime(), topic: decisions, maxWaiting: 500 });
    const first = decisionLog.log(facts(0));
    await expect(decisionLog.log(facts(1))).rejects.toMatchObject({ code: 'HR_DECISION_BACKLOG', message: '1 decisions are waiting for the log.' });
    await first;
    await decisionLog.log(facts(1));
    await expect(decisionLog.log({ ...facts(2), userId: 7 as never })).rejects.toMatchObject({ code: 'HR_DECISION', message: expect.stringContaining('Decision d2 does not fit the topic') as string });
    await expect(decisionLog.log(facts(3, { pdrop: 1 }))).rejects.toMatchObject({ code: 'HR_DECISION', message: 'Decision d3: pdrop is 1; it is at least 0 and less than 1.' });
  });

  test('pdrop leaves out its share, by the seed alone, and is logged', async () => {
    const options = { ...memoryRuntime(), topic: decisions };
    const decisionLog = await openDecisionLog(options);
    const n = 2_000;
    const kept = await Promise.all(Array.from({ length: n }, (_, d) => decisionLog.log(facts(d, { pdrop: 0.75 }))));
    const again = await Promise.all(Array.from({ length: 50 }, (_, d) => decisionLog.log(facts(d, { pdrop: 0.75 }))));
    expect(again).toEqual(kept.slice(0, 50));
    const share = kept.filter(Boolean).length / n;
    expect(Math.abs(share - 0.25)).toBeLessThan(4 * Math.sqrt((0.25 * 0.75) / n));
    expect((await logged(options))[0]!.value.pdrop).toBe(0.75);
  });
});
