import { encodeRecords } from '../../connectors/kafka/records/encode-records.js';
import { epochRecord } from '../../connectors/kafka/state/epochs.js';
import { epochsTopic, internalPrefix, schemasTopic } from '../../connectors/kafka/internal-topics.js';
import { joinJournals } from '../../connectors/kafka/kafka-log.js';
import { createMetrics } from '../../dataflow/metrics.js';
import type { JournalEntry, LogClient, Position } from '../../dataflow/ports/log-client.js';
import { BlockWriter, offsetAt, type RecordBlock } from '../../dataflow/record-block.js';
import { writtenBy } from '../../dataflow/step.js';
import { definition, type TopicDefinition } from '../../dataflow/topic.js';
import { type JobOptions, runJob } from '../../runners/engine/job.js';
import { buildGraph, type PipelineGraph } from '../../runners/engine/task.js';
import { createTaskGroup } from '../../runners/engine/task-group.js';
import { memoryRuntime } from '../../runners/testing/memory-runtime.js';
import { blockOfRecords, byPartition } from '../../runners/testing/topic-records.js';
import { schemaIdAt, wirePrefixLength } from '../../schemas/wire.js';
import { committedPositions, committedRecords, type CommittedRecord } from './committed-records.js';
import type { SimulatedPipeline } from './pipelines/simulated-pipeline.js';
import type { Import, Simulation, Workload } from './workload.js';

const longestIdleMs = 2_000;

/**
 * A pipeline on the engine that everybody runs: `runJob`, with its operators, state, changelog, dead letters and registry. In the end a process on an empty machine ends the input. Then the
 * pipeline runs once more, in memory and undisturbed, over what is in the input topics and with the bounds that are in the journal: each output has to be the same, record by record.
 */
export function engineWorkload({ time, brokers, partitions, startTime }: Simulation, { name: pipeline, create, inputs, record, unordered = [], endsInBetween = false }: SimulatedPipeline): Workload {
  const { random } = time;
  const topics = inputs.map((topic) => topic[definition]);
  let made = 0;
  // then windows close at each end of the input, and what comes for them later is late
  const isBounded = time.chance(0.2) && endsInBetween;
  // as a rule the outputs are there, so that what happens does not happen at the start
  const written = time.chance(0.8) ? outputTopics(buildGraph(create())) : [];
  plant([...topics, ...written.filter(({ name }) => !topics.some((t) => t.name === name))]);

  /** Topics with their schemas are there before anything happens. */
  function plant(planted: readonly TopicDefinition[]): void {
    const writer = new BlockWriter();
    for (const { name } of planted) brokers.createTopic(name, partitions, new Map([['retention.ms', '-1']]));
    for (const [i, { name, schema }] of planted.entries()) {
      writer.append(Buffer.from(`schema/${i + 1}`), Buffer.from(JSON.stringify(schema)), startTime);
      writer.append(Buffer.from(`subject/${name}-value`), Buffer.from(String(i + 1)), startTime);
    }
    const producer = { id: -1n, epoch: -1, transactional: false };
    for (const { bytes } of encodeRecords([writer.take()], { producer, sequence: -1, compression: 'none', batchBytes: 1e6 })) {
      brokers.createTopic(schemasTopic, 1, new Map([['cleanup.policy', 'compact']])).partitions[0]!.append(Buffer.from(bytes), -1);
    }
  }
  const jobOf = (log: JobOptions['runtime'], rest: Omit<JobOptions, 'pipeline' | 'runtime' | 'groups' | 'metrics' | 'warn'> & Partial<Pick<JobOptions, 'warn'>>): JobOptions => {
    const job = create();
    return {
      warn: () => undefined,
      ...rest,
      pipeline: job,
      runtime: log,
      metrics: createMetrics(),
      groups: ({ taskCount, tasks, environment, partitions, positions }) => [createTaskGroup({ pipeline: job, tasks, taskCount, log: log.log, registry: log.registry, environment, partitions, positions })],
    };
  };
  /** What each task has written down. */
  const journals = () => brokers.topic(epochsTopic(pipeline))!.partitions.map((log) => committedRecords(log).flatMap(({ block, row }) => epochRecord(block, row).journal));
  const clockOf = (after: (ms: number, fire: () => void) => void) => ({
    now: () => startTime + time.now(),
    after(ms: number, fire: () => void) {
      let isOff = false;
      after(ms, () => !isOff && fire());
      return () => void (isOff = true);
    },
  });

  return {
    pipeline,
    inputs: topics.map((t) => t.name),
    isBounded,
    stormMs: 2_000,
    finishesAs: 'join',
    records(): Import {
      const names: string[] = [];
      const outputs: Import['outputs'][number][] = [];
      const records = Array.from({ length: 1 + random.below(20) }, () => record(made++, time, startTime));
      for (const [i, topic] of topics.entries()) {
        const own = records.filter((r) => r.topic[definition] === topic).map((r) => r.record);
        byPartition(own, topic, partitions).forEach((list, partition) => outputs.push({ topic: topic.name, partition, block: blockOfRecords(list, topic, i + 1) }));
      }
      for (const { block } of outputs) for (let row = 0; row < block.count; row++) names.push(hex(block, block.valueOffset[row]!, block.valueLength[row]!));
      return { names, outputs };
    },
    nameOf: ({ value }) => Buffer.from(value).toString('hex'),
    async run({ runtime, process, last, report }) {
      let since = time.now();
      let pause = 0;
      await runJob(
        jobOf(runtime, {
          clock: clockOf(process.after),
          elapsed: time.now,
          abort: last,
          bounded: isBounded,
          commitMs: random.below(2) === 0 ? 200 : 1 + random.below(50),
          stepRows: 1 + random.below(30),
          async wait(ms) {
            report.idle(since);
            // who finds nothing for long looks less often
            pause = Math.min(longestIdleMs, Math.max(ms, 2 * pause));
            await process.clock.wait(pause);
            since = time.now();
          },
          warn: (what) => void (what === 'lost tasks' && report.lost()),
          onProgress({ epoch }) {
            pause = 0;
            report.committed(epoch);
          },
          observer: { connected() {}, reachable() {}, ended() {}, restored() {}, assigned: (_inputs, committed) => committed.length > 0 && report.opened(0) },
        }),
      );
    },
    isComplete() {
      const positions = committedPositions(brokers, pipeline);
      return topics.every(({ name }) =>
        brokers.topic(name)!.partitions.every((log, p) => {
          const end = committedRecords(log).at(-1)?.offset ?? -1;
          return positions.some((at) => at.topic === name && at.partition === p && at.offset > end) || end < 0;
        }),
      );
    },
    async finish({ runtime, process }) {
      // until the session of one that was killed is over, some tasks are with it
      for (let attempt = 0; attempt < 20; attempt++) {
        await runJob(jobOf(runtime, { clock: clockOf(process.after), elapsed: time.now, abort: new AbortController().signal, bounded: true, wait: process.clock.wait }));
        // a task that never had a record may never have been told of an end
        if (journals().every((entries, task) => entries.at(-1)?.kind === 'end' || topics.every(({ name }) => brokers.topic(name)!.partitions[task]!.end === 0))) return [];
        await process.clock.wait(5_000);
      }
      return ['not all tasks came to the end of their input'];
    },
    async judge() {
      const reference = memoryRuntime();
      for (const { name, schema } of topics) {
        await reference.log.createTopic(name, { partitions });
        await reference.registry.register(`${name}-value`, JSON.stringify(schema));
        for (const [partition, log] of brokers.topic(name)!.partitions.entries()) {
          const writer = new BlockWriter();
          for (const { key, value, block, row } of committedRecords(log)) writer.append(block.keyLength[row]! < 0 ? null : key, block.valueLength[row]! < 0 ? null : value, block.timestamps[row]!, block.headers?.get(row));
          await reference.log.append([{ topic: name, partition, block: writer.take() }]);
        }
      }
      const positionOf = ({ topic, partition, offset }: Position): Position => ({ topic, partition, offset: committedRecords(brokers.topic(topic)!.partitions[partition]!).filter((r) => r.offset < offset).length });
      const journal = joinJournals(journals()).map((entry): JournalEntry => ({ ...entry, bounds: entry.bounds.map(positionOf) }));
      await runJob(jobOf(reference, { clock: { now: () => startTime }, abort: new AbortController().signal, bounded: true, journal, wait: () => Promise.resolve() }));
      return differences(reference.log);
    },
  };

  /** Where outputs are not what the reference has. */
  async function differences(reference: LogClient): Promise<string[]> {
    const expected = new Map((await reference.topics()).map((t) => [t.name, t.partitions]));
    const wrong: string[] = [];
    for (const name of new Set([...expected.keys(), ...brokers.topics.keys()])) {
      if (name.startsWith(internalPrefix) || topics.some((t) => t.name === name)) continue;
      for (let partition = 0; partition < Math.max(expected.get(name) ?? 0, brokers.topic(name)?.partitions.length ?? 0); partition++) {
        const log = brokers.topic(name)?.partitions[partition];
        const [should, is] = [await linesOf(reference, name, partition), (log === undefined ? [] : committedRecords(log)).map((r) => lineOf(r, (_topic, _partition, offset) => offset))];
        if (unordered.includes(name)) for (const lines of [should, is]) lines.sort();
        const at = should.findIndex((line, i) => line !== is[i]);
        if (at < 0 && should.length === is.length) continue;
        const i = at < 0 ? should.length : at;
        wrong.push(`${name}/${partition} has ${is.length} records, and should have ${should.length}; number ${i} is ${is[i] ?? 'missing'} and should be ${should[i] ?? 'missing'}`);
      }
    }
    return wrong;
  }

  async function linesOf(log: LogClient, topic: string, partition: number): Promise<string[]> {
    if (!(await log.topics()).some((t) => t.name === topic && partition < t.partitions)) return [];
    const offsets = new Map<string, readonly CommittedRecord[]>();
    const realOffset = (of: string, p: number, offset: number): number => {
      const name = `${of}/${p}`;
      let records = offsets.get(name);
      if (records === undefined) offsets.set(name, (records = committedRecords(brokers.topic(of)!.partitions[p]!)));
      return records[offset]!.offset;
    };
    const lines: string[] = [];
    let next = (await log.bounds(topic, partition)).start;
    for (let block = await log.read(topic, partition, next); block !== undefined; block = await log.read(topic, partition, next)) {
      for (let row = 0; row < block.count; row++) lines.push(lineOf({ block, row }, realOffset));
      next = offsetAt(block, block.count - 1) + 1;
    }
    return lines;
  }
}

function hex(block: RecordBlock, at: number, size: number): string {
  return size < 0 ? 'null' : Buffer.from(block.bytes.buffer, block.bytes.byteOffset + at, size).toString('hex');
}

/** What a pipeline writes, but for dead letters. */
function outputTopics({ steps }: PipelineGraph): readonly TopicDefinition[] {
  return steps.flatMap(writtenBy).map((topic) => topic[definition]);
}

/** A record as text, without the number of its schema, which is another one in each registry. Dead letters tell an offset. */
function lineOf({ block, row }: { readonly block: RecordBlock; readonly row: number }, realOffset: (topic: string, partition: number, offset: number) => number): string {
  const headers = new Map((block.headers?.get(row) ?? []).map(({ key, value }) => [key, Buffer.from(value).toString()]));
  const told = headers.get('hr-offset');
  if (told !== undefined) headers.set('hr-offset', String(realOffset(headers.get('hr-topic')!, Number(headers.get('hr-partition')), Number(told))));
  const [at, size] = [block.valueOffset[row]!, block.valueLength[row]!];
  const value = told === undefined && schemaIdAt(block.bytes, at, size) >= 0 ? hex(block, at + wirePrefixLength, size - wirePrefixLength) : hex(block, at, size);
  return JSON.stringify([block.timestamps[row], hex(block, block.keyOffset[row]!, block.keyLength[row]!), value, ...headers]);
}
