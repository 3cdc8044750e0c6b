import { epochsTopic } from '../../connectors/kafka/internal-topics.js';
import type { SimulatedBrokers } from './brokers/simulated-brokers.js';
import { committedPositions, committedRecords, textOf } from './committed-records.js';
import type { Workload } from './workload.js';

/** What is wrong after a run that has healed, whatever it was of: nothing, as a rule. */
export function judge(brokers: SimulatedBrokers, workload: Workload, appended: readonly { readonly name: string; readonly isKnown: boolean }[]): string[] {
  const { pipeline } = workload;
  const wrong: string[] = [];
  if (!brokers.isSettled) wrong.push('a transaction is left open');
  for (const { name, partitions: logs } of brokers.topics.values()) {
    logs.forEach((log, i) => {
      if (log.stable !== log.end) wrong.push(`${name}/${i} is stable up to ${log.stable} of ${log.end}`);
      for (const batch of log.batches) if (batch.fate === 'open') wrong.push(`${name}/${i} has an open batch at ${batch.base}`);
    });
  }
  wrong.push(...appendedOnce(brokers, workload, appended));
  const epochs = brokers.topic(epochsTopic(pipeline))!.partitions;
  for (const [task, log] of epochs.entries()) {
    // a task that has moved goes on behind the newest epoch of all that its process has
    committedRecords(log).map((r) => Number(textOf(r.key))).forEach((n, i, all) => {
      if (epochs.length === 1 ? n !== i + 1 : i > 0 && n <= all[i - 1]!) wrong.push(`epoch ${n} of task ${task} follows epoch ${all[i - 1] ?? 'none'}`);
    });
  }
  return [...wrong, ...zombies(brokers, pipeline), ...lastPositions(brokers, workload)];
}

/** Each record that was appended is there once, or not at all where the importer was never told. */
function appendedOnce(brokers: SimulatedBrokers, { inputs, nameOf }: Workload, appended: readonly { readonly name: string; readonly isKnown: boolean }[]): string[] {
  const found = new Map<string, number>();
  for (const topic of inputs) {
    for (const log of brokers.topic(topic)!.partitions) for (const record of committedRecords(log)) found.set(nameOf(record), (found.get(nameOf(record)) ?? 0) + 1);
  }
  const wrong: string[] = [];
  for (const { name, isKnown } of appended) {
    const times = found.get(name) ?? 0;
    if (times > 1 || (isKnown && times === 0)) wrong.push(`${name} was appended ${times} times`);
  }
  return wrong;
}

/** Every committed batch of the pipeline is of the process that had claimed it last before. */
function zombies(brokers: SimulatedBrokers, pipeline: string): string[] {
  const claims = brokers.transactions.seizures.filter((c) => c.kind === 'claim' && c.transactionalId === `headrace.${pipeline}`);
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
function lastPositions(brokers: SimulatedBrokers, { pipeline, inputs }: Workload): string[] {
  const positions = committedPositions(brokers, pipeline);
  return inputs.flatMap((topic) =>
    brokers.topic(topic)!.partitions.flatMap((log, p) => {
      const end = committedRecords(log).at(-1)?.offset;
      const position = positions.find((at) => at.topic === topic && at.partition === p)?.offset;
      return end === undefined || position !== undefined && position > end && position <= log.end ? [] : [`the last epoch stands at ${position} of ${topic}/${p}, of which ${end} is the last record`];
    }),
  );
}
