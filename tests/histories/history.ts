import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { openEmbedded } from '../../connectors/embedded/embedded-runtime.js';
import type { Pipeline } from '../../dataflow/pipeline.js';
import { buildGraph } from '../../runners/engine/task.js';
import { outputTopics } from '../../runners/replay.js';
import { topicRecords } from '../../runners/testing/topic-records.js';

/*
 * A history is what a release has left behind: a data directory in the middle of a run, and what the same release made of the rest.
 *    PIPELINE.data.gz       the data directory: records of the inputs, state, journal, outputs so far
 *    PIPELINE.savepoint.gz  a savepoint of the same moment
 *    PIPELINE.expected.gz   JSON lines: the outputs of the whole run, by topic, partition and offset
 *    PIPELINE.ts            the pipeline as it was, unless it is a shipped one
 */

/** The pipelines of a history. */
export const historyPipelines = ['item-activity', 'item-market', 'click-features'] as const;

/** The file of a history that has `what`. */
export const historyFile = (folder: string, pipeline: string, what: 'data' | 'savepoint' | 'expected'): string => join(folder, `${pipeline}.${what}.gz`);

/** The pipeline of a history: as it was then, or the shipped one of now. */
export async function pipelineOf(folder: string, name: string): Promise<Pipeline> {
  const file = name === 'click-features' ? join(import.meta.dirname, '../../pipelines/click-features.ts') : join(folder, `${name}.ts`);
  return ((await import(/* @vite-ignore */ file)) as { default: Pipeline }).default;
}

/** Puts the data directory of a history where it can be run on. */
export function unpackData(folder: string, pipeline: string, dataDir: string): void {
  writeFileSync(join(dataDir, 'data.mdb'), gunzipSync(readFileSync(historyFile(folder, pipeline, 'data'))));
}

/** Reads or writes a file of a history. */
export const unpack = (path: string): Buffer => gunzipSync(readFileSync(path));
export const pack = (path: string, bytes: Uint8Array): void => writeFileSync(path, gzipSync(bytes, { level: 9 }));

/** Everything that a pipeline has written, as lines; features are part of its state, and one line of it. */
export async function outputLines(dataDir: string, pipeline: Pipeline): Promise<string[]> {
  const { log, state, registry, close } = openEmbedded({ dataDir, mode: 'read' });
  try {
    const graph = buildGraph(pipeline);
    const there = new Set((await log.topics()).map((t) => t.name));
    const lines: string[] = [];
    for (const topic of outputTopics(graph).filter((name) => there.has(name)).sort()) {
      for (const record of await topicRecords(log, registry, topic)) lines.push(JSON.stringify(record));
    }
    for (const { id } of graph.steps.filter((step) => step.features !== undefined)) {
      const all = createHash('sha256');
      for (const { key, value } of state.range(pipeline.name, id, new Uint8Array(0))) all.update(key).update(value);
      lines.push(JSON.stringify({ features: id, sha256: all.digest('hex') }));
    }
    return lines;
  } finally {
    await close();
  }
}
