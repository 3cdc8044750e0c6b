/*
 * Results are a function of the data alone: not of how many records are taken at a time, when epochs are committed, or who does the work.
 */
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryDirectory } from './connectors/embedded/temporary-directory.js';
import { differences } from './faults/differences.js';
import { plantClicks } from './faults/plant-clicks.js';
import { itemActivity, itemMarket, type RunForm, startRun } from './faults/start-run.js';

const forms: readonly Pick<RunForm, 'stepRows' | 'commitMs' | 'workers'>[] = [
  { stepRows: 1, commitMs: 1, workers: 1 },
  { stepRows: 1, commitMs: 10_000, workers: 4 },
  { stepRows: 23, commitMs: 1, workers: 3 },
  { stepRows: 400, commitMs: 20, workers: 2 },
  { stepRows: 50_000, commitMs: 1, workers: 4 },
  { commitMs: 10_000, workers: 3 },
];

test.each([
  { name: 'click-features', pipeline: 'click-features', partitions: 1 },
  { name: 'click-features', pipeline: 'click-features', partitions: 5 },
  { name: 'item-activity', pipeline: itemActivity, partitions: 1 },
  { name: 'item-activity', pipeline: itemActivity, partitions: 5 },
  { name: 'item-market', pipeline: itemMarket, partitions: 1 },
  { name: 'item-market', pipeline: itemMarket, partitions: 5 },
])('$name on $partitions partitions gives the same in steps, epochs and workers of any number', async ({ name, pipeline, partitions }) => {
  const home = temporaryDirectory();
  const [input, first] = [join(home, 'input'), join(home, 'first')];
  await plantClicks(input, { events: 1_600, seed: 21, partitions });
  cpSync(input, first, { recursive: true });
  expect((await startRun({ dataDir: first, pipeline, stepRows: 50_000, commitMs: 10_000 }).ended).code).toBe(0);
  for (const form of forms) {
    const dataDir = join(home, 'other');
    cpSync(input, dataDir, { recursive: true });
    const ended = await startRun({ dataDir, pipeline, ...form }).ended;
    expect(ended.code, ended.stderr).toBe(0);
    const { records, found } = await differences(name, first, dataDir);
    expect(found, JSON.stringify(form)).toEqual([]);
    expect(records).toBeGreaterThan(500);
    rmSync(dataDir, { recursive: true });
  }
});
