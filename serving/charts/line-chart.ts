import { gridColour, seriesColour, seriesDash } from './palette.js';
import { picture, round } from './picture.js';
import { cutText, escapeText, estimateWidth } from './svg-text.js';
import { logTicks, numberTicks, timeTicks } from './ticks.js';

export interface LineSeries {
  readonly label: string;
  /** In order of x. A y that is null or not finite, or an x that is no date, interrupts the line. */
  readonly points: readonly Point[];
  /** Whether points are joined, or stand for themselves. @default 'line' */
  readonly marks?: 'line' | 'points';
}

export interface LineChartOptions {
  readonly title: string;
  readonly series: readonly LineSeries[];
  /** Whether x is epoch milliseconds (labels in UTC), a plain number, or one over 0 on a logarithmic scale. @default 'time' */
  readonly x?: 'time' | 'number' | 'log';
  readonly xLabel?: string;
  readonly yLabel?: string;
  /** px. @default 720 × 300 */
  readonly width?: number;
  readonly height?: number;
  /** Lets the y axis begin at the least value instead of 0. @default false */
  readonly tight?: boolean;
}

/** Draws lines over time, or over a number, as an SVG element to stand in a page: axes, grid, title, legend. */
export function lineChart(options: LineChartOptions): string {
  const { title, width = 720 } = options;
  const series = options.x === 'log' ? options.series.map((s) => ({ ...s, points: s.points.map((p) => ({ ...p, x: Math.log10(p.x) })) })) : options.series;
  const mostX = options.x === undefined || options.x === 'time' ? 8.64e15 : 1e300;
  const drawable = (p: Point): p is Drawable => Math.abs(p.x) <= mostX && p.y !== null && Math.abs(p.y) < 1e300;
  const all = series.flatMap((s) => s.points.filter(drawable));
  const [x0, x1] = extent(all.map((p) => p.x));
  let [y0, y1] = extent(all.flatMap((p) => [p.y, p.low ?? p.y, p.high ?? p.y]));
  if (options.tight !== true) [y0, y1] = [Math.min(0, y0), Math.max(0, y1)];
  if (y1 - y0 < 1e-300) y1 = y0 + (Math.abs(y0) > 1e-300 ? Math.abs(y0) : 1);

  const legend = series.length > 1 ? legendRows(series, width) : [];
  // a long legend makes the picture higher, not the plot lower
  const height = (options.height ?? 300) + Math.max(0, legend.length - 1) * 20;
  const top = 34 + legend.length * 20 + (options.yLabel ? 16 : 0);
  const bottom = height - (options.xLabel ? 44 : 26);
  const rows = Math.max(2, Math.round((bottom - top) / 45));
  // the axis ends on grid lines beyond the least and the highest point
  [y0, y1] = numberTicks(y0, y1, rows).around;
  const yTicks = numberTicks(y0, y1, rows);
  const left = 14 + Math.max(...yTicks.at.map((t) => estimateWidth(yTicks.label(t))));
  const right = width - 20;
  const px = (x: number): number => (x1 > x0 ? left + ((x - x0) / (x1 - x0)) * (right - left) : (left + right) / 2);
  const py = (y: number): number => bottom - ((y - y0) / (y1 - y0)) * (bottom - top);
  const xTicks = { number: numberTicks, log: logTicks, time: timeTicks }[options.x ?? 'time'](x0, x1, Math.max(2, Math.floor((right - left) / 80)));

  const parts: string[] = [];
  for (const [row, entries] of legend.entries()) for (const e of entries) parts.push(legendEntry(e, 36 + row * 20));
  if (options.yLabel) parts.push(`<text x="0" y="${top - 14}" opacity="0.75">${escapeText(cutText(options.yLabel, width))}</text>`);
  if (all.length === 0) {
    parts.push(`<text x="${width / 2}" y="${(top + bottom) / 2}" text-anchor="middle" opacity="0.75">no data</text>`);
  } else {
    for (const t of yTicks.at) {
      const y = round(py(t));
      parts.push(`<line x1="${round(left)}" x2="${right}" y1="${y}" y2="${y}" stroke="${gridColour}"/>`);
      parts.push(`<text x="${round(left - 6)}" y="${round(y + 4)}" text-anchor="end">${escapeText(yTicks.label(t))}</text>`);
    }
    parts.push(...xAxis(xTicks.at, xTicks.label, px, bottom, width));
    if (options.xLabel) parts.push(`<text x="${round((left + right) / 2)}" y="${bottom + 38}" text-anchor="middle" opacity="0.75">${escapeText(options.xLabel)}</text>`);
    for (const [n, s] of series.entries()) {
      const points = s.points.map((p) => (drawable(p) ? { x: px(p.x), y: py(p.y), ...(isSpan(p) && { low: py(p.low), high: py(p.high) }) } : null));
      parts.push(...bandPaths(points, n), ...(s.marks === 'points' ? points.flatMap((p) => (p === null ? [] : [dot(p, n)])) : linePaths(points, n)));
    }
  }
  return picture(title, width, height, parts);
}

interface Point {
  readonly x: number;
  readonly y: number | null;
  /** Where y may lie: drawn as a band behind the line. @default no band */
  readonly low?: number | null;
  readonly high?: number | null;
}

interface Drawable extends Point {
  readonly y: number;
}

type Span = Drawable & { readonly low: number; readonly high: number };

function isSpan(p: Drawable): p is Span {
  return typeof p.low === 'number' && typeof p.high === 'number' && Math.abs(p.low) < 1e300 && Math.abs(p.high) < 1e300;
}

function extent(values: readonly number[]): [number, number] {
  if (values.length === 0) return [0, 1];
  let [least, most] = [Infinity, -Infinity];
  for (const v of values) {
    least = Math.min(least, v);
    most = Math.max(most, v);
  }
  return [least, most];
}

interface LegendEntry {
  readonly n: number;
  readonly x: number;
  readonly label: string;
}

function legendRows(series: readonly LineSeries[], width: number): LegendEntry[][] {
  const rows: LegendEntry[][] = [[]];
  let x = 0;
  for (const [n, s] of series.entries()) {
    const label = cutText(s.label, width / 2);
    const size = 22 + estimateWidth(label) + 18;
    if (x + size > width && x > 0) {
      rows.push([]);
      x = 0;
    }
    rows.at(-1)!.push({ n, x, label });
    x += size;
  }
  return rows;
}

function legendEntry({ n, x, label }: LegendEntry, y: number): string {
  const line = `<line x1="${round(x)}" x2="${round(x + 16)}" y1="${y - 4}" y2="${y - 4}" stroke="${seriesColour(n)}" stroke-width="3" stroke-dasharray="${seriesDash(n)}"/>`;
  return `${line}<text x="${round(x + 22)}" y="${y}">${escapeText(label)}</text>`;
}

/** Labels stay inside the picture; one that would overlap its left neighbour is left out. */
function xAxis(at: readonly number[], label: (v: number) => string, px: (x: number) => number, bottom: number, width: number): string[] {
  const parts: string[] = [];
  let free = -Infinity;
  for (const t of at) {
    const x = round(px(t));
    const half = estimateWidth(label(t)) / 2;
    parts.push(`<line x1="${x}" x2="${x}" y1="${bottom}" y2="${bottom + 5}" stroke="${gridColour}"/>`);
    const middle = Math.min(Math.max(x, half), width - half);
    if (middle - half < free) continue;
    parts.push(`<text x="${round(middle)}" y="${bottom + 19}" text-anchor="middle">${escapeText(label(t))}</text>`);
    free = middle + half + 8;
  }
  return parts;
}

/** The band of each stretch of points that have one; a point alone has a line. */
function bandPaths(points: readonly (Drawable | null)[], n: number): string[] {
  const paths: string[] = [];
  let run: Span[] = [];
  const flush = (): void => {
    const at = (x: number, y: number): string => `${round(x)} ${round(y)}`;
    if (run.length === 1) paths.push(`<path d="M${at(run[0]!.x, run[0]!.low)}L${at(run[0]!.x, run[0]!.high)}" fill="none" stroke="${seriesColour(n)}" stroke-opacity="0.5" stroke-width="2"/>`);
    if (run.length > 1) paths.push(`<path d="M${[...run.map((p) => at(p.x, p.high)), ...[...run].reverse().map((p) => at(p.x, p.low))].join('L')}Z" style="fill:${seriesColour(n)};fill-opacity:0.16"/>`);
    run = [];
  };
  for (const p of points) {
    if (p !== null && isSpan(p)) run.push(p);
    else flush();
  }
  flush();
  return paths;
}

function dot({ x, y }: Drawable, n: number): string {
  return `<circle cx="${round(x)}" cy="${round(y)}" r="2.5" style="fill:${seriesColour(n)}"/>`;
}

/** One path; of the points that fall on the same pixel column only the first, least, most and last are drawn. */
function linePaths(points: readonly (Drawable | null)[], n: number): string[] {
  const paths: string[] = [];
  let run: Drawable[] = [];
  const flush = (): void => {
    if (run.length === 1) paths.push(dot(run[0]!, n));
    if (run.length > 1) {
      const d = thin(run).map((p, i) => `${i === 0 ? 'M' : 'L'}${round(p.x)} ${round(p.y)}`).join('');
      paths.push(`<path d="${d}" fill="none" stroke="${seriesColour(n)}" stroke-width="2" stroke-linejoin="round" stroke-dasharray="${seriesDash(n)}"/>`);
    }
    run = [];
  };
  for (const p of points) {
    if (p !== null) run.push(p);
    else flush();
  }
  flush();
  return paths;
}

function thin(points: readonly Drawable[]): readonly Drawable[] {
  if (points.length < 2_000) return points;
  const kept: Drawable[] = [];
  for (let from = 0; from < points.length; ) {
    const column = Math.floor(points[from]!.x);
    let to = from;
    let least = from;
    let most = from;
    while (to < points.length && Math.floor(points[to]!.x) === column) {
      if (points[to]!.y < points[least]!.y) least = to;
      if (points[to]!.y > points[most]!.y) most = to;
      to++;
    }
    for (const i of new Set([from, Math.min(least, most), Math.max(least, most), to - 1])) kept.push(points[i]!);
    from = to;
  }
  return kept;
}
