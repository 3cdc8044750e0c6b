import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openEmbedded } from '../../connectors/embedded/embedded-runtime.js';
import { takeSavepoint } from '../../runners/operations/savepoint.js';
import { runEmbedded } from '../../runners/run-embedded.js';
import { plantClicks } from '../faults/plant-clicks.js';
import { historyFile, historyPipelines, outputLines, pack, pipelineOf } from './history.js';

/** Records the history of this version into tests/histories/VERSION. See README.md beside this file. */
export async function recordHistory(): Promise<void> {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
  const folder = join(import.meta.dirname, version);
  if (existsSync(folder)) throw new Error(`${folder} is there: a history is made once, by the release itself.`);
  mkdirSync(folder);
  for (const name of historyPipelines) {
    const dataDir = mkdtempSync(join(tmpdir(), 'headrace-history-'));
    if (name !== 'click-features') copyFileSync(join('tests/fixtures', `${name}.ts`), join(folder, `${name}.ts`));
    const pipeline = await pipelineOf(folder, name);
    await plantClicks(dataDir, { events: 1_500, seed: 11 });
    const half = new AbortController();
    await runEmbedded(pipeline, { dataDir, bounded: true, stepRows: 40, commitMs: 1, abort: half.signal, onProgress: ({ done, total }) => done > total / 2 && half.abort() });
    const savepoint = join(dataDir, 'savepoint');
    const runtime = openEmbedded({ dataDir, mode: 'read' });
    await takeSavepoint(runtime, { pipeline: pipeline.name, path: savepoint, now: Date.now(), version });
    await runtime.close();
    pack(historyFile(folder, name, 'savepoint'), readFileSync(savepoint));
    pack(historyFile(folder, name, 'data'), readFileSync(join(dataDir, 'data.mdb')));
    await runEmbedded(pipeline, { dataDir, bounded: true });
    pack(historyFile(folder, name, 'expected'), Buffer.from((await outputLines(dataDir, pipeline)).join('\n')));
    rmSync(dataDir, { recursive: true });
  }
}
