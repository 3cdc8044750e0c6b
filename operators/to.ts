import { Observable, share } from 'rxjs';
import type { Column, StringColumn } from '../schemas/column.js';
import { cell, stringColumn } from '../schemas/column.js';
import { compileColumnEncoder, compileRowEncoder } from '../schemas/encoder.js';
import { parseRecordSchema } from '../schemas/avro-schema.js';
import { wirePrefix } from '../schemas/wire.js';
import type { Batch } from '../dataflow/batch.js';
import { asHeadraceError, HeadraceError } from '../dataflow/errors.js';
import { partitionAll } from '../dataflow/partitioner.js';
import { BlockWriter } from '../dataflow/record-block.js';
import type { Signal } from '../dataflow/signal.js';
import { defineStep, type Step } from '../dataflow/step.js';
import type { Exchange, TaskContext, TopicOutput } from '../dataflow/task-context.js';
import { definition, type AnyTopic, type WritableTopic } from '../dataflow/topic.js';
import type { RowStepOptions } from './map.js';
import { type Operator, reject } from './operate.js';

/** A batch bigger than this is written in parts, to bound the memory of one block. */
const blockRecords = 8_192;

/**
 * Writes the records to a topic, and passes them on.
 *
 * *When to use*: for everything that others should read. *Details*: the row must have the topic's fields, further ones are left
 * out; the key is the topic's key field, the record timestamp the event time. Records become visible with their epoch, all or
 * none. One task writes a partition, and records keep the order of event-time ticks. *State*: none; a block of up to 8,192 records a partition. *Errors*: a row that does not fit the schema
 * follows the step's error policy.
 *
 * @example from(clicks).pipe(filter(clicks.watchMs.over(0)), to(watched))
 * @see toFeatureStore, toWarehouse
 */
export function to<T, R extends T, K, S extends string = string>(topic: WritableTopic<T>, options: RowStepOptions = {}): Operator<R, R, K, K, S> {
  if ((topic as Partial<AnyTopic>)?.[definition] === undefined) throw new HeadraceError('HR_ARGUMENT', 'to(…) takes a topic made by topic(…).');
  return writeTo('to', topic, options);
}

/** The step that writes a topic, which may be copied to a table of the warehouse. */
export function writeTo<T, R extends T, K, S extends string = string>(kind: string, topic: WritableTopic<T>, options: RowStepOptions & { readonly table?: string }): Operator<R, R, K, K, S> {
  const meta = topic[definition];
  return (source) => {
    let step: Step;
    const stream = new Observable<Signal<R, K, S>>((subscriber) => {
      let context: TaskContext;
      let writer: TopicWriter;
      return source.subscribe({
        next(signal) {
          try {
            if (signal.kind === 'open') {
              context = signal.context;
              writer = ownersWriter(topic, step, context, { id: step.id, partitionedBy: signal.partitionedBy });
            } else if (signal.kind === 'batch') writer.write(signal.batch as Batch<unknown>);
            else if (signal.kind === 'barrier') writer.flush();
            subscriber.next(signal);
          } catch (error) {
            subscriber.error(asHeadraceError(error, 'HR_STEP', { pipeline: context?.pipeline, step: step.id }));
          }
        },
        error: (error: unknown) => subscriber.error(error),
        complete: () => subscriber.complete(),
      });
    }).pipe(share());
    const details = { topic: meta.name, ...(options.table === undefined ? {} : { table: options.table }) };
    step = defineStep(stream, [source], { kind, ...options, topic, role: 'sink', details }).step;
    return stream;
  };
}

/**
 * A writer to a topic of which one task writes each partition: where that is not this task, the records go there first.
 *
 * @param id of the exchange to the writing tasks
 * @param partitionedBy the field that decides the task of a record
 */
export function ownersWriter(topic: AnyTopic, step: Step, context: TaskContext, { id, partitionedBy }: { readonly id: string; readonly partitionedBy: string | undefined }): TopicWriter {
  const { key } = topic[definition];
  const output = context.output(topic);
  const inPlace = key !== undefined && partitionedBy === key && output.partitions === context.tasks;
  const writer = topicWriter(topic, output, step, context, inPlace);
  if (inPlace || context.tasks === 1) return writer;
  const exchange = context.exchange(id, { writes: true });
  exchange.receive((arrived) => {
    if (arrived.kind === 'batch') writer.write(arrived.batch);
  });
  return { write: (batch) => sendToOwners(batch, key, output.partitions, context, exchange), flush: writer.flush };
}

/** Partition `p` is written by task `p % tasks`, so that the order within it does not depend on scheduling. */
function sendToOwners(batch: Batch<unknown>, key: string | undefined, partitions: number, context: TaskContext, exchange: Exchange): void {
  if (key === undefined) {
    exchange.send((context.task % partitions) % context.tasks, batch);
    return;
  }
  const target = partitionAll(keyTexts(batch, key), batch.length, partitions);
  const rows: number[][] = Array.from({ length: context.tasks }, () => []);
  for (let i = 0; i < target.length; i++) rows[target[i]! % context.tasks]!.push(i);
  rows.forEach((list, task) => {
    if (list.length > 0) exchange.send(task, batch.select(Int32Array.from(list)));
  });
}

function keyTexts(batch: Batch<unknown>, key: string): StringColumn {
  const column = batch.field(key);
  if (column.kind === 'string') return column;
  return stringColumn(
    Array.from({ length: batch.length }, (_, i) => {
      const value = cell(column, i);
      return value === null || value === undefined ? null : String(value);
    }),
  );
}

/** Encodes batches into the partitions of a topic. */
export interface TopicWriter {
  /** Cost: one generated encoder call a record, no object. */
  write(batch: Batch<unknown>): void;
  /** Hands over what is held back for larger blocks; at a barrier. */
  flush(): void;
}

/**
 * A writer of one task. A row that does not fit the schema follows the policy of `step`.
 *
 * @param inPlace the records of this task belong to the partition of its number
 */
function topicWriter(topic: AnyTopic, output: TopicOutput, step: Step, context: TaskContext, inPlace = false): TopicWriter {
  const meta = topic[definition];
  const schema = parseRecordSchema(meta.schema);
  const prefix = meta.framing === 'plain' ? new Uint8Array(0) : wirePrefix(output.schemaId);
  const rowEncoder = compileRowEncoder<unknown>(schema);
  const names = schema.fields.map((f) => f.name);
  // A float that cannot be null holds null as NaN: that is what a ratio over nothing is.
  const floats = schema.fields.filter((f) => f.type === 'double' || f.type === 'float').map((f) => f.name);
  const writers = new Map<number, BlockWriter>();
  const writerOf = (partition: number) => {
    let writer = writers.get(partition);
    if (writer === undefined) writers.set(partition, (writer = new BlockWriter()));
    return writer;
  };
  const flush = () => {
    for (const [partition, writer] of writers) if (writer.count > 0) output.append(partition, writer.take());
  };
  if (output.shared) context.atTickEnd(flush);

  return {
    write(batch) {
      const keys = meta.key === undefined ? undefined : keyTexts(batch, meta.key);
      const targets = keys === undefined || inPlace ? undefined : partitionAll(keys, batch.length, output.partitions);
      const fixed = inPlace ? context.task : context.task % output.partitions;
      const given = batch.rows.names;
      const columns = given === undefined ? undefined : compileColumnEncoder(schema, new Map(names.filter((name) => given.includes(name)).map((name) => [name, floats.includes(name) ? nullAsNaN(batch.field(name)) : batch.field(name)])));
      for (let i = 0; i < batch.length; i++) {
        const keyLength = keys === undefined ? -1 : keys.length[i]!;
        const room = Math.max(keyLength, 0) + prefix.length;
        const partition = targets === undefined ? fixed : targets[i]!;
        const writer = writerOf(partition);
        try {
          const value = columns === undefined ? withoutNulls(batch.value(i), floats) : undefined;
          const bound = columns === undefined ? rowEncoder.bound(value) : columns.bound(i);
          const at = writer.reserve(room + bound);
          const { buffer } = writer;
          if (keyLength > 0) copy(keys!, i, keyLength, buffer, at);
          for (let j = 0, p = at + Math.max(keyLength, 0); j < prefix.length; j++) buffer[p + j] = prefix[j]!;
          const end = columns === undefined ? rowEncoder.encode(value, buffer, at + room) : columns.encode(i, buffer, at + room);
          writer.commit(keyLength, end - at - Math.max(keyLength, 0), batch.times[i]!);
        } catch (cause) {
          reject(step, context, batch, i, new HeadraceError('HR_STEP', `The row does not fit topic ${meta.name}: ${(cause as Error).message}`, { cause, place: batch.rows.place(i) }));
        }
        if (writer.count >= blockRecords) output.append(partition, writer.take());
      }
    },
    flush,
  };
}

function nullAsNaN(column: Column): Column {
  if (column.kind !== 'number' || column.nulls === undefined) return column;
  const data = Float64Array.from(column.data, (x, i) => (column.nulls![i] ? Number.NaN : x));
  return { kind: 'number', data };
}

function withoutNulls(value: unknown, floats: readonly string[]): unknown {
  if (floats.length === 0) return value;
  const row = value as Readonly<Record<string, unknown>>;
  if (!floats.some((name) => row[name] === null)) return value;
  return { ...row, ...Object.fromEntries(floats.filter((name) => row[name] === null).map((name) => [name, Number.NaN])) };
}

function copy(keys: StringColumn, row: number, length: number, target: Uint8Array, at: number): void {
  const from = keys.offset[row]!;
  for (let j = 0; j < length; j++) target[at + j] = keys.bytes[from + j]!;
}
