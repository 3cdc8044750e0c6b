import { durationMs, formatMs, type Duration } from '../duration.js';
import { HeadraceError } from '../errors.js';

/** Which windows a record belongs to. Windows are [start, start + size) and start at multiples of `every`. */
export interface WindowSpec {
  /** Distance between windows. */
  readonly every: Duration;
  /** Length of a window; a multiple of `every`. @default every (tumbling) */
  readonly size?: Duration;
  /** Where windows start within `every`, e.g. '1h' for days that begin at 01:00 UTC. @default 0 */
  readonly offset?: Duration;
}

/** Windows that are as long as a key is active. */
export interface SessionSpec {
  /** A session ends when its key has had no record for longer than this. */
  readonly gap: Duration;
}

/**
 * Sessions: records of a key that are at most `gap` apart belong together. The window is [first record, last record + gap).
 *
 * @example window('visits', session('30m'), { pages: count() })
 */
export function session(gap: Duration): SessionSpec {
  return { gap };
}

/** A window for each record of a key. */
export interface SlidingSpec {
  /** How far a window reaches back from its record. */
  readonly sliding: Duration;
}

/**
 * Sliding windows: for each event time t at which a key has a record, one row over the records of the key in (t - size, t]: those at t - size are out, those at t are in, also where several
 * records share t. SQL's `RANGE BETWEEN INTERVAL … PRECEDING AND CURRENT ROW` and the windows of Kafka Streams also take those at t - size: give a millisecond more for these.
 *
 * @param size length of a window
 * @example window('recent', sliding('10m'), { clicks: count() })
 */
export function sliding(size: Duration): SlidingSpec {
  return { sliding: size };
}

/** Windows that follow one another. */
export function tumbling(size: Duration): WindowSpec {
  return { every: size };
}

/** Windows of one size that start at a shorter distance, so that they overlap. */
export function hopping(size: Duration, every: Duration): WindowSpec {
  return { size, every };
}

/** A checked window specification in milliseconds. */
export interface WindowMs {
  readonly every: number;
  readonly size: number;
  readonly offset: number;
}

/**
 * @param step named in errors, with its kind
 * @throws HR_WINDOW, HR_DURATION
 */
export function windowMs(spec: WindowSpec, step: string, kind = 'window'): WindowMs {
  const what = `${kind} "${step}"`;
  const every = positive(spec.every, `${what}: every`);
  const size = spec.size === undefined ? every : positive(spec.size, `${what}: size`);
  const offset = spec.offset === undefined ? 0 : durationMs(spec.offset, `${what}: offset`);
  if (size % every !== 0) {
    throw new HeadraceError('HR_WINDOW', `${what} has size ${formatMs(size)} and every ${formatMs(every)}: the size must be a multiple of every.`, { place: { step } });
  }
  if (offset >= every) throw new HeadraceError('HR_WINDOW', `${what} has offset ${formatMs(offset)}, which is not under every ${formatMs(every)}.`, { place: { step } });
  return { every, size, offset };
}

/** The size of sliding windows in milliseconds. Errors: HR_WINDOW, HR_DURATION. */
export function slidingMs(spec: SlidingSpec, step: string): number {
  return positive(spec.sliding, `window "${step}": sliding`);
}

/** The gap of sessions in milliseconds. Errors: HR_WINDOW, HR_DURATION. */
export function gapMs(spec: SessionSpec, step: string): number {
  return positive(spec.gap, `window "${step}": gap`);
}

function positive(duration: Duration, what: string): number {
  const ms = durationMs(duration, what, Number.NEGATIVE_INFINITY);
  if (ms <= 0) throw new HeadraceError('HR_WINDOW', `${what} is ${duration}: it must be longer than nothing.`);
  return ms;
}
