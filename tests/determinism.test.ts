/*
 * Results are a function of the data alone: not of how many records are taken at a time, when epochs are committed, or who does the work.
 */
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryDirectory } from './connectors/embedded/temporary-directory.js';
import { differences } from './faults/differences.js';
import { plantClicks } from './faults/plant-clicks.js';
import { itemActivity, itemMarket, startRun, startRunsInSteps } from './faults/start-run.js';

const forms = [
  { stepRows: 1, commitMs: 1, workers: 1 },
  { stepRows: 1, commitMs: 10_000, workers: 4 },
  { stepRows: 23, commitMs: 1, workers: 3 },
  { stepRows: 400, commitMs: 20, workers: 2 },
  { stepRows: 50_000, commitMs: 1, workers: 4 },
];
const byCommand = { commitMs: 10_000, workers: 3 };

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
  const stepped = forms.map((form, i) => ({ ...form, dataDir: join(home, `other-${i}`), pipeline }));
  const commanded = { ...byCommand, dataDir: join(home, 'command'), pipeline };
  for (const dataDir of [first, commanded.dataDir, ...stepped.map((o) => o.dataDir)]) cpSync(input, dataDir, { recursive: true });
  for (const { ended } of [startRunsInSteps([{ dataDir: first, pipeline, stepRows: 50_000, commitMs: 10_000, workers: 1 }, ...stepped]), startRun(commanded)]) {
    const { code, stderr } = await ended;
    expect(code, stderr).toBe(0);
  }
  for (const { dataDir, ...form } of [...stepped, commanded]) {
    const { records, found } = await differences(name, first, dataDir);
    expect(found, JSON.stringify(form)).toEqual([]);
    expect(records).toBeGreaterThan(500);
  }
  rmSync(home, { recursive: true });
});
