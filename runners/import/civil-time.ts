const days = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/**
 * Epoch milliseconds of a date and time in a zone `offset` minutes east of UTC, or undefined when there is no such date
 * (31 February, hour 24, second 60). `month` counts from 1; `millisecond` may have a fraction, which is cut off.
 */
export function civilTime(year: number, month: number, day: number, hour: number, minute: number, second: number, millisecond: number, offset: number): number | undefined {
  if (!(month >= 1 && month <= 12 && hour <= 23 && minute <= 59 && second <= 59 && Math.abs(offset) <= 18 * 60)) return undefined;
  const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  const last = month === 2 && leap ? 29 : days[month - 1]!;
  if (!(day >= 1 && day <= last) || year < 1000) return undefined;
  return Date.UTC(year, month - 1, day, hour, minute, second, Math.trunc(millisecond)) - offset * 60_000;
}

const iso = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?(?:(Z)|([+-])(\d\d):?(\d\d))$/;

/** Epoch milliseconds of an ISO 8601 date and time with zone (`2026-01-05T10:00:00.250+01:00`), or undefined. */
export function isoTime(text: string): number | undefined {
  const m = iso.exec(text);
  if (m === null) return undefined;
  const minutes = m[8] === 'Z' ? 0 : Number(m[10]) * 60 + Number(m[11]);
  if (m[8] !== 'Z' && Number(m[11]) > 59) return undefined;
  const fraction = m[7] === undefined ? 0 : Number(`0.${m[7]}`) * 1000;
  return civilTime(+m[1]!, +m[2]!, +m[3]!, +m[4]!, +m[5]!, Number(m[6] ?? 0), Math.floor(fraction + 1e-6), m[9] === '-' ? -minutes : minutes);
}

const year2100 = Date.UTC(2100, 0, 1);

/** Why `ms` cannot be the epoch milliseconds of a recorded event, or undefined when it can. */
export function refuseTime(ms: number): string | undefined {
  if (Number.isNaN(ms)) return 'timestamp is not a number';
  if (ms < 0) return `timestamp ${ms} is negative`;
  if (ms >= 1e8 && ms < 1e10) return `timestamp ${ms} looks like seconds, milliseconds are expected`;
  if (ms > 1e17) return `timestamp ${ms} looks like nanoseconds, milliseconds are expected`;
  if (ms > 1e14) return `timestamp ${ms} looks like microseconds, milliseconds are expected`;
  if (ms >= year2100) return `timestamp ${ms} is beyond the year 2100`;
  if (!Number.isInteger(ms)) return `timestamp ${ms} is not an integer`;
  return undefined;
}
