import { decodeRecords } from '../../connectors/kafka/decode-records.js';
import { epochRecord } from '../../connectors/kafka/epochs.js';
import { epochsTopic } from '../../connectors/kafka/internal-topics.js';
import type { StateBackend } from '../../dataflow/ports/state-backend.js';
import type { PartitionLog } from './brokers/partition-log.js';
import type { SimulatedBrokers } from './brokers/simulated-brokers.js';
import { countOf, simulated } from './pipeline-process.js';

/** A record that is committed, by the broker's own account. */
export interface JudgedRecord {
  readonly key: string;
  readonly value: string;
  readonly offset: number;
}

/** The committed records of a partition. No answer to a client has a part in this: each batch has been told its fate by its marker. */
export function committedRecords(log: PartitionLog): JudgedRecord[] {
  const records: JudgedRecord[] = [];
  for (const batch of log.batches) {
    if (batch.isControl || batch.fate !== 'committed') continue;
    const { block } = decodeRecords(batch.bytes, { from: log.start });
    for (let row = 0; block !== undefined && row < block.count; row++) {
      const text = (at: number, size: number): string => (size < 0 ? '' : Buffer.from(block.bytes.buffer, block.bytes.byteOffset + at, size).toString());
      records.push({ key: text(block.keyOffset[row]!, block.keyLength[row]!), value: text(block.valueOffset[row]!, block.valueLength[row]!), offset: (block.offsets?.[row] ?? block.baseOffset + row) });
    }
  }
  return records;
}

/** What the pipeline has to write for the records of one input partition, and the state that it has then. */
export function expectedOutput(input: readonly JudgedRecord[]): { readonly values: string[]; readonly counts: Map<string, number> } {
  const counts = new Map<string, number>();
  const values = input.map(({ key, value }) => {
    counts.set(key, (counts.get(key) ?? 0) + 1);
    return `${value} ${counts.get(key)}`;
  });
  return { values, counts };
}

/** What is wrong with a state that has the records before `next` of each input partition. */
export function judgeState(brokers: SimulatedBrokers, state: StateBackend, next: ReadonlyMap<number, number>): string[] {
  const wrong: string[] = [];
  const { pipeline, input, step } = simulated;
  const found = new Map([...state.range(pipeline, step, new Uint8Array(0))].map(({ key, value }) => [Buffer.from(key).toString(), countOf(value)]));
  brokers.topic(input)!.partitions.forEach((log, p) => {
    if (!next.has(p)) return;
    const { counts } = expectedOutput(committedRecords(log).filter((r) => r.offset < next.get(p)!));
    for (const [key, count] of counts) {
      const name = `${p}/${key}`;
      if (found.get(name) !== count) wrong.push(`the count of ${name} is ${found.get(name)} and should be ${count}`);
      found.delete(name);
    }
  });
  if (found.size > 0) wrong.push(`the state has ${[...found.keys()].join(', ')}, which it should not`);
  return wrong;
}

/** What is wrong after a run that has healed: nothing, as a rule. */
export function judge(brokers: SimulatedBrokers, partitions: number, restored: StateBackend, appended: readonly { readonly value: string; readonly isKnown: boolean }[]): string[] {
  const wrong: string[] = [];
  const { pipeline, input, output } = simulated;
  if (!brokers.isSettled) wrong.push('a transaction is left open');
  for (const { name, partitions: logs } of brokers.topics.values()) {
    logs.forEach((log, i) => {
      if (log.stable !== log.end) wrong.push(`${name}/${i} is stable up to ${log.stable} of ${log.end}`);
      for (const batch of log.batches) if (batch.fate === 'open') wrong.push(`${name}/${i} has an open batch at ${batch.base}`);
    });
  }
  const inputs = brokers.topic(input)!.partitions.map(committedRecords);
  wrong.push(...appendedOnce(inputs.flat(), appended));
  const epochs = brokers.topic(epochsTopic(pipeline))!.partitions;
  for (const [task, log] of epochs.entries()) {
    // a task that has moved goes on behind the newest epoch of all that its process has
    committedRecords(log).map((r) => Number(r.key)).forEach((n, i, all) => {
      if (epochs.length === 1 ? n !== i + 1 : i > 0 && n <= all[i - 1]!) wrong.push(`epoch ${n} of task ${task} follows epoch ${all[i - 1] ?? 'none'}`);
    });
  }
  for (let p = 0; p < partitions; p++) {
    const { values } = expectedOutput(inputs[p]!);
    const written = committedRecords(brokers.topic(output)!.partitions[p]!).map((r) => r.value);
    const at = values.findIndex((value, i) => value !== written[i]);
    if (at >= 0 || written.length !== values.length) {
      const i = at >= 0 ? at : values.length;
      wrong.push(`output ${p} has ${written.length} records for ${values.length}; number ${i} is "${written[i]}" and should be "${values[i]}"`);
    }
  }
  wrong.push(...judgeState(brokers, restored, new Map(inputs.map((records, p) => [p, (records.at(-1)?.offset ?? -1) + 1]))));
  wrong.push(...zombies(brokers), ...lastPositions(brokers, partitions));
  return wrong;
}

/** Each value that was appended is there once, or not at all where the importer was never told. */
function appendedOnce(input: readonly JudgedRecord[], appended: readonly { readonly value: string; readonly isKnown: boolean }[]): string[] {
  const found = new Map<string, number>();
  for (const { value } of input) found.set(value, (found.get(value) ?? 0) + 1);
  const wrong: string[] = [];
  for (const { value, isKnown } of appended) {
    const times = found.get(value) ?? 0;
    if (times > 1 || (isKnown && times === 0)) wrong.push(`${value} was appended ${times} times`);
  }
  return wrong;
}

/** Every committed batch of the pipeline is of the process that had claimed it last before. */
function zombies(brokers: SimulatedBrokers): string[] {
  const claims = brokers.transactions.seizures.filter((c) => c.kind === 'claim' && c.transactionalId === `headrace.${simulated.pipeline}`);
  const wrong: string[] = [];
  for (const { name, partitions } of brokers.topics.values()) {
    for (const log of partitions) {
      for (const { producerId, epoch, writer, fate, isControl, base } of log.batches) {
        if (isControl || fate !== 'committed') continue;
        const claim = claims.findLast((c) => c.id === producerId && c.epoch <= epoch);
        if (claim !== undefined && claim.process !== writer) wrong.push(`process ${writer} wrote offset ${base} of ${name} in epoch ${epoch}, which process ${claim.process} had claimed`);
      }
    }
  }
  return wrong;
}

/** The positions that the last epochs tell are the ends of the input. */
function lastPositions(brokers: SimulatedBrokers, partitions: number): string[] {
  const wrong: string[] = [];
  const positions = brokers.topic(epochsTopic(simulated.pipeline))!.partitions.flatMap((log) => {
    const last = log.batches.findLast((b) => !b.isControl && b.fate === 'committed');
    const block = last === undefined ? undefined : decodeRecords(last.bytes, { from: 0 }).block;
    return block === undefined ? [] : epochRecord(block, block.count - 1).positions;
  });
  for (let p = 0; p < partitions; p++) {
    const end = committedRecords(brokers.topic(simulated.input)!.partitions[p]!).at(-1)?.offset;
    const position = positions.find((at) => at.topic === simulated.input && at.partition === p)?.offset;
    if (end !== undefined && position !== end + 1) wrong.push(`the last epoch stands at ${position} of input ${p}, which ends at ${end}`);
  }
  return wrong;
}

/** How many records of the outputs are still missing. */
export function missingOutputs(brokers: SimulatedBrokers): number {
  const count = (topic: string): number => brokers.topic(topic)!.partitions.reduce((sum, log) => sum + committedRecords(log).length, 0);
  return count(simulated.input) - count(simulated.output);
}
