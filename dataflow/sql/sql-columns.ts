import { HeadraceError } from '../errors.js';
import { sqlName } from './sql-text.js';
import type { SqlKind, SqlScope, SqlValue } from './sql-value.js';
import type { TopicDefinition } from '../topic.js';

type PlainType = 'Bool' | 'Int32' | 'Int64' | 'Float64' | 'String' | "DateTime64(3, 'UTC')";

/** The ClickHouse type of a column: whole numbers in `Int64`, and epoch milliseconds in `DateTime64`. */
export type SqlColumnType = PlainType | `Nullable(${PlainType})`;

/** A field of a topic as a column of a ClickHouse table. */
export interface SqlColumn {
  readonly type: SqlColumnType;
  /** Its value; a time is epoch milliseconds, as in the stream. */
  readonly value: SqlValue;
}

/** Name of the column with the timestamp of a record, where the event time is no field: as ClickHouse's Kafka tables call it. */
export const recordTime = '_timestamp_ms';

/**
 * The field `name` of a topic as a column of the table that holds its records.
 *
 * @throws HR_COLUMN, and HR_FEATURE_SQL for arrays, maps, records, bytes and other unions than with null
 */
export function sqlColumn(topic: TopicDefinition, name: string): SqlColumn {
  if (name === recordTime) return { type: "DateTime64(3, 'UTC')", value: { text: `toUnixTimestamp64Milli(${recordTime})`, kind: 'long', nullable: false } };
  const field = topic.schema.fields.find((f) => f.name === name);
  if (field === undefined) throw new HeadraceError('HR_COLUMN', `Topic ${topic.name} has no field "${name}"; it has ${topic.schema.fields.map((f) => f.name).join(', ')}.`);
  const branches = Array.isArray(field.type) ? (field.type as unknown[]) : [field.type];
  const others = branches.filter((b) => b !== 'null');
  const found = others.length === 1 ? plainType(others[0]) : undefined;
  if (found === undefined) throw new HeadraceError('HR_FEATURE_SQL', `The field ${name} of topic ${topic.name} is neither a number, a text, an enum, a boolean nor a time.`);
  const nullable = others.length < branches.length;
  const text = found.type.startsWith('DateTime64') ? `toUnixTimestamp64Milli(${sqlName(name)})` : sqlName(name);
  return { type: nullable ? `Nullable(${found.type})` : found.type, value: { text, kind: found.kind, nullable } };
}

/** The columns of a topic; `seen` is told the name of each that is used. */
export function topicScope(topic: TopicDefinition, seen: (name: string) => void): SqlScope {
  return {
    column(name) {
      seen(name);
      return sqlColumn(topic, name).value;
    },
  };
}

function plainType(type: unknown): { type: PlainType; kind: SqlKind } | undefined {
  const named = typeof type === 'object' && type !== null ? (type as { type: unknown; logicalType?: unknown }) : { type };
  switch (named.type) {
    case 'boolean':
      return { type: 'Bool', kind: 'boolean' };
    case 'int':
      return { type: 'Int32', kind: 'int' };
    case 'long':
      return { type: named.logicalType === 'timestamp-millis' ? "DateTime64(3, 'UTC')" : 'Int64', kind: 'long' };
    case 'float':
    case 'double':
      return { type: 'Float64', kind: 'float' };
    case 'string':
    case 'enum':
      return { type: 'String', kind: 'text' };
    default:
      return undefined;
  }
}
