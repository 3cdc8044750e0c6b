import { isoTime } from '../import/civil-time.js';

/**
 * Reads times: ISO 8601 with a zone, also with a blank for the T, or whole epoch milliseconds. undefined where there is none, null where it cannot be read.
 *
 * *Details*: logs are in order of time, so the day is looked up once, and what is in UTC is read without a pattern.
 */
export function timeReader(): (value: unknown) => number | undefined | null {
  let day = '';
  let midnight = NaN;
  return (value) => {
    if (value === undefined) return undefined;
    if (typeof value === 'number') return Number.isSafeInteger(value) ? value : null;
    if (typeof value !== 'string') return null;
    if (!value.startsWith(day) || day === '') {
      day = value.slice(0, 10);
      midnight = isoTime(`${day}T00:00:00Z`) ?? NaN;
    }
    const ms = midnight + timeOfDay(value);
    return Number.isNaN(ms) ? (isoTime(value.replace(' ', 'T')) ?? null) : ms;
  };
}

/** Milliseconds since midnight of `YYYY-MM-DD HH:MM:SS[.f…]` with Z or +00:00 behind it; NaN for any other form. */
function timeOfDay(text: string): number {
  const end = text.endsWith('Z') ? text.length - 1 : text.endsWith('+00:00') ? text.length - 6 : 0;
  if (end < 19 || (text[10] !== 'T' && text[10] !== ' ') || text[13] !== ':' || text[16] !== ':' || (end > 19 && (text[19] !== '.' || end === 20 || end > 29))) return NaN;
  const digits = (from: number, to: number): number => {
    let n = 0;
    for (let i = from; i < to; i++) {
      const digit = text.charCodeAt(i) - 48;
      if (!(digit >= 0 && digit <= 9)) return NaN;
      n = 10 * n + digit;
    }
    return n;
  };
  const [hour, minute, second] = [digits(11, 13), digits(14, 16), digits(17, 19)];
  if (hour > 23 || minute > 59 || second > 59 || Number.isNaN(digits(20, end))) return NaN;
  const ms = end > 20 ? digits(20, Math.min(end, 23)) * 10 ** Math.max(0, 23 - end) : 0;
  return ((hour * 60 + minute) * 60 + second) * 1000 + ms;
}
