import { cell, type Column } from '../schemas/column.js';
import { type BatchRows, columnRows, objectRows } from './batch.js';

/** The rows with further fields; a field that is there already is replaced. */
export function withColumns(rows: BatchRows, added: readonly (readonly [string, Column])[]): BatchRows {
  if (rows.names !== undefined) return columnRows(rows.length, new Map([...rows.names.map((name) => [name, rows.field(name)] as const), ...added]));
  const values = Array.from({ length: rows.length }, (_, i) => ({ ...(rows.value(i) as object), ...Object.fromEntries(added.map(([name, column]) => [name, cell(column, i)])) }));
  return objectRows(values);
}
