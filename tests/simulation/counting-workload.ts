import type { KafkaRuntime } from '../../connectors/kafka/kafka-runtime.js';
import { HeadraceError } from '../../dataflow/errors.js';
import { joinedState } from '../../dataflow/state/joined-state.js';
import type { EpochCommit, StateWrite } from '../../dataflow/ports/log-client.js';
import type { StateBackend } from '../../dataflow/ports/state-backend.js';
import { BlockWriter, offsetAt } from '../../dataflow/record-block.js';
import { type CommittedRecord, committedRecords, textOf } from './committed-records.js';
import type { PipelinePlace, Simulation, Workload } from './workload.js';

const pipeline = 'sim';
const input = 'in';
const output = 'out';
const step = 'counts';
const idleMs = 10;
const longestIdleMs = 2_000;

/**
 * A job in small, without an engine: it reads each input partition, counts the records of each key in state, and writes for each record its value and the count so far to the partition of the same
 * number. What it writes is a function of the input alone, however it is cut into epochs; its state is looked at whenever a process opens it or has committed.
 */
export function countingWorkload({ time, brokers, partitions, isGroup, startTime, isOwner }: Simulation): Workload {
  const { random } = time;
  let named = 0;
  const logs = [input, output].map((name) => brokers.createTopic(name, partitions, new Map([['retention.ms', '-1']])).partitions);
  const [inputs, outputs] = [logs[0]!, logs[1]!];
  const recordsOf = () => inputs.map(committedRecords);

  /** What is wrong with a state that has the records before `next` of each input partition. */
  const judgeState = (state: StateBackend, next: ReadonlyMap<number, number>): string[] => {
    const wrong: string[] = [];
    const found = new Map([...state.range(pipeline, step, new Uint8Array(0))].map(({ key, value }) => [textOf(key), countOf(value)]));
    recordsOf().forEach((records, p) => {
      if (!next.has(p)) return;
      const { counts } = expectedOutput(records.filter((r) => r.offset < next.get(p)!));
      for (const [key, count] of counts) {
        const name = `${p}/${key}`;
        if (found.get(name) !== count) wrong.push(`the count of ${name} is ${found.get(name)} and should be ${count}`);
        found.delete(name);
      }
    });
    if (found.size > 0) wrong.push(`the state has ${[...found.keys()].join(', ')}, which it should not`);
    return wrong;
  };
  /** The state of some tasks, as one. */
  const ownState = ({ state }: KafkaRuntime, next: ReadonlyMap<number, number>): StateBackend => (isGroup ? { ...state, ...joinedState(() => [...next.keys()].map((task) => state.of(task))) } : state);

  const runTasks = async ({ runtime, process, last, report }: PipelinePlace, tasks: readonly number[], isOver: () => boolean): Promise<void> => {
    const { log, state } = runtime;
    const committed = await log.committed(pipeline);
    let epoch = committed?.epoch ?? 0;
    const next = new Map(tasks.map((partition) => [partition, committed?.positions.find((p) => p.topic === input && p.partition === partition)?.offset ?? 0]));
    const judged = (when: string): void => judgeState(ownState(runtime, next), next).forEach((what) => report.wrong(`process ${process.id}, ${when} ${epoch}: ${what}`));
    report.opened(epoch);
    if (!isGroup && isOwner(process)) judged('opened behind epoch');
    let pause = idleMs;
    while (!isOver()) {
      const isLast = last.aborted;
      const since = time.now();
      const rowsOfEpoch = 1 + random.below(12);
      const counts = new Map<string, { readonly task: number; count: number }>();
      const written: EpochCommit['outputs'][number][] = [];
      const positions: EpochCommit['positions'][number][] = [];
      for (const partition of tasks) {
        const block = await log.read(input, partition, next.get(partition)!);
        if (block === undefined) continue;
        const own = isGroup ? state.of(partition) : state;
        const rows = Math.min(block.count, rowsOfEpoch);
        const writer = new BlockWriter();
        for (let row = 0; row < rows; row++) {
          const text = (at: number, size: number): string => textOf(block.bytes.subarray(at, at + size));
          const key = text(block.keyOffset[row]!, block.keyLength[row]!);
          const name = `${partition}/${key}`;
          const count = (counts.get(name)?.count ?? countOf(own.get(pipeline, step, Buffer.from(name)))) + 1;
          counts.set(name, { task: partition, count });
          writer.append(Buffer.from(key), Buffer.from(`${text(block.valueOffset[row]!, block.valueLength[row]!)} ${count}`), block.timestamps[row]!);
        }
        written.push({ topic: output, partition, block: writer.take() });
        next.set(partition, offsetAt(block, rows - 1) + 1);
        positions.push({ topic: input, partition, offset: next.get(partition)! });
      }
      if (written.length === 0 && !isLast) {
        report.idle(since);
        await process.clock.wait(pause);
        pause = Math.min(longestIdleMs, pause * 2);
        continue;
      }
      pause = idleMs;
      const writes: StateWrite[] = [...counts].map(([name, { task, count }]) => ({ step, key: Buffer.from(name), value: countBytes(count), ...(isGroup ? { task } : {}) }));
      epoch += 1;
      await log.commit({ pipeline, epoch, outputs: written, state: writes, positions, journal: [], ...(isGroup ? { tasks } : {}) });
      report.committed(epoch);
      judged('epoch');
      if (isLast) return;
    }
  };
  /** As a member of a group, with the tasks that are given to it. */
  const runMember = async (place: PipelinePlace): Promise<void> => {
    const { runtime, process, last, report } = place;
    const shares = await runtime.join({ pipeline, tasks: partitions, whole: false, exchanges: false, topics: new Map([[input, partitions]]), terms: 'alike' });
    for (;;) {
      try {
        const { tasks } = await shares.next();
        if (tasks.length > 0) await runTasks(place, tasks, () => shares.moving);
        for (; tasks.length === 0 && !shares.moving && !last.aborted; await process.clock.wait(200)) report.idle(time.now());
        if (!last.aborted) continue;
        await shares.leave();
        return;
      } catch (error) {
        if (!(error instanceof HeadraceError) || error.code !== 'HR_EPOCH_FENCED') throw error;
        report.lost();
        await shares.lose();
      }
    }
  };
  return {
    pipeline,
    inputs: [input],
    isBounded: false,
    stormMs: 600,
    finishesAs: 'write',
    records() {
      const writers = Array.from({ length: partitions }, () => new BlockWriter());
      const names: string[] = [];
      for (let i = random.below(8); i >= 0; i--) {
        const name = `v${named++}`;
        names.push(name);
        writers[random.below(partitions)]!.append(Buffer.from(`k${random.below(6)}`), Buffer.from(name), startTime + time.now());
      }
      return { names, outputs: writers.map((w, partition) => ({ topic: input, partition, block: w.take() })) };
    },
    nameOf: ({ value }) => textOf(value),
    async run(place) {
      if (isGroup) return runMember(place);
      return runTasks(place, Array.from({ length: partitions }, (_, i) => i), () => false);
    },
    // who has the pipeline as a whole ends with one more epoch
    isComplete: () => !isGroup || outputs.reduce((sum, log) => sum + committedRecords(log).length, 0) === recordsOf().reduce((sum, records) => sum + records.length, 0),
    async finish({ runtime }) {
      return judgeState(runtime.state, new Map(recordsOf().map((records, p) => [p, (records.at(-1)?.offset ?? -1) + 1])));
    },
    judgeLook: (state, positions) => judgeState(state, new Map(positions.flatMap((p) => (p.topic === input ? [[p.partition, p.offset]] : [])))),
    async judge() {
      return recordsOf().flatMap((records, p) => {
        const { values } = expectedOutput(records);
        const written = committedRecords(outputs[p]!).map((r) => textOf(r.value));
        const at = values.findIndex((value, i) => value !== written[i]);
        if (at < 0 && written.length === values.length) return [];
        const i = at >= 0 ? at : values.length;
        return [`output ${p} has ${written.length} records for ${values.length}; number ${i} is "${written[i]}" and should be "${values[i]}"`];
      });
    },
  };
}

/** What the pipeline has to write for the records of one input partition, and the state that it has then. */
function expectedOutput(records: readonly CommittedRecord[]): { readonly values: string[]; readonly counts: Map<string, number> } {
  const counts = new Map<string, number>();
  const values = records.map((record) => {
    const key = textOf(record.key);
    counts.set(key, (counts.get(key) ?? 0) + 1);
    return `${textOf(record.value)} ${counts.get(key)}`;
  });
  return { values, counts };
}

/** A count, with enough behind it that the changelog grows. */
function countBytes(count: number): Uint8Array {
  const bytes = Buffer.alloc(60, count & 255);
  bytes.writeUInt32LE(count);
  return bytes;
}

function countOf(value: Uint8Array | undefined): number {
  return value === undefined ? 0 : Buffer.from(value.buffer, value.byteOffset, value.length).readUInt32LE(0);
}
