import { isUtf8 } from 'node:buffer';
import type { ErrorCode } from '../../dataflow/errors.js';
import { HeadraceError } from '../../dataflow/errors.js';
import { maxLineBytes, readLines } from '../import/read-lines.js';
import type { DecisionLogOptions, TableBuilder } from './decision-table.js';

/** Why a line is no decision. */
export interface LineFault {
  readonly code: ErrorCode;
  readonly what: string;
}

export const lineFault = (what: string, code: ErrorCode = 'HR_EVALUATION_LINE'): LineFault => ({ code, what });

/** Gives each line that is not blank to `take`; what it returns is counted with the line's number. Errors: HR_INPUT_FILE. */
export async function decisionLines(input: string, builder: TableBuilder, options: DecisionLogOptions, take: (text: string, line: number) => LineFault | undefined): Promise<void> {
  for await (const lines of readLines(input, options.stdin)) {
    for (const line of lines) {
      const fault =
        line.size > maxLineBytes ? lineFault(`it has ${line.size} bytes, over 1 MiB`) : !isUtf8(line.bytes) ? lineFault('it is not UTF-8') : takeText(line.bytes.toString('utf8'), line.number, take);
      if (fault !== undefined) builder.refuse(fault.code, `line ${line.number}`, fault.what);
    }
    options.progress?.(lines.at(-1)!.number);
  }
}

function takeText(text: string, line: number, take: (text: string, line: number) => LineFault | undefined): LineFault | undefined {
  return text.trim() === '' ? undefined : take(text, line);
}

/** A JSON object of a line, or why it is none. */
export function jsonObject(text: string): Readonly<Record<string, unknown>> | LineFault {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    return lineFault(`it is not JSON: ${(cause as Error).message.slice(0, 120)}`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return lineFault('it is not a JSON object');
  return value as Readonly<Record<string, unknown>>;
}

export function isFault(value: unknown): value is LineFault {
  return typeof value === 'object' && value !== null && 'code' in value && 'what' in value && Object.keys(value).length === 2;
}

/** The value at `a.b.c` in an object; null is undefined. */
export function fieldAt(row: Readonly<Record<string, unknown>>, path: string): unknown {
  const own = Object.hasOwn(row, path) ? row[path] : undefined;
  if (own !== undefined || !path.includes('.')) return own ?? undefined;
  let value: unknown = row;
  for (const name of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
    value = (value as Record<string, unknown>)[name];
  }
  return value ?? undefined;
}

/** A number, or a yes or no as 1 or 0; anything else is NaN, which is refused later by the column that it is in. */
export function numberOf(value: unknown): number {
  if (typeof value === 'number') return value;
  return value === true ? 1 : value === false ? 0 : NaN;
}

/** An option names a field that no line has. */
export function missingField(source: string, field: string, seen: Iterable<string>, remedy: string): HeadraceError {
  return new HeadraceError('HR_EVALUATION_LOG', `${source} has no field "${field}"; its first line has ${[...seen].join(', ') || 'none'}.`, { remedy });
}
