import { HeadraceError } from '../dataflow/errors.js';
import type { Base, Embeddings } from './base/base.js';
import type { Examples } from './examples.js';
import type { HeadShape } from './head-shape.js';
import { drawOf } from './reservoir.js';
import type { TrainingRow } from './training-rows.js';

/** Training rows as columns. Users, items, categories and serving versions are the 53-bit hashes of their ids: equality is all that is asked of them. */
export interface RowColumns {
  readonly length: number;
  /** Features of each row, [length, width]. */
  readonly width: number;
  readonly time: Float64Array;
  /** Draw of the row's key: its place in every sample. */
  readonly draw: Float64Array;
  readonly user: Float64Array;
  readonly item: Float64Array;
  readonly category: Float64Array;
  readonly served: Float64Array;
  readonly features: Float32Array;
  readonly click: Float32Array;
  readonly watch: Float32Array;
}

const wide = ['time', 'draw', 'user', 'item', 'category', 'served'] as const;
const narrow = ['click', 'watch'] as const;

function emptyColumns(length: number, width: number): RowColumns {
  const columns = { length, width, features: new Float32Array(length * width) } as { [N in (typeof wide)[number]]: Float64Array } & { [N in (typeof narrow)[number]]: Float32Array } & Pick<RowColumns, 'length' | 'width' | 'features'>;
  for (const name of wide) columns[name] = new Float64Array(length);
  for (const name of narrow) columns[name] = new Float32Array(length);
  return columns;
}

/** Rows as columns, in their order. */
export function columnsOf(rows: readonly TrainingRow[], width: number): RowColumns {
  const columns = emptyColumns(rows.length, width);
  rows.forEach((row, i) => {
    columns.time[i] = row.time;
    columns.draw[i] = drawOf(row.key);
    columns.user[i] = drawOf(row.user);
    columns.item[i] = drawOf(row.item);
    columns.category[i] = drawOf(row.category);
    columns.served[i] = drawOf(row.served);
    columns.features.set(row.features, i * width);
    columns.click[i] = row.click;
    columns.watch[i] = row.watch;
  });
  return columns;
}

/** Columns as one piece of bytes: numbers of rows and features, then the columns one after the other, little-endian. */
export function encodeColumns(columns: RowColumns): Uint8Array {
  const head = new Uint8Array(Uint32Array.of(columns.length, columns.width).buffer);
  const parts = [...wide.map((name) => columns[name]), columns.features, ...narrow.map((name) => columns[name])];
  return Buffer.concat([head, ...parts.map((part) => new Uint8Array(part.buffer, part.byteOffset, part.byteLength))]);
}

/**
 * The rows of several blocks that `encodeColumns` made, one after the other.
 *
 * @throws HR_STATE_MISMATCH a block has rows of another width
 */
export function decodeColumns(blocks: readonly Uint8Array[], width: number): RowColumns {
  const heads = blocks.map((block) => {
    const view = new DataView(block.buffer, block.byteOffset, 8);
    return [view.getUint32(0, true), view.getUint32(4, true)] as const;
  });
  const columns = emptyColumns(heads.reduce((sum, [n]) => sum + n, 0), width);
  let row = 0;
  for (const [b, block] of blocks.entries()) {
    const [n, w] = heads[b]!;
    if (w !== width) throw new HeadraceError('HR_STATE_MISMATCH', `The stored examples have ${w} features and the head takes ${width}.`, { remedy: 'Give the changed step a new id, or begin anew in another data directory.' });
    let at = 8;
    const copy = (to: Float64Array | Float32Array, first: number, count: number) => {
      const bytes = count * to.BYTES_PER_ELEMENT;
      new Uint8Array(to.buffer, to.byteOffset + first * to.BYTES_PER_ELEMENT, bytes).set(block.subarray(at, at + bytes));
      at += bytes;
    };
    for (const name of wide) copy(columns[name], row, n);
    copy(columns.features, row * width, n * width);
    for (const name of narrow) copy(columns[name], row, n);
    row += n;
  }
  return columns;
}

/** The chosen rows, in that order. */
export function picked(from: RowColumns, rows: Int32Array): RowColumns {
  const columns = emptyColumns(rows.length, from.width);
  for (const name of wide) for (let k = 0; k < rows.length; k++) columns[name][k] = from[name][rows[k]!]!;
  for (const name of narrow) for (let k = 0; k < rows.length; k++) columns[name][k] = from[name][rows[k]!]!;
  for (let k = 0; k < rows.length; k++) columns.features.set(from.features.subarray(rows[k]! * from.width, (rows[k]! + 1) * from.width), k * from.width);
  return columns;
}

/** Rows one behind the other. */
export function joined(parts: readonly RowColumns[], width: number): RowColumns {
  const filled = parts.filter(({ length }) => length > 0);
  if (filled.length === 1) return filled[0]!;
  const columns = emptyColumns(filled.reduce((sum, { length }) => sum + length, 0), width);
  let row = 0;
  for (const part of filled) {
    for (const name of wide) columns[name].set(part[name], row);
    columns.features.set(part.features, row * width);
    for (const name of narrow) columns[name].set(part[name], row);
    row += part.length;
  }
  return columns;
}

/** The rows in the order of their times, and of their draws where times are the same: whatever the order in which they came, this one is theirs. Of two with one draw the first stays: they have one key. */
export function inOneOrder(rows: RowColumns): RowColumns {
  const { time, draw } = rows;
  let isOrdered = true;
  for (let i = 1; i < rows.length && isOrdered; i++) isOrdered = time[i - 1]! < time[i]! || (time[i - 1] === time[i] && draw[i - 1]! < draw[i]!);
  if (isOrdered) return rows;
  const order = Int32Array.from({ length: rows.length }, (_, i) => i).sort((a, b) => time[a]! - time[b]! || draw[a]! - draw[b]!);
  let kept = 0;
  for (let k = 0; k < order.length; k++) {
    const before = order[kept - 1];
    if (before !== undefined && rows.draw[before] === rows.draw[order[k]!] && rows.time[before] === rows.time[order[k]!]) continue;
    order[kept++] = order[k]!;
  }
  return picked(rows, order.subarray(0, kept));
}

/** The rows for which `keep` is true. */
export function filtered(rows: RowColumns, keep: (row: number) => boolean): RowColumns {
  return picked(rows, Int32Array.from({ length: rows.length }, (_, i) => i).filter(keep));
}

/** Rows as examples for a trainer, with the embeddings of their users and items in a base. The columns are shared: pass a copy where they move to a thread. */
export function examplesOf({ length, user, item, features, click, watch }: Pick<RowColumns, 'length' | 'user' | 'item' | 'features' | 'click' | 'watch'>, shape: HeadShape, base?: Base): Examples {
  const rowsIn = ({ rowOfDraw }: Embeddings, draws: Float64Array) => new Int32Array(draws.length).map((_, i) => rowOfDraw(draws[i]!));
  const embeddings = base === undefined ? { embedded: [] } : { tables: [base.users, base.items], embedded: [rowsIn(base.users, user), rowsIn(base.items, item)] };
  return { length, ...embeddings, features, click, ...(shape.outputs.length > 1 ? { watch } : {}) };
}
