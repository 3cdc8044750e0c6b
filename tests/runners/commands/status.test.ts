import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openEmbedded } from '../../../connectors/embedded/embedded-runtime.js';
import { epochsTopic, pipelineOf } from '../../../connectors/kafka/internal-topics.js';
import { openKafka } from '../../../connectors/kafka/kafka-runtime.js';
import { kafkaSettings } from '../../../connectors/kafka/kafka-settings.js';
import { temporaryDirectory } from '../../connectors/embedded/temporary-directory.js';
import { deleteTopics } from '../../connectors/kafka/delete-topics.js';
import { kafkaBrokers } from '../../services/kafka-brokers.js';
import { type ViewCounts, viewCounts } from '../operations/view-counts.js';
import { headrace, startHeadrace, workplace } from './headrace-process.js';

const brokers = await kafkaBrokers();

interface Shown {
  readonly epoch: number;
  readonly lag: number;
  readonly committedAt: number;
  readonly watermarkDelayMs: number | null;
  readonly inputs: readonly { readonly topic: string; readonly partition: number; readonly position: number; readonly lag: number }[];
  readonly members: readonly { readonly name: string; readonly inputs: readonly string[]; readonly standby?: readonly number[] }[] | null;
}

const status = async ({ cwd, pipeline }: ViewCounts, env: Readonly<Record<string, string>> = {}) => (await headrace(['status', pipeline, '--json'], { cwd, env })).json()[0] as Shown;

/** The same story on both runtimes: run live, look, stop, more records come, look again. */
async function story(job: ViewCounts, env: Readonly<Record<string, string>>, plant: (n: number, from: number) => Promise<void>) {
  await plant(300, 0);
  const before = Date.now();
  const { child, finished, seen } = startHeadrace(['run', job.file], { cwd: job.cwd, env });
  await seen('waits for more');
  const running = await status(job, env);
  expect(running.lag).toBe(0);
  expect(running.epoch).toBeGreaterThan(0);
  expect(running.committedAt).toBeGreaterThanOrEqual(before);
  // no disorder: the watermark is at the start of the newest tick of 100 ms
  expect(running.watermarkDelayMs).toBeLessThanOrEqual(1_000);
  expect(running.inputs.map((i) => `${i.topic}/${i.partition}`)).toEqual([`${job.input}/0`, `${job.input}/1`]);
  child.kill('SIGTERM');
  await finished;
  await plant(50, 300);
  const behind = await status(job, env);
  expect(behind.inputs.reduce((sum, i) => sum + i.lag, 0)).toBe(behind.lag);
  return { running, behind };
}

test('embedded: lag, watermark delay, epoch, last commit, and the process that runs it', async () => {
  const job = viewCounts('status-embedded');
  const { running, behind } = await story(job, {}, async (n, from) => {
    const runtime = openEmbedded({ dataDir: `${job.cwd}/.headrace`, mode: 'write' });
    await job.plant(runtime, n, from);
    await runtime.close();
  });
  expect(running.members).toEqual([{ name: expect.stringMatching(/^pid \d+ on /) as unknown, since: expect.any(Number) as unknown, inputs: 'all' }]);
  expect(behind).toMatchObject({ lag: 50, members: [] });
  const { stdout } = await headrace(['status'], { cwd: job.cwd });
  expect(stdout).toMatch(/^status-embedded: epoch \d+, committed \S+ ago, 50 records behind\n {2}newest record 2026-01-05T00:0\d:\d\d.000Z, watermark \S+ behind it\n {2}nobody runs it\n {2}input +position {2}end {2}lag\n/);
});

test('who has run nothing is told so; a name that is not there has a nearest one', async () => {
  const cwd = workplace();
  expect(await headrace(['status'], { cwd })).toMatchObject({ code: 0, stdout: '', stderr: 'No pipeline has run in ./.headrace.\n' });
  const job = viewCounts('status-near');
  const runtime = openEmbedded({ dataDir: `${job.cwd}/.headrace`, mode: 'write' });
  await runtime.log.commit({ pipeline: 'status-near', epoch: 1, outputs: [], state: [], positions: [], journal: [] });
  await runtime.close();
  expect((await headrace(['status', 'status-neer'], { cwd: job.cwd })).stderr).toMatch(/^HR_PIPELINE_UNKNOWN .*status-near/);
  // an epoch of a version that did not tell its times
  expect((await headrace(['status', '--json'], { cwd: job.cwd })).json()).toMatchObject([{ epoch: 1, committedAt: null, newest: null, watermarkDelayMs: null, lag: 0 }]);
});

describe.skipIf(brokers === undefined)('on Kafka', () => {
  const [name, shared] = ['status-kafka_1', 'status-shared'];
  const clean = () => deleteTopics(brokers!, [name, shared].flatMap((job) => ['views', 'counts', 'newest'].map((topic) => `${job}-${topic}`)), [name, shared]);
  beforeAll(clean);
  afterAll(clean);

  test('the same from outside', async () => {
    const here = viewCounts(name);
    const runtime = await openKafka({ settings: kafkaSettings({ KAFKA_BROKERS: brokers })!, dataDir: temporaryDirectory(), mode: 'read' });
    const { behind } = await story(here, { KAFKA_BROKERS: brokers! }, (n, from) => here.plant(runtime, n, from));
    // markers of transactions take offsets as well
    expect(behind.lag).toBeGreaterThanOrEqual(50);
    expect(behind.lag).toBeLessThanOrEqual(54);
    expect(await runtime.directory.names()).toContain(name);
    // a group without members does not tell whether a process has claimed the pipeline as a whole
    expect(behind.members).toBeNull();
    await runtime.close();
  });

  test('two processes that share the tasks: each is ready with its partitions, and status names both', async () => {
    const here = viewCounts(shared);
    // what goes to another topic by another way than its key would have all tasks in one process
    here.write((text) => text.replace(/^ {4}byUser\.pipe\(latest.*\n/m, ''));
    const runtime = await openKafka({ settings: kafkaSettings({ KAFKA_BROKERS: brokers })!, dataDir: temporaryDirectory(), mode: 'read' });
    await here.plant(runtime, 300);
    await runtime.close();
    const env = { KAFKA_BROKERS: brokers!, KAFKA_STANDBY: '1' };
    const start = () => startHeadrace(['run', here.file, '--http', '0'], { cwd: here.cwd, env: { ...env, HEADRACE_DATA_DIR: temporaryDirectory() } });
    const processes = [start(), start()];
    const urls: string[] = [];
    for (const { seen, stderr } of processes) {
      await seen('Metrics and health');
      urls.push(/http:\/\/[\d.:]+/.exec(stderr())![0]);
    }
    const assigned = async (url: string) => ((await (await fetch(`${url}/readyz`)).json()) as { assigned: string[] }).assigned;
    const spread = async () => (await Promise.all(urls.map(assigned))).map((inputs) => inputs.join());
    for (let looks = 0; looks < 300 && (await spread()).some((inputs) => inputs.split(',').length !== 1 || inputs === ''); looks++) await new Promise((resolve) => setTimeout(resolve, 200));
    const both = await spread();
    expect(both.toSorted()).toEqual([`${here.input}/0`, `${here.input}/1`]);
    const { members } = await status(here, env);
    expect(members!.map(({ inputs }) => inputs).flat().sort()).toEqual([`${here.input}/0`, `${here.input}/1`]);
    expect(members).toHaveLength(2);
    // each has a copy of what the other runs
    for (const { inputs, standby } of members!) expect(inputs).toEqual([`${here.input}/${1 - standby![0]!}`]);
    const metrics = await (await fetch(`${urls[0]}/metrics`)).text();
    expect([...metrics.matchAll(/^headrace_input_lag_records\{.*partition="(\d)"\}/gm)].map(([, p]) => `${here.input}/${p}`)).toEqual([both[0]]);
    expect(metrics).toContain(`headrace_assigned_partitions{pipeline="${shared}"} 1\n`);
    for (const { child } of processes) child.kill('SIGTERM');
    for (const { finished } of processes) expect((await finished).code).toBe(0);
    expect((await status(here, env)).members).toBeNull();
  });
});

test('the name of a pipeline comes back from the topic of its epochs', () => {
  for (const name of ['click-features', 'a_b', 'Ünïcode', '日本']) expect(pipelineOf(epochsTopic(name))).toBe(name);
  for (const other of ['clicks', '_headrace.schemas', '_headrace.a.changelog']) expect(pipelineOf(other)).toBeUndefined();
});
