import { HeadraceError } from '../../dataflow/errors.js';
import type { StepEvent, StepRecord } from './drive-step.js';

/** How marbles are read and written. */
export interface MarbleForm {
  /** Milliseconds of one unit of time. */
  readonly unitMs: number;
  /** The record of a name; `time` in epoch ms. */
  readonly record: (name: string, time: number) => unknown;
  readonly key: (record: unknown, input: number) => string | number | boolean;
}

/** Marbles as events, and the records by number. */
export interface Marbles {
  readonly events: readonly StepEvent[];
  readonly names: readonly string[];
  readonly nameOf: ReadonlyMap<unknown, string>;
}

/** One marble or mark: times in units. */
export type MarbleToken =
  | { readonly kind: 'record'; readonly line: number; readonly name: string; readonly time: number }
  | { readonly kind: 'watermark'; readonly line: number; readonly time: number }
  | { readonly kind: 'clock'; readonly line: number; readonly time: number }
  | { readonly kind: 'barrier' | 'restart'; readonly line: number }
  | { readonly kind: 'end'; readonly line: number };

/**
 * Reads lines of marbles: `name@time` a record, `|wN` a watermark, `|pN` processing time, `|b` a barrier, `|r` a restart, `||` the end of the input. What stands further left
 * comes first; in one column the upper line does.
 *
 * @throws HR_ARGUMENT for a token that is none of these
 */
export function readTokens(lines: readonly string[]): MarbleToken[] {
  const tokens = lines.flatMap((text, line) => Array.from(text.matchAll(/\S+/g), ({ 0: token, index }) => ({ line, column: index, token })));
  tokens.sort((a, b) => a.column - b.column || a.line - b.line);
  return tokens.map(({ line, token }): MarbleToken => {
    const control = /^\|(?:([wp])(-?\d+(?:\.\d+)?)|([br|]))$/.exec(token);
    if (control) {
      const [, timed, at, plain] = control;
      if (timed !== undefined) return { kind: timed === 'w' ? 'watermark' : 'clock', line, time: Number(at) };
      return plain === '|' ? { kind: 'end', line } : { kind: plain === 'b' ? 'barrier' : 'restart', line };
    }
    const marble = /^([^\s|@]+)@(-?\d+(?:\.\d+)?)$/.exec(token);
    if (!marble) throw new HeadraceError('HR_ARGUMENT', `"${token}" is not a marble; write name@time, |w10, |p10, |b, |r or ||.`);
    return { kind: 'record', line, name: marble[1]!, time: Number(marble[2]) };
  });
}

/**
 * Reads the lines of a step's inputs as events. Records of a line that follow one another are one batch.
 *
 * @throws HR_ARGUMENT
 */
export function parseMarbles(lines: readonly string[], form: MarbleForm): Marbles {
  const events: StepEvent[] = [];
  const names: string[] = [];
  const nameOf = new Map<unknown, string>();
  let records: StepRecord[] = [];
  let from = 0;
  const flush = () => {
    if (records.length > 0) events.push({ kind: 'records', input: from, records });
    records = [];
  };
  for (const token of readTokens(lines)) {
    if (token.kind !== 'record' || token.line !== from) flush();
    if (token.kind !== 'record') {
      events.push('time' in token ? { kind: token.kind, input: token.line, time: token.time * form.unitMs } : { kind: token.kind, input: token.line });
      continue;
    }
    from = token.line;
    const time = token.time * form.unitMs;
    const value = form.record(token.name, time);
    if (typeof value === 'object' && value !== null) nameOf.set(value, token.name);
    records.push({ value, time, key: form.key(value, from), marble: names.push(token.name) - 1 });
  }
  flush();
  return { events, names, nameOf };
}

/** Divides marbles into tokens at the spaces outside of brackets and quotes. */
export function marbleTokens(text: string): string[] {
  return text.match(/(?:"(?:[^"\\]|\\.)*"|\{(?:[^{}]|\{[^{}]*\})*\}|\[[^\]]*\]|\S)+/g) ?? [];
}

/** A value as marbles write it: strings without quotes where they can be told, a window's row as its aggregates. */
export function marbleText(value: unknown): string {
  if (typeof value === 'string') return /^[^\s{}[\],:@"|]+$/.test(value) ? value : JSON.stringify(value);
  if (typeof value !== 'object' || value === null) return String(value);
  if (ArrayBuffer.isView(value) && !(value instanceof DataView)) return marbleText(Array.from(value as Float64Array));
  if (Array.isArray(value)) return `[${value.map(marbleText).join(',')}]`;
  return fields(Object.entries(value));
}

/** A window's row: its aggregates, the revision when it is a correction, and the end of the window. Undefined for other records. */
export function windowText(value: unknown, withKey: boolean, unitMs: number): string | undefined {
  if (typeof value !== 'object' || value === null || !('windowEnd' in value && 'revision' in value)) return undefined;
  const { windowStart: _start, windowEnd, revision, ...rest } = value as Record<string, unknown>;
  const shown = Object.entries(rest).filter(([name]) => withKey || name !== 'key');
  return `${fields(revision === 0 ? shown : [...shown, ['rev', revision]])}@${(windowEnd as number) / unitMs}`;
}

function fields(entries: readonly [string, unknown][]): string {
  return `{${entries.map(([name, value]) => `${marbleText(name)}:${marbleText(value)}`).join(',')}}`;
}
