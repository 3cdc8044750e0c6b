import { Batch, objectRows } from '../../../dataflow/batch.js';
import { stringColumn } from '../../../schemas/column.js';

export interface Row {
  readonly k: string;
  readonly v: number | null;
  readonly cat: string | null;
  readonly g: number;
}

/** Records of a stream keyed by `k`. */
export const batchOf = (rows: readonly Row[]): Batch<unknown> =>
  new Batch<Row>(objectRows(rows), new Float64Array(rows.length), stringColumn(rows.map((r) => r.k)), { name: 'k', kind: 'string' }) as Batch<unknown>;
