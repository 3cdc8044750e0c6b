/*
 * What releases have left behind is taken up by this version, and comes to the same end. See README.md beside this file.
 */
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openEmbedded } from '../../connectors/embedded/embedded-runtime.js';
import { offsetAt } from '../../dataflow/record-block.js';
import { startSavepoint } from '../../runners/operations/savepoint.js';
import { replay } from '../../runners/replay.js';
import { runEmbedded } from '../../runners/run-embedded.js';
import { temporaryDirectory } from '../connectors/embedded/temporary-directory.js';
import { historyFile, historyPipelines, outputLines, pipelineOf, unpack, unpackData } from './history.js';
import { recordHistory } from './record-history.js';

if (process.env['HEADRACE_HISTORY'] === 'record') await recordHistory();
const releases = readdirSync(import.meta.dirname, { withFileTypes: true }).filter((entry) => entry.isDirectory()).map((entry) => entry.name);

test('there is a history', () => expect(releases).toContain('0.1.0'));

describe.each(releases)('%s', (release) => {
  const folder = join(import.meta.dirname, release);
  const expected = (name: string) => unpack(historyFile(folder, name, 'expected')).toString().split('\n');

  test.each(historyPipelines)('%s goes on from the data directory of the release', async (name) => {
    const [dataDir, pipeline] = [temporaryDirectory(), await pipelineOf(folder, name)];
    unpackData(folder, name, dataDir);
    const before = (await outputLines(dataDir, pipeline)).length;
    const { records } = await runEmbedded(pipeline, { dataDir, bounded: true });
    expect(records).toBeGreaterThan(300);
    const lines = await outputLines(dataDir, pipeline);
    expect(lines).toEqual(expected(name));
    expect(lines.length).toBeGreaterThan(before);
    // and the history as a whole comes out the same when it is computed again
    expect((await replay(pipeline, { dataDir })).equal).toBe(true);
  });

  test.each(historyPipelines)('%s goes on from the savepoint of the release', async (name) => {
    const [from, dataDir, pipeline] = [temporaryDirectory(), temporaryDirectory(), await pipelineOf(folder, name)];
    unpackData(folder, name, from);
    const path = join(dataDir, 'savepoint');
    writeFileSync(path, unpack(historyFile(folder, name, 'savepoint')));
    await copyInputs(from, dataDir);
    const runtime = openEmbedded({ dataDir, mode: 'write' });
    await startSavepoint(runtime, { path });
    await runtime.close();
    await runEmbedded(pipeline, { dataDir, bounded: true });
    // what was written before the savepoint stays where it was
    const rest = (lines: readonly string[]) => lines.map((line) => JSON.parse(line) as { topic?: string; partition?: number; value?: unknown; sha256?: string });
    const [all, old, after] = [rest(expected(name)), rest(await outputLines(from, pipeline)), rest(await outputLines(dataDir, pipeline))];
    for (const place of new Set(all.filter((r) => r.topic !== undefined).map((r) => `${r.topic} ${r.partition}`))) {
      const [topic, partition] = place.split(' ');
      const of = (records: typeof all) => records.filter((r) => r.topic === topic && r.partition === Number(partition)).map((r) => r.value);
      expect([topic, partition, ...of(after)]).toEqual([topic, partition, ...of(all).slice(of(old).length)]);
    }
    expect(after.filter((r) => r.sha256 !== undefined)).toEqual(all.filter((r) => r.sha256 !== undefined));
  });
});

/** The topic clicks with its schemas, as it is. */
async function copyInputs(from: string, to: string): Promise<void> {
  const [source, target] = [openEmbedded({ dataDir: from, mode: 'read' }), openEmbedded({ dataDir: to, mode: 'write' })];
  const { partitions } = (await source.log.topics()).find((t) => t.name === 'clicks')!;
  await target.registry.register('clicks-value', (await source.registry.latest('clicks-value'))!.schemaText);
  await target.log.createTopic('clicks', { partitions });
  for (let partition = 0; partition < partitions; partition++) {
    for (let at = 0, block = await source.log.read('clicks', partition, at); block !== undefined; at = offsetAt(block, block.count - 1) + 1, block = await source.log.read('clicks', partition, at)) {
      await target.log.append([{ topic: 'clicks', partition, block }]);
    }
  }
  for (const { close } of [source, target]) await close();
}
