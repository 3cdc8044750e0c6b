import { mkdirSync, watch } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { clickWorld } from '../../../runners/simulate/click-world.js';
import { headrace, startHeadrace, workplace } from './headrace-process.js';

test('the world lies in the topic as it arrived, and the truth is told', async () => {
  const cwd = workplace();
  const words = ['simulate', '--events', '3000', '--seed', '7', '--users', '50', '--items', '20', '--rate', '10', '--partitions', '3', '--json'];
  const done = await headrace(words, { cwd });
  expect(done.code).toBe(0);
  const [truth] = done.json() as [{ items: unknown[]; viral: { itemId: string } }];
  expect(truth).toMatchObject({ topic: 'clicks', partitions: 3, events: 3_000, seed: '7', start: Date.UTC(2026, 0, 5), end: Date.UTC(2026, 0, 5) + 300_000 });
  expect(truth.items).toHaveLength(20);
  expect(truth.viral.itemId).toMatch(/^i\d+$/);

  const records = (await headrace(['topic', 'read', 'clicks', '--json'], { cwd })).json() as { partition: number; offset: number; timestamp: number; value: object }[];
  const world = [...clickWorld({ events: 3_000, seed: 7, users: 50, items: 20, rate: 10 })];
  const byPartition = new Map<number, object[]>();
  for (const { partition, offset, timestamp, value } of records) {
    const partitionRecords = byPartition.get(partition) ?? [];
    byPartition.set(partition, partitionRecords);
    expect(offset).toBe(partitionRecords.length);
    expect(timestamp).toBe((value as { timestamp: number }).timestamp);
    partitionRecords.push(value);
  }
  const where = new Map([...byPartition].flatMap(([partition, values]) => values.map((v) => [(v as { userId: string }).userId, partition] as const)));
  for (const [partition, values] of byPartition) expect(values).toEqual(world.filter((e) => where.get(e.userId) === partition));
  expect(records).toHaveLength(world.length);
});

test('a person gets the summary, another seed another world', async () => {
  const [one, two] = [workplace(), workplace()];
  const first = await headrace(['simulate', '--events', '100', '--seed', '1'], { cwd: one });
  expect(first.stdout).toMatch(/^100 events to the topic clicks \(4 partitions\) in \S+\nfrom 2026-01-05T00:00:00.000Z to 2026-01-06T00:00:00.000Z, 500 items/);
  await headrace(['simulate', '--events', '100', '--seed', '123456789012345678'], { cwd: two });
  const [a, b] = await Promise.all([one, two].map((cwd) => headrace(['topic', 'read', 'clicks', '--json'], { cwd })));
  expect(a!.json()).toHaveLength(100);
  expect(a!.stdout).not.toBe(b!.stdout);
});

test('an interrupted simulation keeps whole blocks and says so', async () => {
  const cwd = workplace();
  mkdirSync(join(cwd, '.headrace'));
  const { child, finished } = startHeadrace(['simulate', '--events', '20000000'], { cwd });
  let writes = 0;
  const watcher = watch(join(cwd, '.headrace'), (_, file) => {
    if (file === 'data.mdb' && ++writes === 20) child.kill('SIGINT');
  });
  const { code, stdout, stderr } = await finished;
  watcher.close();
  expect({ code, stdout, stderr }).toEqual({ code: 130, stdout: '', stderr: 'Interrupted. What was committed before stays.\n' });
  const [clicks] = (await headrace(['topic', 'list', '--json'], { cwd })).json() as { records: number }[];
  expect(clicks!.records % 32_768).toBe(0);
});

test('with decisions: a log of a policy, what followed, and what policies are worth', async () => {
  const cwd = workplace();
  const words = ['simulate', '--decisions', '400', '--epsilon', '0.5', '--slots', '2', '--users', '50', '--items', '30', '--partitions', '2'];
  const done = await headrace([...words, '--json'], { cwd });
  expect(done.code).toBe(0);
  const [told] = done.json() as [{ decisions: number; outcomes: number; values: Record<string, { value: number }> }];
  expect(told).toMatchObject({ topics: ['decisions', 'outcomes'], decisions: 400, partitions: 2, epsilon: 0.5, slots: 2 });
  expect(told.values['greedy']!.value).toBeGreaterThan(told.values['logged']!.value);
  expect(told.values['logged']!.value).toBeGreaterThan(told.values['uniform']!.value);
  const decisions = (await headrace(['topic', 'read', 'decisions', '--json'], { cwd })).json() as { value: object }[];
  expect(decisions).toHaveLength(400);
  expect(decisions[0]!.value).toMatchObject({ scheme: 'epsilon-greedy-slot', parameters: { epsilon: 0.5 }, policyId: 'simulated' });
  expect((await headrace(['topic', 'read', 'outcomes', '--json'], { cwd })).json()).toHaveLength(told.outcomes);
  const again = await headrace(words, { cwd });
  expect(again.stderr).toContain('The topic decisions already has 400 records');
  expect(again.stdout).toMatch(/^400 decisions to the topic decisions, .*\nepsilon-greedy with epsilon 0.5, 10 candidates, 2 slots; clicks a decision: 0\.\d+\ntrue values, in clicks a decision: logged 0\.\d+, uniform /);
});

test.each([
  [['--decisions', '10', '--events', '10'], 'Give --events or --decisions, not both.'],
  [['--epsilon', '0.1'], '--epsilon goes with --decisions.'],
  [['--decisions', '10', '--epsilon', '2'], '--epsilon is "2"; give a number from 0 to 1.'],
  [['--decisions', '10', '--candidates', '501'], '--candidates is "501"; give a whole number from 1 to 500.'],
])('simulate %j is refused', async (words, message) => {
  const done = await headrace(['simulate', ...words], { cwd: workplace() });
  expect(done.code).toBe(2);
  expect(done.stderr).toContain(message);
});
