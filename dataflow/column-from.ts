import { type Column, stringColumn } from '../schemas/column.js';

/** A column of the narrowest kind that holds all `values`; undefined counts as null. */
export function columnFrom(values: readonly unknown[]): Column {
  const kinds = new Set<string>();
  let nulls: Uint8Array | undefined;
  for (let i = 0; i < values.length; i++) {
    const v = values[i];
    if (v === null || v === undefined) (nulls ??= new Uint8Array(values.length))[i] = 1;
    else kinds.add(typeof v);
  }
  const kind = kinds.size === 1 ? [...kinds][0] : undefined;
  if (kind === 'number') return { kind, data: Float64Array.from(values, (v) => (v ?? 0) as number), nulls };
  if (kind === 'boolean') return { kind, data: Uint8Array.from(values, (v) => (v === true ? 1 : 0)), nulls };
  if (kind === 'string') return stringColumn(values.map((v) => (v ?? null) as string | null));
  return { kind: 'object', data: values.map((v) => v ?? null) };
}
