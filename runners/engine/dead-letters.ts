import type { Batch } from '../../dataflow/batch.js';
import type { HeadraceError } from '../../dataflow/errors.js';
import { BlockWriter, type Header, type RecordBlock } from '../../dataflow/record-block.js';

/** Name of the topic that keeps the records which `step` could not take. */
export const deadLetterTopic = (step: string): string => `${step}.dlq`;

/** Headers of a dead letter: error code and message, step, and where the record was read. */
export function deadLetterHeaders(step: string, error: HeadraceError): Header[] {
  const { topic, partition, offset } = error.place;
  const entries: [string, unknown][] = [
    ['hr-code', error.code],
    ['hr-message', error.message],
    ['hr-step', step],
    ['hr-topic', topic],
    ['hr-partition', partition],
    ['hr-offset', offset],
  ];
  return entries.filter(([, v]) => v !== undefined).map(([key, v]) => ({ key, value: Buffer.from(String(v)) }));
}

/** Dead letters of one task, by step. The timestamp of a letter is the event time of its record where it has one, else 0: a replay writes the same. */
export function createDeadLetters(task: number) {
  const writers = new Map<string, BlockWriter>();
  return {
    add(step: string, batch: Batch<unknown>, row: number, error: HeadraceError): void {
      const topic = deadLetterTopic(step);
      let writer = writers.get(topic);
      if (writer === undefined) writers.set(topic, (writer = new BlockWriter()));
      const record = batch.rows.record(row) ?? { key: null, value: Buffer.from(JSON.stringify(batch.value(row)) ?? '') };
      const time = batch.times[row]!;
      writer.append(record.key, record.value, Number.isSafeInteger(time) && time > 0 ? time : 0, deadLetterHeaders(step, error));
    },
    take(): { topic: string; partition: number; block: RecordBlock }[] {
      const taken = [...writers].filter(([, w]) => w.count > 0).map(([topic, w]) => ({ topic, partition: task, block: w.take() }));
      return taken;
    },
  };
}
