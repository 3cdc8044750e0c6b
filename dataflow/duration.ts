import { HeadraceError } from './errors.js';

/** A length of time: `'500ms'`, `'30s'`, `'5m'`, `'1h'`, `'7d'`, or a number of milliseconds. */
export type Duration = number | `${number}${'ms' | 's' | 'm' | 'h' | 'd'}`;

const unitMs = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/**
 * A duration in milliseconds.
 *
 * @param what names the setting in the error, e.g. `window "ctr": every`
 * @param least smallest value allowed, in ms
 * @throws HR_DURATION when it cannot be read, is not a whole number of ms, or is under `least`
 */
export function durationMs(duration: Duration, what: string, least = 0): number {
  const ms = typeof duration === 'number' ? duration : parse(duration);
  if (ms === undefined || !Number.isFinite(ms)) {
    throw new HeadraceError('HR_DURATION', `${what} is ${JSON.stringify(duration)}, which is not a duration.`);
  }
  if (!Number.isInteger(ms)) throw new HeadraceError('HR_DURATION', `${what} is ${duration}: not a whole number of milliseconds.`);
  if (ms < least) throw new HeadraceError('HR_DURATION', `${what} is ${duration}: it must be at least ${formatMs(least)}.`);
  return ms;
}

function parse(text: string): number | undefined {
  const match = /^(-?\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text);
  return match ? Math.round(Number(match[1]) * unitMs[match[2] as keyof typeof unitMs] * 1e6) / 1e6 : undefined;
}

/** Milliseconds in the largest unit that divides them: 300000 is `5m`. */
export function formatMs(ms: number): string {
  for (const unit of ['d', 'h', 'm', 's'] as const) if (ms !== 0 && ms % unitMs[unit] === 0) return `${ms / unitMs[unit]}${unit}`;
  return `${ms}ms`;
}
