import { isDeepStrictEqual } from 'node:util';
import type { LogClient } from '../dataflow/ports/log-client.js';
import type { SchemaRegistry } from '../dataflow/ports/schema-registry.js';
import type { Runtime } from './engine/job.js';
import type { PipelineGraph } from './engine/task.js';

/**
 * Inputs from the original log, everything else in the scratch one; schema ids as the original gave them.
 *
 * @param from timestamp (epoch ms) before which records of the inputs need not be there
 */
export function scratchRuntime(graph: PipelineGraph, original: Runtime, scratch: Runtime, from?: number): Runtime {
  const inputs = new Set(graph.sources.map((s) => s.topic.name));
  const of = (topic: string): LogClient => (inputs.has(topic) ? original.log : scratch.log);
  const log: LogClient = {
    topics: async () => [...(await original.log.topics()).filter((t) => inputs.has(t.name)), ...(await scratch.log.topics())],
    async createTopic(name, settings) {
      const known = (await original.log.topics()).find((t) => t.name === name);
      await scratch.log.createTopic(name, known === undefined ? settings : { ...settings, partitions: known.partitions });
    },
    async bounds(topic, partition) {
      const { start, end } = await of(topic).bounds(topic, partition);
      return inputs.has(topic) && from !== undefined ? { start: Math.min(end, Math.max(start, await original.log.seek(topic, partition, from))), end } : { start, end };
    },
    read: (topic, partition, offset) => of(topic).read(topic, partition, offset),
    seek: (topic, partition, time) => of(topic).seek(topic, partition, time),
    append: (outputs) => scratch.log.append(outputs),
    commit: (epoch) => scratch.log.commit(epoch),
    committed: (name) => scratch.log.committed(name),
    journal: (name) => scratch.log.journal(name),
    close: () => scratch.log.close(),
  };
  const registry: SchemaRegistry = {
    async register(subject, text) {
      const known = await original.registry.latest(subject);
      // a registry may have written the text its own way
      return known !== undefined && isDeepStrictEqual(JSON.parse(known.schemaText), JSON.parse(text)) ? known.id : scratch.registry.register(subject, text);
    },
    schemaById: (id) => original.registry.schemaById(id),
    latest: (subject) => original.registry.latest(subject),
  };
  return { log, registry, state: scratch.state, artefacts: original.artefacts };
}
