import { HeadraceError } from '../errors.js';
import { Expression, expression, type RowFunction } from '../expression.js';
import type { StoredField } from '../rows/row-store.js';

/** Fields of a result by name, each a column or function of one row. */
export type Selection<Row> = Readonly<Record<string, Expression<Row, unknown> | RowFunction<Row, unknown>>>;

/** The value of a selected field. */
export type SelectedValue<E> = E extends Expression<never, infer V> ? V : E extends (row: never) => infer V ? V : never;

/** The fields of a selection as an object; with `N` null they may be null. */
export type Selected<S, N = never> = { readonly [F in keyof S]: SelectedValue<S[F]> | N };

/** Rows of a join: the fields of both sides; null where a side may be missing. */
export type JoinRow<LS, RS, Kind> = Selected<LS, Kind extends 'full' ? null : never> & Selected<RS, Kind extends 'inner' ? never : null>;

type KeyValueOf<K> = K[keyof K];

/** Nothing where two keys have values of one type; else a type that no stream has, whose name says why. */
export type SameKey<KL, KR> = [KeyValueOf<KL>] extends [KeyValueOf<KR>] ? ([KeyValueOf<KR>] extends [KeyValueOf<KL>] ? unknown : DifferentKeys<KL, KR>) : DifferentKeys<KL, KR>;

/** The streams are keyed by values of different types. */
export interface DifferentKeys<KL, KR> {
  readonly 'both streams must be keyed by values of one type': readonly [KL, KR];
}

/** Nothing where no name is on both sides; else those fields cannot be given. */
export type NoOverlap<LS, RS> = { readonly [F in keyof RS as F extends keyof LS ? F : never]: 'this field is on both sides' };

/** A selection as stored fields, and the functions among them, which may throw. */
export function selectedFields(selection: Selection<never>, what: string): { readonly stored: readonly StoredField[]; readonly functions: readonly Expression<never, unknown>[] } {
  if (typeof selection !== 'object' || selection === null) throw new HeadraceError('HR_ARGUMENT', `${what} needs the fields of the result as an object of columns or functions.`);
  const stored = Object.entries(selection).map(([name, of]): StoredField => ({ name, of: expression(of as Expression<never, unknown>) }));
  return { stored, functions: stored.filter(({ of }) => of.columnName === undefined && of.text.startsWith('function ')).map(({ of }) => of) };
}

/** The fields of both sides of a join. */
export interface JoinedFields {
  readonly sides: readonly [ReturnType<typeof selectedFields>, ReturnType<typeof selectedFields>];
  /** In words: state of other fields does not fit. */
  readonly text: string;
  /** `by` where the left key goes on in the field that it came from, so that what follows needs no exchange. */
  keeps(by: string | undefined, kind: 'inner' | 'left' | 'full'): string | undefined;
}

/** Errors: HR_ARGUMENT when a name is on both sides. */
export function joinedFields(left: Selection<never>, right: Selection<never>, what: string, step: string): JoinedFields {
  const sides = [selectedFields(left, what), selectedFields(right, what)] as const;
  const twice = sides[0].stored.find(({ name }) => sides[1].stored.some((f) => f.name === name));
  if (twice !== undefined) throw new HeadraceError('HR_ARGUMENT', `${what} has the field "${twice.name}" on both sides; give one of them another name.`, { place: { step } });
  return {
    sides,
    text: sides.map(({ stored }) => stored.map(({ name, of }) => `${name}=${of.text.replace(/#\d+$/, '')}`).join(',')).join(' '),
    keeps: (by, kind) => (kind !== 'full' && sides[0].stored.some((f) => f.name === by && f.of.columnName === by) ? by : undefined),
  };
}
