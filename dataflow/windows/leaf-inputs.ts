import { cell, type Column } from '../../schemas/column.js';
import type { Layout } from '../accumulators/layout.js';
import { Batch, type BatchRows } from '../batch.js';
import { Expression } from '../expression.js';
import type { StoredField } from '../rows/row-store.js';

/** What aggregates read of a record, so that rows can be kept and aggregated later. */
export interface LeafInputs {
  /** The columns to keep. They are named by number: the text of a function is another one in the next process. */
  readonly fields: readonly StoredField[];
  /** Rows of these columns, for `Pane.accumulate`. */
  batch(columns: readonly Column[], times: Float64Array): Batch<unknown>;
  /** Compares two rows by what aggregates read of them; 0 where custom aggregates alone could tell them apart. */
  compare(columns: readonly Column[], a: number, b: number): number;
}

const whole = new Expression<never, unknown>('the record', (batch) => ({ kind: 'object', data: batch.values() }));

/** The columns that the aggregates of a layout read. */
export function leafInputs(layout: Layout): LeafInputs {
  const read = layout.tables.flatMap(({ group, passes }) => [
    ...passes.flatMap((pass) => (pass.of === undefined ? pass.leaves.flatMap(({ leaf }) => [leaf.of, leaf.where]) : [pass.of])),
    group?.of,
  ]);
  const expressions = [...new Map(read.filter((e) => e !== undefined).map((e) => [e.text, e])).values()];
  const all = layout.customs.length > 0 ? [...expressions, whole] : expressions;
  return {
    fields: all.map((of, i) => ({ name: String(i), of })),
    batch(columns, times) {
      const named = new Map(expressions.map((e, i) => [e.text, columns[i]!]));
      const records = layout.customs.length > 0 ? columns[expressions.length]! : undefined;
      const rows: BatchRows = {
        length: times.length,
        names: undefined,
        field: (name) => named.get(name)!,
        value: (i) => records && cell(records, i),
        place: () => ({}),
        record: () => undefined,
        pack: () => ({ objects: [] }),
      };
      const batch = new Batch<unknown>(rows, times);
      // From here on `batch.column(e)` finds what was kept instead of evaluating it.
      for (const { text } of expressions) batch.field(text);
      return batch;
    },
    compare(columns, a, b) {
      for (let f = 0; f < expressions.length; f++) {
        const order = compareCells(cell(columns[f]!, a), cell(columns[f]!, b));
        if (order !== 0) return order;
      }
      return 0;
    },
  };
}

function compareCells(a: unknown, b: unknown): number {
  if (a === b) return 0;
  if (typeof a === 'number' && typeof b === 'number') return a < b ? -1 : a > b ? 1 : Number(Number.isNaN(a)) - Number(Number.isNaN(b));
  const [x, y] = [textOf(a), textOf(b)];
  return x < y ? -1 : x > y ? 1 : 0;
}

const textOf = (value: unknown): string => (value === null || value === undefined ? '' : typeof value === 'object' ? JSON.stringify(value) : String(value));
