import { HeadraceError } from '../../dataflow/errors.js';
import type { StepEvent, StepRecord } from './drive-step.js';

/** How marbles are read and written. */
export interface MarbleForm {
  /** Milliseconds of one unit of time. */
  readonly unitMs: number;
  /** The record of a name; `time` in epoch ms. */
  readonly record: (name: string, time: number) => unknown;
  readonly key: (record: unknown) => string | number | boolean;
}

/** Marbles as events, and the records by number. */
export interface Marbles {
  readonly events: readonly StepEvent[];
  readonly names: readonly string[];
  readonly nameOf: ReadonlyMap<unknown, string>;
}

/**
 * Reads marbles: `name@time` a record, `|wN` a watermark, `|pN` processing time, `|b` a barrier, `|r` a restart, `||` the end of the input.
 * Records that follow one another are one batch.
 *
 * @throws HR_ARGUMENT for a token that is none of these
 */
export function parseMarbles(text: string, form: MarbleForm): Marbles {
  const events: StepEvent[] = [];
  const names: string[] = [];
  const nameOf = new Map<unknown, string>();
  let records: StepRecord[] = [];
  const flush = () => {
    if (records.length > 0) events.push({ kind: 'records', records });
    records = [];
  };
  for (const token of text.split(/\s+/).filter(Boolean)) {
    const control = /^\|(?:([wp])(-?\d+(?:\.\d+)?)|([br|]))$/.exec(token);
    if (control) {
      flush();
      const [, timed, at, plain] = control;
      if (timed !== undefined) events.push({ kind: timed === 'w' ? 'watermark' : 'clock', time: Number(at) * form.unitMs });
      else events.push({ kind: ({ b: 'barrier', r: 'restart', '|': 'end' } as const)[plain as 'b' | 'r' | '|'] });
      continue;
    }
    const marble = /^([^\s|@]+)@(-?\d+(?:\.\d+)?)$/.exec(token);
    if (!marble) throw new HeadraceError('HR_ARGUMENT', `"${token}" is not a marble; write name@time, |w10, |p10, |b, |r or ||.`);
    const name = marble[1]!;
    const time = Number(marble[2]) * form.unitMs;
    const value = form.record(name, time);
    if (typeof value === 'object' && value !== null) nameOf.set(value, name);
    records.push({ value, time, key: form.key(value), marble: names.push(name) - 1 });
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
