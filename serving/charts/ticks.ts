import { chartNumber } from './svg-text.js';

/** Positions and labels of an axis. */
export interface Ticks {
  readonly at: readonly number[];
  readonly label: (value: number) => string;
}

/**
 * About `count` round numbers (steps of 1, 2 or 5) from `least` to `most`, with as many decimals as the step needs; `around` are
 * the round numbers that enclose the range.
 */
export function numberTicks(least: number, most: number, count: number): Ticks & { readonly around: [number, number] } {
  const span = most - least;
  if (!(span > 1e-300) || !Number.isFinite(span)) return { at: [least], around: [least, most], label: plain };
  const raw = span / Math.max(count, 1);
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = power * ([1, 2, 5].find((m) => m * power >= raw * 0.999) ?? 10);
  const first = Math.ceil(least / step - 1e-9);
  const last = Math.floor(most / step + 1e-9);
  const decimals = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  return {
    // + 0 so that there is no -0
    around: [Math.floor(least / step + 1e-9) * step, Math.ceil(most / step - 1e-9) * step],
    at: Array.from({ length: last - first + 1 }, (_, i) => (first + i) * step + 0),
    label: (value) => {
      if (decimals > 6 || Math.abs(value) >= 1e15) return value === 0 ? '0' : value.toExponential(1).replace('e+', 'e');
      for (const [unit, suffix] of [[1e12, 'T'], [1e9, 'B'], [1e6, 'M'], [1e3, 'K']] as const) {
        if (Math.max(Math.abs(least), Math.abs(most)) >= Math.max(unit, 1e4) && step >= unit / 100) return value === 0 ? '0' : `${plain(value / unit)}${suffix}`;
      }
      return value.toLocaleString('en-US', { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
    },
  };
}

/** About `count` round numbers from 10^`least` to 10^`most`, at their logarithms: powers of ten, with 2 and 5 between where there are few. */
export function logTicks(least: number, most: number, count: number): Ticks {
  const decades = Math.floor(most) - Math.ceil(least) + 1;
  const every = Math.max(1, Math.ceil(decades / count));
  const digits = most - least < count / 3 ? [1, 2, 5] : [1];
  const at: number[] = [];
  for (let power = Math.floor(least); power <= most; power += every) at.push(...digits.map((digit) => power + Math.log10(digit)).filter((t) => t >= least - 1e-9 && t <= most + 1e-9));
  return { at: at.length > 0 ? at : [least], label: (t) => chartNumber(Number((10 ** t).toPrecision(2))) };
}

function plain(value: number): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: 3 });
}

const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;
const steps = [1, 2, 5, 10, 30].map((n) => n * second).concat([1, 2, 5, 10, 15, 30].map((n) => n * minute), [1, 2, 3, 6, 12].map((n) => n * hour), [1, 2, 7, 14, 28, 91, 182, 364].map((n) => n * day));

/** About `count` round times (UTC) from `least` to `most` (epoch ms): `10:05`, at midnight the date. */
export function timeTicks(least: number, most: number, count: number): Ticks {
  const raw = (most - least) / Math.max(count, 1);
  if (raw < second / 2) return { at: least === most ? [least] : [least, most], label: (t) => new Date(t).toISOString().slice(11, 23) };
  const step = steps.find((s) => s >= raw) ?? Math.ceil(raw / (364 * day)) * 364 * day;
  // weeks begin on Monday; the epoch was a Thursday
  const origin = step >= 7 * day ? 4 * day : 0;
  const at = [];
  for (let t = Math.ceil((least - origin) / step) * step + origin; t <= most; t += step) at.push(t);
  return {
    at,
    label: (t) => {
      const iso = new Date(t).toISOString();
      if (step > 28 * day) return iso.slice(0, 10);
      if (t % day === 0) return new Date(t).toLocaleDateString('en-US', { day: 'numeric', month: 'short', timeZone: 'UTC' });
      return step < minute ? iso.slice(11, 19) : iso.slice(11, 16);
    },
  };
}
