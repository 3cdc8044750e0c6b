import { HeadraceError } from '../errors.js';
import { sqlString } from './sql-text.js';

/** What a value is in ClickHouse SQL. Whole numbers are `int` where they fit into 32 bits, else `long`; `float` has NaN and infinities. */
export type SqlKind = 'int' | 'long' | 'float' | 'boolean' | 'text';

/** An expression in ClickHouse SQL. It can stand wherever one is expected: what has operators of its own is in parentheses where it has to be. */
export interface SqlValue {
  readonly text: string;
  readonly kind: SqlKind;
  readonly nullable: boolean;
}

/** Where the columns of a record come from. */
export interface SqlScope {
  /** The column of a field. Errors: HR_FEATURE_SQL, HR_COLUMN. */
  column(name: string): SqlValue;
}

/** The SQL form of an expression. */
export type SqlForm = (scope: SqlScope) => SqlValue;

const never: SqlValue = { text: 'false', kind: 'boolean', nullable: false };

/** A boolean as a condition that is true or false: null is false. */
export function sqlCondition({ text, kind, nullable }: SqlValue): string {
  if (kind !== 'boolean') throw new HeadraceError('HR_FEATURE_SQL', `${text} is a condition, and not a boolean.`);
  return nullable ? `ifNull(${text}, false)` : text;
}

/** True where `of` equals one of `values`; null equals only null, NaN nothing. */
export function sqlEquals(of: SqlValue, values: readonly unknown[]): SqlValue {
  const tests: string[] = [];
  if (of.kind === 'text') {
    const texts = values.filter((v) => v !== null).map((v) => sqlString(String(v)));
    if (texts.length === 1) tests.push(`${of.text} = ${texts[0]}`);
    else if (texts.length > 1) tests.push(`${of.text} IN (${texts.join(', ')})`);
  } else {
    for (const v of values) {
      if (typeof v === 'boolean' && of.kind === 'boolean') tests.push(v ? of.text : `NOT ${of.text}`);
      else if (typeof v === 'boolean' || (typeof v === 'number' && v === v)) tests.push(`${of.text} = ${sqlNumber(Number(v))}`);
    }
  }
  const known = tests.length === 0 ? [] : [of.nullable ? `ifNull(${anyOf(tests)}, false)` : anyOf(tests)];
  if (values.includes(null) && of.nullable) known.push(`isNull(${of.text})`);
  return known.length === 0 ? never : { text: anyOf(known), kind: 'boolean', nullable: false };
}

/** True where two numbers compare as `sign` says; what is no number compares with nothing. */
export function sqlCompare(left: SqlValue, sign: string, right: SqlValue | number): SqlValue {
  const isNumber = (v: SqlValue) => v.kind !== 'text' && v.kind !== 'boolean';
  if (!isNumber(left) || (typeof right === 'number' ? right !== right : !isNumber(right))) return never;
  const text = `${left.text} ${sign} ${typeof right === 'number' ? sqlNumber(right) : right.text}`;
  const nullable = left.nullable || (typeof right !== 'number' && right.nullable);
  return { text: nullable ? `ifNull(${text}, false)` : text, kind: 'boolean', nullable: false };
}

/** Both, or one of the two. */
export function sqlJoin(sign: 'AND' | 'OR', left: SqlValue, right: SqlValue): SqlValue {
  return { text: `(${sqlCondition(left)} ${sign} ${sqlCondition(right)})`, kind: 'boolean', nullable: false };
}

/** The opposite; a null counts as false. */
export function sqlNot(of: SqlValue): SqlValue {
  return { text: `NOT (${sqlCondition(of)})`, kind: 'boolean', nullable: false };
}

/** A number of JavaScript, the same to the last bit. */
export function sqlNumber(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  return Number.isInteger(value) && Math.abs(value) > Number.MAX_SAFE_INTEGER ? value.toExponential() : String(value);
}

/** Values written one after the other as text; null if one of them is. */
export function sqlConcat(parts: readonly SqlValue[]): SqlValue {
  const texts = parts.map(sqlTextOf);
  return { text: texts.length === 1 ? texts[0]! : `concat(${texts.join(', ')})`, kind: 'text', nullable: parts.some((p) => p.nullable) };
}

/** A value as the text that JavaScript writes. Errors: HR_FEATURE_SQL for fractions, which ClickHouse writes in other ways. */
export function sqlTextOf({ text, kind }: SqlValue): string {
  if (kind === 'float') throw new HeadraceError('HR_FEATURE_SQL', `${text} is a float or double, which ClickHouse does not write as text in the same way.`);
  return kind === 'text' ? text : `toString(${text})`;
}

function anyOf(tests: readonly string[]): string {
  return tests.length === 1 ? tests[0]! : `(${tests.join(' OR ')})`;
}
