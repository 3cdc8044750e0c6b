import { cell } from '../../schemas/column.js';
import { HeadraceError } from '../errors.js';
import { Expression, expression, type RowFunction } from '../expression.js';
import { sqlNumber } from '../sql/sql-value.js';
import { type Aggregate, aggregateOf } from './aggregate.js';

/**
 * How many values of a number lie between bounds.
 * 
 * *When to use*: for the shape of a distribution at bounds that matter. *Details*: under the first, from each bound up to the next one, and from the last bound on; nulls are left out. Records can be taken back. *State*: 8 bytes a key and
 * bound.
 *
 * @param bounds growing numbers, up to 1,000 of them; the result has one count more
 * @throws HR_AGGREGATE
 * @example histogram(clicks.watchMs, [1_000, 10_000, 60_000])
 */
export function histogram<Row>(of: Expression<Row, number | null> | RowFunction<Row, number | null>, bounds: readonly number[]): Aggregate<Row, readonly number[], 'takesBack'> {
  if (bounds.length === 0 || bounds.length > 1_000 || bounds.some((b, i) => !Number.isFinite(b) || (i > 0 && b <= bounds[i - 1]!))) {
    throw new HeadraceError('HR_AGGREGATE', `histogram at ${JSON.stringify(bounds)}: bounds are 1 to 1,000 growing numbers.`);
  }
  const column = expression(of);
  const edges = Float64Array.from(bounds);
  const bucket = new Expression<Row, number | null>(`bucket of ${column.text} at ${bounds.join(' ')}`, (batch) => {
    const values = batch.column(column);
    const data = new Float64Array(batch.length);
    for (let i = 0; i < data.length; i++) {
      const x = cell(values, i);
      data[i] = typeof x === 'number' && x === x ? countUpTo(edges, x) : -1;
    }
    return { kind: 'number', data };
  }, {
    sql: (scope) => {
      const { text, kind, nullable } = column.sql(scope);
      const counted = `toInt32(arrayCount(edge -> edge <= ${text}, [${bounds.map(sqlNumber).join(', ')}]))`;
      const empty = [...(nullable ? [`isNull(${text})`] : []), ...(kind === 'float' ? [`isNaN(${text})`] : [])];
      return { text: empty.length === 0 ? counted : `if(${empty.join(' OR ')}, -1, ${counted})`, kind: 'int', nullable: false };
    },
  });
  return aggregateOf({ kind: 'leaf', leaf: { op: 'count', of: undefined, where: undefined, by: { kind: 'dense', of: bucket as unknown as Expression<never, unknown>, size: bounds.length + 1, accuracy: 0 } } });
}

/** How many of the sorted `edges` are `x` or less. */
function countUpTo(edges: Float64Array, x: number): number {
  let from = 0;
  let to = edges.length;
  while (from < to) {
    const middle = (from + to) >> 1;
    if (edges[middle]! <= x) from = middle + 1;
    else to = middle;
  }
  return from;
}
