import { expect, test } from 'vitest';
import { openEmbedded } from '../../connectors/embedded/embedded-runtime.js';
import { openTopicEncoder } from '../../dataflow/topic-encoder.js';
import { decisions } from '../../pipelines/decisions.js';
import { outcomes } from '../../pipelines/outcomes.js';
import propensityLog from '../../pipelines/propensity-log.js';
import { runEmbedded } from '../../runners/run-embedded.js';
import { topicRecords } from '../../runners/testing/topic-records.js';
import type { LoggedDecision } from '../../schemas/generated/logged-decision.js';
import { openDecisionLog } from '../../serving/decision-log.js';
import { softmax } from '../../serving/explore/softmax.js';
import { temporaryDirectory } from '../connectors/embedded/temporary-directory.js';

test('a service decides while propensity-log runs in the same process, over one data directory', async () => {
  const dataDir = temporaryDirectory();
  const runtime = openEmbedded({ dataDir, mode: 'write', owner: 'service' });
  const log = await openDecisionLog({ ...runtime, topic: decisions, partitions: 2 });
  const followed = await openTopicEncoder(outcomes, { ...runtime, partitions: 2 });
  const policy = softmax();
  const start = Date.UTC(2026, 0, 5);
  const stop = new AbortController();
  await expect(runEmbedded(propensityLog, { dataDir, abort: stop.signal })).rejects.toMatchObject({ code: 'HR_STATE_LOCKED' });
  const count = async () => ((await runtime.log.topics()).some(({ name }) => name === 'logged-decisions') ? (await topicRecords(runtime.log, runtime.registry, 'logged-decisions')).length : 0);
  let written = false;
  let told = () => {};
  const someAreOut = new Promise<void>((resolve) => (told = resolve));
  // a live run waits where it has taken everything
  const wait = async (): Promise<void> => {
    if (written && (await count()) > 0) told();
    await new Promise<void>((resolve) => setImmediate(resolve));
  };
  const running = runEmbedded(propensityLog, { dataDir, runtime, abort: stop.signal, commitMs: 5, wait });
  for (let minute = 0; minute < 90; minute++) {
    const decisionId = `d${minute}`;
    const choice = policy.choose([{ itemId: 'a', score: 1 }, { itemId: 'b', score: 0 }], { seed: decisionId, time: start + minute * 60_000 });
    await log.log({ decisionId, choice });
    followed.add({ outcomeId: `o${minute}`, decisionId, time: start + minute * 60_000 + 1_000, slot: 0, parts: { click: minute % 2 } });
    await runtime.log.append(followed.take());
  }
  // some windows end while the service is still there
  written = true;
  await someAreOut;
  stop.abort();
  await running;
  await log.close();
  await runEmbedded(propensityLog, { dataDir, runtime, bounded: true });
  const rows = (await topicRecords(runtime.log, runtime.registry, 'logged-decisions')).map(({ value }) => value as LoggedDecision);
  await runtime.close();
  expect(rows.map(({ decisionId }) => decisionId).sort()).toEqual(Array.from({ length: 90 }, (_, minute) => `d${minute}`).sort());
  expect(rows.reduce((sum, { reward }) => sum + reward, 0)).toBe(45);
});
