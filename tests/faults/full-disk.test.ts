/*
 * A full disk: one clear error, nothing lost, and the run goes on when there is space. The disk is a tmpfs of a few megabytes.
 */
import { cpSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { embeddedArtefacts } from '../../connectors/embedded/embedded-artefacts.js';
import { openModelRegistry } from '../../learning/model-registry.js';
import { memoryRuntime } from '../../runners/testing/index.js';
import { temporaryDirectory } from '../connectors/embedded/temporary-directory.js';
import { differences } from './differences.js';
import { plantClicks } from './plant-clicks.js';
import { mountTmpfs, remount } from './small-disk.js';
import { itemActivity, startCommand, startRun } from './start-run.js';

test.each([
  { name: 'click-features', pipeline: 'click-features' },
  { name: 'item-activity', pipeline: itemActivity },
])('$name on a disk that fills up', async ({ name, pipeline }) => {
  const home = temporaryDirectory();
  const [oracle, disk] = [join(home, 'oracle'), join(home, 'disk')];
  const dataDir = join(disk, 'data');
  await plantClicks(oracle, { events: 6_000, seed: 11 });
  const used = statSync(join(oracle, 'data.mdb')).size;
  // Room for the input, for what opening it takes, and for some of the work.
  const size = used + (5 << 18);
  if (!mountTmpfs(disk, size)) return;
  cpSync(oracle, dataDir, { recursive: true });
  expect((await startRun({ dataDir: oracle, pipeline, stepRows: 50, commitMs: 1 }).ended).code).toBe(0);

  let failures = 0;
  for (let room = size; ; room += 160 << 10) {
    remount(disk, `size=${room}`);
    const ended = await (failures % 2 === 0 ? startRun({ dataDir, pipeline, stepRows: 50, commitMs: 1 }) : startRun({ dataDir, pipeline })).ended;
    if (ended.code === 0) break;
    failures += 1;
    expect(ended.code).toBe(1);
    expect(ended.signal).toBeNull();
    expect(ended.stderr).toContain(`HR_DISK_FULL  There is no space left for ${dataDir}; nothing was written.`);
    expect(ended.stderr).toContain('Free some space and start again: it goes on where it stopped.');
    expect(ended.stderr).not.toMatch(/^ +at .+:\d+:\d+\)?$/m);
  }
  expect(failures).toBeGreaterThan(1);
  expect((await differences(name, oracle, dataDir)).found).toEqual([]);
  remount(disk, `size=${4 * statSync(join(dataDir, 'data.mdb')).size}`);
  const replayed = await startCommand(['replay', pipeline, '--compare', '--json', '--data-dir', dataDir]).ended;
  expect(replayed).toMatchObject({ code: 0, stdout: expect.stringContaining('"equal":true') as unknown });
});

test('an artefact on a disk that is full is refused and leaves nothing, no version is registered, and it goes on when there is space', async () => {
  const disk = join(temporaryDirectory(), 'disk');
  if (!mountTmpfs(disk, 512 << 10)) return;
  const runtime = memoryRuntime();
  const models = await openModelRegistry({ ...runtime, artefacts: embeddedArtefacts(disk), clock: { now: () => 0 } });
  const head = (n: number) => new Uint8Array(200 << 10).fill(n);
  await models.register('head', { artefact: head(1) });
  await models.register('head', { artefact: head(2) });
  await expect(models.register('head', { artefact: head(3) })).rejects.toThrow(expect.objectContaining({ code: 'HR_DISK_FULL' }));
  expect(models.list('head')).toHaveLength(2);
  expect(readdirSync(join(disk, 'artefacts')).sort()).toEqual(models.list('head').map((v) => v.artefact).sort());
  for (const version of models.list('head')) expect(new Set(await models.artefact(version))).toEqual(new Set([version.version]));
  remount(disk, `size=${1 << 20}`);
  expect(await models.register('head', { artefact: head(3) })).toMatchObject({ version: 3 });
});
