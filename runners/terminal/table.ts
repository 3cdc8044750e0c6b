import { HeadraceError } from '../../dataflow/errors.js';
import { formatNumber } from './number-format.js';
import { cutToWidth, printable, textWidth } from './text-width.js';

/** A cell: numbers are written with thousands separators, null and undefined stay empty. */
export type Cell = string | number | boolean | null | undefined;

export interface TableOptions {
  /** Alignment per column. @default right for columns of numbers only, otherwise left */
  readonly align?: readonly ('left' | 'right' | undefined)[];
  /** Widest cell in terminal columns; longer ones are cut. @default no bound */
  readonly maxWidth?: number;
}

/**
 * Renders an aligned table: header, rule, rows, each line ended by LF and without trailing blanks. Control characters
 * in cells are made visible. Errors: HR_ARGUMENT when a row has not as many cells as the header.
 */
export function table(header: readonly string[], rows: readonly (readonly Cell[])[], options: TableOptions = {}): string {
  const maxWidth = options.maxWidth ?? Infinity;
  const text = (cell: Cell): string => {
    if (cell === null || cell === undefined) return '';
    return cutToWidth(printable(typeof cell === 'number' ? formatNumber(cell) : String(cell)), maxWidth);
  };
  for (const row of rows) {
    if (row.length !== header.length) throw new HeadraceError('HR_ARGUMENT', `A table row has ${row.length} cells, its header ${header.length}.`);
  }
  const lines = [header.map(text), ...rows.map((row) => row.map(text))];
  const widths = header.map((_, c) => lines.reduce((w, line) => Math.max(w, textWidth(line[c]!)), 1));
  const right = header.map((_, c) => (options.align?.[c] ?? (numeric(rows, c) ? 'right' : 'left')) === 'right');
  const render = (line: readonly string[]): string =>
    line
      .map((cell, c) => {
        const blanks = ' '.repeat(widths[c]! - textWidth(cell));
        return right[c] ? blanks + cell : cell + blanks;
      })
      .join('  ')
      .trimEnd();
  const rule = widths.map((w) => '─'.repeat(w)).join('  ');
  return [render(lines[0]!), rule, ...lines.slice(1).map(render)].join('\n') + '\n';
}

function numeric(rows: readonly (readonly Cell[])[], c: number): boolean {
  let numbers = 0;
  for (const row of rows) {
    const cell = row[c];
    if (typeof cell === 'number') numbers++;
    else if (cell !== null && cell !== undefined) return false;
  }
  return numbers > 0;
}
