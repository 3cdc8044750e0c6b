import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openEmbedded } from '../../../connectors/embedded/embedded-runtime.js';
import { openKafka } from '../../../connectors/kafka/kafka-runtime.js';
import { kafkaSettings } from '../../../connectors/kafka/kafka-settings.js';
import { temporaryDirectory } from '../../connectors/embedded/temporary-directory.js';
import { deleteTopics } from '../../connectors/kafka/delete-topics.js';
import { kafkaBrokers } from '../../services/kafka-brokers.js';
import { type ViewCounts, viewCounts } from '../operations/view-counts.js';
import { headrace, startHeadrace, workplace } from './headrace-process.js';

const brokers = await kafkaBrokers();

/** The same on both runtimes: look at state, forget that of a step, and go on. */
async function story(job: ViewCounts, env: Readonly<Record<string, string>>): Promise<void> {
  const on = { cwd: job.cwd, env };
  const run = async () => {
    const { child, finished, seen } = startHeadrace(['run', job.file], on);
    await seen('waits for more');
    child.kill('SIGTERM');
    return finished;
  };
  await run();
  const listed = (await headrace(['state', 'list', job.pipeline, '--json'], on)).json() as { step: string; kind: string; entries: number; bytes: number }[];
  expect(listed.map(({ step, kind }) => [step, kind])).toEqual([['newest', 'latest'], ['per-minute', 'window']]);
  expect(listed.every(({ entries, bytes }) => entries > 0 && bytes > 0)).toBe(true);

  const shown = (await headrace(['state', 'show', job.pipeline, 'per-minute', '--limit', '2', '--json'], on)).json();
  expect(shown).toMatchObject([{ key: expect.any(String) as unknown, bytes: expect.any(Number) as unknown }, {}]);
  const exported = (await headrace(['state', 'export', job.pipeline, 'per-minute', '--json'], on)).json() as { step: string; key: string; value: string }[];
  expect(exported).toHaveLength(listed[1]!.entries);
  expect(exported.reduce((sum, { key, value }) => sum + Buffer.from(key, 'base64').length + Buffer.from(value, 'base64').length, 0)).toBe(listed[1]!.bytes);

  const dropped = await headrace(['state', 'drop', job.pipeline, 'per-minute', '--json'], on);
  expect(dropped.json()).toEqual([{ pipeline: job.pipeline, step: 'per-minute', dropped: listed[1]!.entries }]);
  const left = (await headrace(['state', 'list', job.pipeline, '--json'], on)).json() as typeof listed;
  expect(left).toEqual([listed[0]]);
  // what is in force is told at the next start
  expect((await run()).stderr).toMatch(/state {4}per-minute \(window\) is new\n +newest \(latest\) carries over/);
}

test('embedded: state is listed, shown, exported and dropped', async () => {
  const job = viewCounts('state-embedded');
  const runtime = openEmbedded({ dataDir: `${job.cwd}/.headrace`, mode: 'write' });
  await job.plant(runtime, 300);
  await runtime.close();
  await story(job, {});
});

describe.skipIf(brokers === undefined)('on Kafka', () => {
  const name = 'state-kafka';
  const clean = () => deleteTopics(brokers!, ['views', 'counts', 'newest'].map((topic) => `${name}-${topic}`), [name]);
  beforeAll(clean);
  afterAll(clean);

  test('the same, from a machine that has no copy of the state', async () => {
    const job = viewCounts(name);
    const runtime = await openKafka({ settings: kafkaSettings({ KAFKA_BROKERS: brokers })!, dataDir: temporaryDirectory(), mode: 'read' });
    await job.plant(runtime, 300);
    await runtime.close();
    await story(job, { KAFKA_BROKERS: brokers!, HEADRACE_DATA_DIR: temporaryDirectory() });
  });
});

test.each([
  [['state', 'lst', 'p'], 'HR_USAGE', 'list'],
  [['state', 'show', 'p'], 'HR_USAGE', 'state show PIPELINE STEP'],
  [['state', 'list', 'p', '--limit', '3'], 'HR_USAGE', 'no option --limit'],
  [['savepoint', 'tak', 'p', 'f'], 'HR_USAGE', 'take'],
  [['savepoint', 'take', 'p'], 'HR_USAGE', 'savepoint take PIPELINE FILE'],
  [['savepoint', 'take', 'p', 'f', '--replace'], 'HR_USAGE', 'no option --replace'],
  [['savepoint', 'show', 'none'], 'HR_INPUT_FILE', 'none'],
])('%j is refused', async (words, code, message) => {
  const { stderr } = await headrace(words, { cwd: workplace() });
  expect(stderr).toMatch(new RegExp(`^${code} `));
  expect(stderr).toContain(message);
});
