import { HeadraceError } from './errors.js';
import { type ColumnExpression, columnOf, type Expression } from './expression.js';
import { durationMs, type Duration } from './duration.js';
import { checkOptions } from './known-options.js';

/** Key under which a topic keeps its definition, so that every plain name stays free for columns. */
export const definition: unique symbol = Symbol('headrace.topic');

/** What a topic is, apart from its columns. */
export interface TopicDefinition {
  readonly name: string;
  /** Avro record schema of the values (JSON). */
  readonly schema: AvroRecord;
  /** Field that is the record key and decides the partition; undefined: records have no key. */
  readonly key: string | undefined;
  /** Field that is the event time; undefined: the record timestamp is. */
  readonly time: string | undefined;
  readonly retentionMs: number;
  /** Partitions when it is created; undefined: as many as the pipeline has tasks. */
  readonly partitions: number | undefined;
  readonly framing: Framing;
}

/** What is before the Avro bytes of a value: the id of its schema (Confluent's wire format), or nothing. */
export type Framing = 'confluent' | 'plain';

/** An Avro record schema as JSON. */
export interface AvroRecord {
  readonly type: 'record';
  readonly name: string;
  readonly namespace?: string;
  readonly doc?: string;
  readonly fields: readonly { readonly name: string; readonly type: unknown; readonly default?: unknown; readonly doc?: string; readonly aliases?: readonly string[] }[];
}

/** Any topic, whatever its records. */
export interface AnyTopic {
  readonly [definition]: TopicDefinition;
}

/** The records of a topic that meet a condition. */
export interface View<T> {
  readonly topic: AnyTopic;
  readonly condition: Expression<T, boolean> | undefined;
}

/** Key of a property that only types know: the rows that may be written. */
export declare const accepts: unique symbol;

/** A topic that takes rows `In`. */
export interface WritableTopic<In> extends AnyTopic {
  readonly [accepts]?: In;
}

/** The columns of records `T`, as expressions. */
export type Columns<T> = { readonly [F in keyof T & string]-?: ColumnExpression<T, F, T[F]> };

/**
 * A topic with records `T`: its columns by name, and `where` for a part of it. Rows that are written may be of the wider type `In`: a float or
 * double takes null and holds it as NaN, so that a ratio over nothing fits.
 */
export type Topic<T, In = T> = Columns<T> &
  WritableTopic<In> & {
    /** The records for which `condition` is true. */
    where(condition: Expression<T, boolean>): View<T>;
  };

/** Field types of a schema written in place: `'string'`, `'double?'` (may be null), `'int[]'`. */
export type FieldType = `${BaseType}${'' | '?' | '[]'}`;
type BaseType = 'string' | 'boolean' | 'int' | 'long' | 'float' | 'double' | 'timestamp';
type BaseValue<B> = B extends 'string' ? string : B extends 'boolean' ? boolean : number;

/** The TypeScript record of field types. */
export type RecordOf<S> = {
  [F in keyof S]: S[F] extends `${infer B}?` ? BaseValue<B> | null : S[F] extends `${infer B}[]` ? readonly BaseValue<B>[] : BaseValue<S[F]>;
};

/** Rows that a topic of field types takes. */
export type InputOf<S> = { [F in keyof S]: S[F] extends 'double' | 'float' ? number | null : RecordOf<S>[F] };

/** Settings of `topic`. */
export interface TopicOptions<T> {
  /** Field that is the record key and decides the partition. @default no key */
  readonly key?: (keyof T & string) | undefined;
  /** Field that is the event time. @default the record timestamp */
  readonly time?: (keyof T & string) | undefined;
  /** Records so much older than the newest one may be deleted. @default 'forever' */
  readonly retention?: Duration | 'forever';
  /** Partitions when it is created. @default as many as the pipeline has tasks */
  readonly partitions?: number;
  /** `plain`: values are the Avro bytes of this very schema alone, as programs without a registry write them; the schema can never change then. @default 'confluent' */
  readonly framing?: Framing;
}

/**
 * Declares a topic: the record type, its key, its event time, and a column expression for each field.
 *
 * @param name letters, digits, dot, dash, underscore
 * @param options `value` is an Avro record schema (give the record type as type argument) or field types in place
 * @throws HR_TOPIC_NAME, HR_SCHEMA, HR_COLUMN
 * @example
 * const itemCtr = topic('item-ctr', { key: 'itemId', value: { itemId: 'string', ctr: 'double', windowEnd: 'timestamp' } });
 */
export function topic<const S extends Readonly<Record<string, FieldType>>>(name: string, options: TopicOptions<S> & { readonly value: S }): Topic<RecordOf<S>, InputOf<S>>;
export function topic<T>(name: string, options: TopicOptions<T> & { readonly value: AvroRecord }): Topic<T>;
export function topic(name: string, options: TopicOptions<never> & { readonly value: AvroRecord | Readonly<Record<string, FieldType>> }): unknown {
  if (!/^[A-Za-z0-9._-]{1,249}$/.test(name) || name === '.' || name === '..') {
    throw new HeadraceError('HR_TOPIC_NAME', `"${name}" cannot be the name of a topic.`);
  }
  checkOptions(options, ['value', 'key', 'time', 'retention', 'partitions', 'framing'], `topic ${name}`);
  const schema = isAvroRecord(options.value) ? options.value : schemaOf(name, options.value);
  const fields = new Set(schema.fields.map((f) => f.name));
  for (const reserved of ['where']) {
    if (fields.has(reserved)) throw new HeadraceError('HR_COLUMN', `Topic ${name} has a field named "${reserved}", which a topic uses itself.`);
  }
  for (const [what, field] of [['key', options.key], ['time', options.time]] as const) {
    if (field !== undefined && !fields.has(field)) {
      throw new HeadraceError('HR_COLUMN', `The ${what} of topic ${name} is "${field}", which is not one of its fields: ${[...fields].join(', ')}.`);
    }
  }
  const retention = options.retention ?? 'forever';
  const meta: TopicDefinition = {
    name,
    schema,
    key: options.key,
    time: options.time,
    retentionMs: retention === 'forever' ? Number.POSITIVE_INFINITY : durationMs(retention, `topic ${name}: retention`, 1),
    partitions: options.partitions,
    framing: options.framing ?? 'confluent',
  };
  const columns: Record<string, Expression<unknown, unknown>> = Object.fromEntries([...fields].map((field) => [field, columnOf(field)]));
  const made: Record<string | symbol, unknown> = { ...columns, [definition]: meta, where: (condition: Expression<unknown, boolean>) => ({ topic: made, condition }) };
  return Object.freeze(made);
}

function isAvroRecord(value: AvroRecord | Readonly<Record<string, FieldType>>): value is AvroRecord {
  return Array.isArray((value as AvroRecord).fields);
}

function schemaOf(name: string, fields: Readonly<Record<string, FieldType>>): AvroRecord {
  const recordName = name.split(/[^A-Za-z0-9]+/).filter(Boolean).map((word) => word[0]!.toUpperCase() + word.slice(1)).join('');
  return {
    type: 'record',
    name: /^[0-9]/.test(recordName) ? `Topic${recordName}` : recordName,
    fields: Object.entries(fields).map(([field, type]) => {
      if (!/^[A-Za-z_]\w*$/.test(field)) throw new HeadraceError('HR_COLUMN', `"${field}" in topic ${name} cannot be the name of a field.`);
      const match = /^(string|boolean|int|long|float|double|timestamp)(\?|\[\])?$/.exec(type);
      if (!match) throw new HeadraceError('HR_SCHEMA', `Field ${field} of topic ${name} has the type "${type}", which is not known.`);
      const base = match[1] === 'timestamp' ? { type: 'long', logicalType: 'timestamp-millis' } : match[1];
      if (match[2] === '?') return { name: field, type: ['null', base], default: null };
      return { name: field, type: match[2] === '[]' ? { type: 'array', items: base } : base };
    }),
  };
}
