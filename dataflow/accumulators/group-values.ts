import { cell, type Column, type StringColumn, stringColumn } from '../../schemas/column.js';
import type { Dictionary } from '../dictionary.js';
import { textColumn } from '../text-column.js';

/** Most different texts of one `by(column)`; further ones are counted together as `~other`. */
export const maxGroupLabels = 10_000;

const otherLabel = Buffer.from('~other');

/** Group number of a record without one. */
export const noGroup = -0x8000_0000;

/** Number of row i as a group; -1 where it is none. */
export function numberAt(column: Column, i: number): number {
  if (column.kind === 'enum') return column.nulls?.[i] ? -1 : column.data[i]!;
  const value = cell(column, i);
  return typeof value === 'number' ? value : -1;
}

/** Ids of the values of a column, without a limit. */
export function valuesOf(column: Column, labels: Dictionary, n: number): Int32Array {
  const text = textsOf(column, n);
  const out = new Int32Array(n);
  labels.internAll(text, n, out);
  for (let i = 0; i < n; i++) if (text.length[i]! < 0) out[i] = noGroup;
  return out;
}

/** The values of a column as texts; objects as JSON. */
export const textsOf = (column: Column, n: number): StringColumn =>
  textColumn(column.kind === 'enum' || column.kind === 'object' || column.kind === 'vector' ? stringColumn(Array.from({ length: n }, (_, i) => textOf(cell(column, i)))) : column, n);

const textOf = (value: unknown): string | null => (value === null || value === undefined ? null : typeof value === 'object' ? JSON.stringify(value) : String(value));

/** Ids of the values of a column; those beyond the limit are one. */
export function labelsOf(column: Column, labels: Dictionary, n: number): Int32Array {
  const out = new Int32Array(n);
  const intern = (bytes: Uint8Array, offset: number, length: number) =>
    labels.size < maxGroupLabels || labels.find(bytes, offset, length) >= 0 ? labels.intern(bytes, offset, length) : labels.intern(otherLabel, 0, otherLabel.length);
  if (column.kind === 'string') {
    for (let i = 0; i < n; i++) out[i] = column.length[i]! < 0 ? noGroup : intern(column.bytes, column.offset[i]!, column.length[i]!);
  } else if (column.kind === 'enum') {
    const ids = column.symbols.map((s) => intern(Buffer.from(s), 0, Buffer.byteLength(s)));
    for (let i = 0; i < n; i++) out[i] = column.nulls?.[i] ? noGroup : ids[column.data[i]!]!;
  } else {
    for (let i = 0; i < n; i++) {
      const value = cell(column, i);
      if (value === null || value === undefined) out[i] = noGroup;
      else {
        const bytes = Buffer.from(String(value));
        out[i] = intern(bytes, 0, bytes.length);
      }
    }
  }
  return out;
}
