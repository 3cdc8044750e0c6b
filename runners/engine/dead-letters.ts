import type { Batch, OriginRecord } from '../../dataflow/batch.js';
import type { HeadraceError } from '../../dataflow/errors.js';
import { BlockWriter, type Header, type RecordBlock } from '../../dataflow/record-block.js';

/** Name of the topic that keeps the records which `step` could not take. */
export const deadLetterTopic = (step: string): string => `${step}.dlq`;

/** In front of the names of headers that are Headrace's. */
export const letterHeaderPrefix = 'hr-';
/** How often a record has been taken up: `headrace topic redrive` raises it. */
export const attemptHeader = 'hr-attempt';
/** `json`: the letter is what the record had become when a step could not take it, and not the record as it was read. */
export const formHeader = 'hr-form';

/** Headers of a dead letter: error code and message, step, where the record was read, and how often it was taken up; then those of the record itself. */
export function deadLetterHeaders(step: string, error: HeadraceError, origin?: OriginRecord): Header[] {
  const { topic, partition, offset } = error.place;
  const entries: [string, unknown][] = [
    ['hr-code', error.code],
    ['hr-message', error.message],
    ['hr-step', step],
    ['hr-topic', topic],
    ['hr-partition', partition],
    ['hr-offset', offset],
    [attemptHeader, attemptOf(origin?.headers)],
    [formHeader, origin === undefined ? 'json' : undefined],
  ];
  return [
    ...entries.filter(([, v]) => v !== undefined).map(([key, v]) => ({ key, value: Buffer.from(String(v)) })),
    ...(origin?.headers ?? []).filter(({ key }) => !key.startsWith(letterHeaderPrefix)),
  ];
}

/** The attempt that a record's headers tell; a record without is in its first. */
export function attemptOf(headers: readonly Header[] | undefined): number {
  const told = headers?.find(({ key }) => key === attemptHeader);
  const attempt = told === undefined ? 1 : Number(Buffer.from(told.value).toString());
  return Number.isSafeInteger(attempt) && attempt > 0 ? attempt : 1;
}

/** Dead letters of one task, by step. The timestamp of a letter is the event time of its record where it has one, else 0: a replay writes the same. */
export function createDeadLetters(task: number) {
  const writers = new Map<string, BlockWriter>();
  return {
    add(step: string, batch: Batch<unknown>, row: number, error: HeadraceError): void {
      const topic = deadLetterTopic(step);
      let writer = writers.get(topic);
      if (writer === undefined) writers.set(topic, (writer = new BlockWriter()));
      const origin = batch.rows.record(row);
      const record = origin ?? { key: null, value: Buffer.from(JSON.stringify(batch.value(row)) ?? '') };
      const time = batch.times[row]!;
      writer.append(record.key, record.value, Number.isSafeInteger(time) && time > 0 ? time : 0, deadLetterHeaders(step, error, origin));
    },
    take(): { topic: string; partition: number; block: RecordBlock }[] {
      const taken = [...writers].filter(([, w]) => w.count > 0).map(([topic, w]) => ({ topic, partition: task, block: w.take() }));
      return taken;
    },
  };
}
