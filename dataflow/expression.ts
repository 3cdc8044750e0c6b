import type { BooleanColumn, Column, EnumColumn, NumberColumn, StringColumn } from '../schemas/column.js';
import { cell } from '../schemas/column.js';
import type { Batch } from './batch.js';
import { columnFrom } from './column-from.js';
import { joinedText, textColumn } from './text-column.js';
import { HeadraceError } from './errors.js';
import { sqlCompare, sqlConcat, sqlEquals, type SqlForm, sqlJoin, sqlNot, sqlNumber, type SqlScope, type SqlValue } from './sql/sql-value.js';
import { sqlString } from './sql/sql-text.js';

/** A function from a record to a value: the plain way to say what an `Expression` says over columns. */
export type RowFunction<Row, V> = (row: Row) => V;

/** What is known of an expression apart from how it is computed. */
export interface ExpressionFacts {
  /** Name of the column when this is nothing but one. */
  readonly columnName?: string;
  /** Set where this is `of.is(value)`: counts of several values of one column then take one pass together. */
  readonly equality?: { readonly of: Expression<never, unknown>; readonly value: unknown };
  /** The same in ClickHouse SQL; without it the expression runs in the stream only. */
  readonly sql?: SqlForm;
}

/**
 * A value computed from a record, declared rather than programmed, so that it runs over columns without an object per
 * record. Columns of a topic are expressions (`clicks.watchMs`); methods build more of them (`clicks.eventType.is('CLICK')`).
 */
export class Expression<in Row, out V> {
  declare protected readonly row: (row: Row) => void;
  declare protected readonly value: V;
  readonly columnName: string | undefined;
  readonly equality: ExpressionFacts['equality'];
  readonly #sql: SqlForm | undefined;

  constructor(
    /** The expression in words; equal text means equal values, and is computed once a batch. */
    readonly text: string,
    /** Its column over a batch. Cost: one pass over the batch. */
    readonly evaluate: (batch: Batch<never>) => Column,
    facts: ExpressionFacts = {},
  ) {
    this.columnName = facts.columnName;
    this.equality = facts.equality;
    this.#sql = facts.sql;
  }

  /** The expression in ClickHouse SQL, with the same value for every record. Errors: HR_FEATURE_SQL where a function is called. */
  sql(scope: SqlScope): SqlValue {
    if (this.#sql === undefined) throw new HeadraceError('HR_FEATURE_SQL', `"${this.text}" is computed by JavaScript, which SQL cannot call.`);
    return this.#sql(scope);
  }

  /** True where the value equals `value`; null equals only null. */
  is(value: V): Expression<Row, boolean> {
    return new Expression<Row, boolean>(`${this.text} = ${literal(value)}`, (batch) => equals(batch.column(this), [value]), {
      equality: { of: this, value },
      sql: (scope) => sqlEquals(this.sql(scope), [value]),
    });
  }

  /** True where the value is one of `values`. */
  oneOf(...values: V[]): Expression<Row, boolean> {
    return new Expression(`${this.text} in [${values.map(literal).join(',')}]`, (batch) => equals(batch.column(this), values), { sql: (scope) => sqlEquals(this.sql(scope), values) });
  }

  /** True where the value is not `value`. */
  isNot(value: V): Expression<Row, boolean> {
    return this.is(value).not();
  }

  /** True where the number is over `limit`, a number or another column; a null is not. */
  over<R extends Row>(this: Expression<R, number | null>, limit: number | Expression<R, number | null>): Expression<R, boolean> {
    return compare(this, '>', limit, (x, y) => x > y);
  }

  /** True where the number is `limit` or more; a null is not. */
  atLeast<R extends Row>(this: Expression<R, number | null>, limit: number | Expression<R, number | null>): Expression<R, boolean> {
    return compare(this, '>=', limit, (x, y) => x >= y);
  }

  /** True where the number is under `limit`; a null is not. */
  under<R extends Row>(this: Expression<R, number | null>, limit: number | Expression<R, number | null>): Expression<R, boolean> {
    return compare(this, '<', limit, (x, y) => x < y);
  }

  /** True where the number is `limit` or less; a null is not. */
  atMost<R extends Row>(this: Expression<R, number | null>, limit: number | Expression<R, number | null>): Expression<R, boolean> {
    return compare(this, '<=', limit, (x, y) => x <= y);
  }

  /** True where both are. */
  and<R extends Row>(this: Expression<R, boolean>, other: Expression<R, boolean>): Expression<R, boolean> {
    return new Expression(`(${this.text} and ${other.text})`, (batch) => {
      const a = mask(batch, this);
      const b = mask(batch, other);
      const data = new Uint8Array(batch.length);
      for (let i = 0; i < data.length; i++) data[i] = a[i]! & b[i]!;
      return { kind: 'boolean', data };
    }, { sql: (scope) => sqlJoin('AND', this.sql(scope), other.sql(scope)) });
  }

  /** True where one of them is. */
  or<R extends Row>(this: Expression<R, boolean>, other: Expression<R, boolean>): Expression<R, boolean> {
    return new Expression(`(${this.text} or ${other.text})`, (batch) => {
      const a = mask(batch, this);
      const b = mask(batch, other);
      const data = new Uint8Array(batch.length);
      for (let i = 0; i < data.length; i++) data[i] = a[i]! | b[i]!;
      return { kind: 'boolean', data };
    }, { sql: (scope) => sqlJoin('OR', this.sql(scope), other.sql(scope)) });
  }

  /** True where this is not; a null counts as false, so its negation is true. */
  not(this: Expression<Row, boolean>): Expression<Row, boolean> {
    return new Expression(`not (${this.text})`, (batch) => {
      const a = mask(batch, this);
      const data = new Uint8Array(batch.length);
      for (let i = 0; i < data.length; i++) data[i] = a[i]! ^ 1;
      return { kind: 'boolean', data };
    }, { sql: (scope) => sqlNot(this.sql(scope)) });
  }
}

/** A value in words; NaN and the infinities as such, not as null. */
function literal(value: unknown): string {
  return typeof value === 'number' ? String(value) : JSON.stringify(value);
}

/** A column of a topic: an expression that is nothing but a field. */
export interface ColumnExpression<in Row, out Name extends string, out V> extends Expression<Row, V> {
  readonly columnName: Name;
}

/** The column `name` of a record. */
export function columnOf<Row, V>(name: string): Expression<Row, V> {
  return new Expression<Row, V>(name, (batch) => batch.field(name), { columnName: name, sql: (scope) => scope.column(name) });
}

/** An expression with one value for every record. */
export interface ConstantExpression<out V> extends Expression<unknown, V> {
  readonly constant: true;
}

/** The same value for every record: the key of a stream that is one group. */
export function constant<const V extends string | number | boolean>(value: V): ConstantExpression<V> {
  const bytes = Buffer.from(String(value));
  const made = new Expression<unknown, V>(`constant ${literal(value)}`, (batch) => {
    const n = batch.length;
    if (typeof value === 'string') return { kind: 'string', bytes, offset: new Int32Array(n), length: new Int32Array(n).fill(bytes.length) };
    return typeof value === 'number' ? { kind: 'number', data: new Float64Array(n).fill(value) } : { kind: 'boolean', data: new Uint8Array(n).fill(value ? 1 : 0) };
  }, { sql: () => constantSql(value) });
  return Object.assign(made, { constant: true as const });
}

function constantSql(value: string | number | boolean): SqlValue {
  if (typeof value === 'string') return { text: sqlString(value), kind: 'text', nullable: false };
  if (typeof value === 'boolean') return { text: String(value), kind: 'boolean', nullable: false };
  return { text: sqlNumber(value), kind: Number.isSafeInteger(value) ? 'long' : 'float', nullable: false };
}

/**
 * The columns of rows that are not those of a topic, such as the results of a window or a join.
 *
 * @example columnsOf<{ windowEnd: number; bids: number }>().bids.over(10)
 */
export function columnsOf<Row>(): { readonly [F in keyof Row & string]-?: ColumnExpression<Row, F, Row[F]> } {
  return new Proxy({} as { readonly [F in keyof Row & string]-?: ColumnExpression<Row, F, Row[F]> }, { get: (_, name) => columnOf(String(name)) });
}

/**
 * Columns and words written one after the other as text: a key of several fields. Null if one of them is.
 *
 * @example keyBy('pair', text(bids.bidder, '/', bids.auction))
 */
export function text<Row>(...parts: readonly (Expression<Row, string | number | boolean | null> | string)[]): Expression<Row, string> {
  const name = `text(${parts.map((part) => (typeof part === 'string' ? literal(part) : part.text)).join(', ')})`;
  const values = parts.map((part) => (typeof part === 'string' ? constant(part) : part));
  return new Expression<Row, string>(name, (batch) => joinedText(values.map((part) => textColumn(batch.column(part), batch.length)), batch.length), {
    sql: (scope) => sqlConcat(values.map((part) => part.sql(scope))),
  });
}

let functions = 0;

/** `value` itself when it is an expression, else an expression that calls it once a record. */
export function expression<Row, V>(value: Expression<Row, V> | RowFunction<Row, V>): Expression<Row, V> {
  if (value instanceof Expression) return value;
  if (typeof value !== 'function') throw new HeadraceError('HR_ARGUMENT', 'A column expression or a function is needed here.');
  functions += 1;
  return new Expression<Row, V>(`function ${value.name || 'anonymous'}#${functions}`, (batch) => {
    const rows = batch.values() as readonly Row[];
    const out = new Array<unknown>(rows.length);
    for (let i = 0; i < out.length; i++) out[i] = value(rows[i]!);
    return columnFrom(out);
  });
}

/** A boolean expression over a batch as 0 and 1; null is 0. */
export function mask(batch: Batch<never>, condition: Expression<never, boolean>): Uint8Array {
  const column = batch.column(condition);
  if (column.kind === 'boolean') {
    if (column.nulls === undefined) return column.data;
    const data = new Uint8Array(column.data.length);
    for (let i = 0; i < data.length; i++) data[i] = column.nulls[i] ? 0 : column.data[i]!;
    return data;
  }
  const data = new Uint8Array(batch.length);
  for (let i = 0; i < data.length; i++) data[i] = cell(column, i) ? 1 : 0;
  return data;
}

function compare<Row>(of: Expression<Row, number | null>, sign: string, limit: number | Expression<Row, number | null>, test: (x: number, y: number) => boolean): Expression<Row, boolean> {
  return new Expression(`${of.text} ${sign} ${typeof limit === 'number' ? limit : limit.text}`, (batch) => {
    const n = batch.length;
    const left = numbers(batch.column(of), n);
    const data = new Uint8Array(n);
    if (typeof limit === 'number') {
      for (let i = 0; i < n; i++) data[i] = test(left[i]!, limit) ? 1 : 0;
    } else {
      const right = numbers(batch.column(limit), n);
      for (let i = 0; i < n; i++) data[i] = test(left[i]!, right[i]!) ? 1 : 0;
    }
    return { kind: 'boolean', data };
  }, { sql: (scope) => sqlCompare(of.sql(scope), sign, typeof limit === 'number' ? limit : limit.sql(scope)) });
}

/** The numbers of a column; what is none is NaN, which compares with nothing. */
function numbers(column: Column, n: number): Float64Array | Int32Array {
  if (column.kind === 'number' && column.nulls === undefined) return column.data;
  return Float64Array.from({ length: n }, (_, i) => {
    const x = cell(column, i);
    return typeof x === 'number' ? x : Number.NaN;
  });
}

function equals(column: Column, values: readonly unknown[]): BooleanColumn {
  switch (column.kind) {
    case 'enum':
      return enumEquals(column, values);
    case 'string':
      return stringEquals(column, values);
    case 'number':
    case 'boolean':
      return numberEquals(column, values);
    case 'vector':
      throw new HeadraceError('HR_COLUMN', 'An array cannot be compared.');
    case 'object': {
      const data = new Uint8Array(column.data.length);
      for (let i = 0; i < data.length; i++) data[i] = values.includes(column.data[i] ?? null) ? 1 : 0;
      return { kind: 'boolean', data };
    }
  }
}

function enumEquals(column: EnumColumn, values: readonly unknown[]): BooleanColumn {
  const hit = Uint8Array.from(column.symbols, (s) => (values.includes(s) ? 1 : 0));
  const nullHit = values.includes(null) ? 1 : 0;
  const data = new Uint8Array(column.data.length);
  for (let i = 0; i < data.length; i++) data[i] = hit[column.data[i]!]!;
  if (column.nulls) for (let i = 0; i < data.length; i++) if (column.nulls[i]) data[i] = nullHit;
  return { kind: 'boolean', data };
}

function numberEquals(column: NumberColumn | BooleanColumn, values: readonly unknown[]): BooleanColumn {
  const data = new Uint8Array(column.data.length);
  const nullHit = values.includes(null) ? 1 : 0;
  for (const v of values) {
    const x = typeof v === 'boolean' ? Number(v) : v;
    for (let i = 0; i < data.length; i++) if (column.data[i] === x) data[i] = 1;
  }
  if (column.nulls) for (let i = 0; i < data.length; i++) if (column.nulls[i]) data[i] = nullHit;
  return { kind: 'boolean', data };
}

function stringEquals(column: StringColumn, values: readonly unknown[]): BooleanColumn {
  const data = new Uint8Array(column.length.length);
  for (const v of values) {
    if (v === null) {
      for (let i = 0; i < data.length; i++) if (column.length[i]! < 0) data[i] = 1;
      continue;
    }
    const want = Buffer.from(String(v));
    for (let i = 0; i < data.length; i++) {
      if (column.length[i] !== want.length) continue;
      const at = column.offset[i]!;
      let j = 0;
      while (j < want.length && column.bytes[at + j] === want[j]) j++;
      if (j === want.length) data[i] = 1;
    }
  }
  return { kind: 'boolean', data };
}
