import { HeadraceError } from '../errors.js';
import { Expression, expression, type RowFunction } from '../expression.js';

/** One counter that is kept for each key: what the others are made of. */
export interface Leaf {
  readonly op: 'count' | 'sum' | 'min' | 'max' | 'first' | 'last';
  /** Column that is added up or compared; count without it counts records, with it those where it is not null. */
  readonly of: Expression<never, unknown> | undefined;
  readonly where: Expression<never, boolean> | undefined;
  readonly by: Group | undefined;
}

/** How a leaf is split into groups. */
export interface Group {
  readonly kind: 'labels' | 'dense' | 'buckets' | 'distinct' | 'sketch';
  readonly of: Expression<never, unknown>;
  /** Number of groups 0..size-1 (dense); bits of the precision (sketch). */
  readonly size: number;
  /** Relative width of a bucket (buckets). */
  readonly accuracy: number;
}

/** How a result comes out of leaves. */
export type AggregateNode =
  | { readonly kind: 'leaf'; readonly leaf: Leaf }
  | { readonly kind: 'ratio'; readonly over: AggregateNode; readonly under: AggregateNode }
  | { readonly kind: 'quantiles'; readonly leaf: Leaf; readonly at: readonly number[] }
  | { readonly kind: 'distinct'; readonly leaf: Leaf }
  | { readonly kind: 'sketch'; readonly leaf: Leaf }
  | { readonly kind: 'derived'; readonly name: string; readonly parts: readonly AggregateNode[]; readonly result: (parts: readonly unknown[]) => unknown };

/** Whether a record can be taken out of an aggregate again, as out of a sum, or not, as out of a maximum. */
export type Taking = 'takesBack' | 'onlyAdds';

/**
 * A declared aggregate over records `Row` with result `V`: compiled to loops over columns in the stream. Every aggregate can be
 * merged, so that panes add up to windows.
 */
export interface Aggregate<in Row, out V, out Back extends Taking = Taking> {
  readonly node: AggregateNode;
  /** In words; equal text means an equal aggregate. */
  readonly text: string;
  /** The same over the records for which `condition` is true. */
  where<R extends Row>(condition: Expression<R, boolean> | RowFunction<R, boolean>): Aggregate<R, V, Back>;
  /**
   * The same for each value of a column apart: an object by value, or with `size` an array by number (0..size-1; others are not counted).
   * In an object, a count or sum of 0 and a null are left out.
   *
   * @throws HR_AGGREGATE when it is already grouped, or is more than counts, sums, extremes and their ratios
   */
  by<R extends Row>(column: Expression<R, string | null> | RowFunction<R, string | null>): Aggregate<R, Readonly<Record<string, V>>, Back>;
  by<R extends Row>(column: Expression<R, number | null> | RowFunction<R, number | null>, options: { readonly size: number }): Aggregate<R, readonly number[], Back>;
  /** Only types know it. */
  readonly back?: Back;
  /** Keeps the row type invariant where it matters. */
  readonly row?: (row: Row) => V;
}

/** An aggregate written as functions: for what the declared ones cannot say. State must be plain data. */
export interface CustomAggregate<in Row, S, out V> {
  init(): S;
  /** The state with one more record. */
  add(state: S, row: Row): S;
  /** The state of both together. */
  merge(a: S, b: S): S;
  result(state: S): V;
}

/** Any `CustomAggregate`, whatever its state. */
export interface AnyCustomAggregate<in Row> {
  init(): unknown;
  add(state: never, row: Row): unknown;
  merge(a: never, b: never): unknown;
  result(state: never): unknown;
}

/** Makes an aggregate of a node. */
export function aggregateOf<Row, V, Back extends Taking = Taking>(node: AggregateNode): Aggregate<Row, V, Back> {
  const made = {
    node,
    text: nodeText(node),
    where: (condition: Expression<never, boolean> | RowFunction<never, boolean>) => {
      const added = expression(condition) as Expression<never, boolean>;
      return aggregateOf(mapLeaves(node, (leaf) => ({ ...leaf, where: leaf.where === undefined ? added : leaf.where.and(added) })));
    },
    by: (column: Expression<never, unknown> | RowFunction<never, unknown>, options?: { readonly size: number }) => {
      if (node.kind !== 'leaf' && node.kind !== 'ratio') throw new HeadraceError('HR_AGGREGATE', `${node.kind === 'derived' ? node.name : node.kind} cannot be split by a column.`);
      const size = options?.size ?? 0;
      if (options !== undefined && (!Number.isInteger(size) || size < 1 || size > 65_536)) {
        throw new HeadraceError('HR_AGGREGATE', `by(…, { size: ${options.size} }): the size is a whole number from 1 to 65536.`);
      }
      const group: Group = { kind: options === undefined ? 'labels' : 'dense', of: expression(column), size, accuracy: 0 };
      return aggregateOf(
        mapLeaves(node, (leaf) => {
          if (leaf.by !== undefined) throw new HeadraceError('HR_AGGREGATE', `${nodeText(node)} is already split by ${leaf.by.of.text}.`);
          return { ...leaf, by: group };
        }),
      );
    },
  };
  return made as unknown as Aggregate<Row, V, Back>;
}

/** Whether records can be taken out of a leaf again, and with them panes out of windows that move. */
export const takesBack = ({ op, by }: Leaf): boolean => (op === 'count' || op === 'sum') && by?.kind !== 'sketch';

/** Text of a leaf: its identity within a layout. */
export function leafText(leaf: Leaf): string {
  const by = leaf.by === undefined ? '' : ` by ${groupText(leaf.by)}`;
  return `${leaf.op}(${leaf.of?.text ?? ''})${leaf.where === undefined ? '' : ` where ${leaf.where.text}`}${by}`;
}

/** Text of a group: leaves with the same one share their cells. */
export function groupText(group: Group): string {
  return `${group.kind} ${group.of.text} ${group.size} ${group.accuracy}`;
}

function nodeText(node: AggregateNode): string {
  switch (node.kind) {
    case 'leaf':
      return leafText(node.leaf);
    case 'ratio':
      return `${nodeText(node.over)} / ${nodeText(node.under)}`;
    case 'quantiles':
      return `quantiles ${node.at.join(' ')} of ${leafText(node.leaf)}`;
    case 'distinct':
    case 'sketch':
      return `${node.kind} of ${leafText(node.leaf)}`;
    case 'derived':
      return `${node.name} of ${node.parts.map(nodeText).join(' and ')}`;
  }
}

function mapLeaves(node: AggregateNode, change: (leaf: Leaf) => Leaf): AggregateNode {
  switch (node.kind) {
    case 'leaf':
    case 'quantiles':
    case 'distinct':
    case 'sketch':
      return { ...node, leaf: change(node.leaf) };
    case 'derived':
      return { ...node, parts: node.parts.map((part) => mapLeaves(part, change)) };
    case 'ratio':
      return { kind: 'ratio', over: mapLeaves(node.over, change), under: mapLeaves(node.under, change) };
  }
}
