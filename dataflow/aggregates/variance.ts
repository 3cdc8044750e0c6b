import { Expression, expression, type RowFunction } from '../expression.js';
import { cell } from '../../schemas/column.js';
import { columnFrom } from '../column-from.js';
import { type Aggregate, type AggregateNode, aggregateOf } from './aggregate.js';

/** Settings of `variance`. */
export interface VarianceOptions {
  /** Divides by n - 1, for a sample; of one record it is null. @default false: by n */
  readonly sample?: boolean;
}

/**
 * The variance of a number.
 * 
 * *When to use*: for the spread of a value, or its error. *Details*: nulls are left out, of no records it is null. From the count, the sum and the sum of squares, which carry their rounding errors along, so it does not depend
 * on the order of records; it is never under 0. Values whose spread is under 10^-6 of their size lose digits to the squares. Records can be taken back. *State*: 40 bytes a key.
 *
 * @example variance(clicks.watchMs)
 */
export function variance<Row>(of: Expression<Row, number | null> | RowFunction<Row, number | null>, options: VarianceOptions = {}): Aggregate<Row, number | null, 'takesBack'> {
  const column = expression(of);
  const squares = new Expression<Row, number | null>(`${column.text} squared`, (batch) => {
    const values = batch.column(column);
    if (values.kind === 'number') return { kind: 'number', data: Float64Array.from(values.data, (x) => x * x), nulls: values.nulls };
    return columnFrom(Array.from({ length: batch.length }, (_, i) => (cell(values, i) === null ? null : Number(cell(values, i)) ** 2)));
  });
  const leaf = (op: 'count' | 'sum', of: Expression<never, unknown>): AggregateNode => ({ kind: 'leaf', leaf: { op, of, where: undefined, by: undefined } });
  const sample = options.sample ?? false;
  return aggregateOf({
    kind: 'derived',
    name: sample ? 'sample variance' : 'variance',
    parts: [leaf('count', column as Expression<never, unknown>), leaf('sum', column as Expression<never, unknown>), leaf('sum', squares as unknown as Expression<never, unknown>)],
    result: ([n, sum, sumOfSquares]) => {
      const count = n as number;
      const by = sample ? count - 1 : count;
      return by <= 0 ? null : Math.max(0, ((sumOfSquares as number) - ((sum as number) * (sum as number)) / count) / by);
    },
  });
}
