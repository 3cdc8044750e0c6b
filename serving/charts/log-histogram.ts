import { gridColour, seriesColour } from './palette.js';
import { picture, round } from './picture.js';
import { chartNumber, cutText, escapeText, estimateWidth } from './svg-text.js';
import { logTicks } from './ticks.js';

export interface HistogramBin {
  /** Least value of the bin; a bin of value 0 alone has `from` and `to` 0. */
  readonly from: number;
  readonly to: number;
  readonly n: number;
}

export interface LogHistogramOptions {
  readonly title: string;
  readonly bins: readonly HistogramBin[];
  readonly xLabel?: string;
  readonly yLabel?: string;
  /** px. @default 720 × 300 */
  readonly width?: number;
  readonly height?: number;
}

/** Draws how often values over 0 occur, both axes logarithmic, as an SVG element to stand in a page. What is 0 stands apart at the left. */
export function logHistogram(options: LogHistogramOptions): string {
  const { title, width = 720, height = 300 } = options;
  const bins = options.bins.filter(({ n }) => n > 0);
  const zero = bins.find(({ to }) => !(to > 0));
  const over = bins.filter(({ from, to }) => from > 0 && to < 1e300);
  const most = Math.max(1, ...bins.map(({ n }) => n));
  const [y0, y1] = [Math.log10(0.7), Math.log10(most) + 0.15];
  const top = 34 + (options.yLabel ? 16 : 0);
  const bottom = height - (options.xLabel ? 44 : 26);
  const yTicks = logTicks(0, y1, Math.max(2, Math.round((bottom - top) / 45)));
  const start = 14 + Math.max(...yTicks.at.map((t) => estimateWidth(yTicks.label(t))));
  const left = start + (zero === undefined ? 0 : 44);
  const right = width - 20;
  const [x0, x1] = over.length === 0 ? [0, 1] : [Math.log10(over[0]!.from), Math.log10(over.at(-1)!.to)];
  const px = (x: number): number => left + ((x - x0) / Math.max(1e-9, x1 - x0)) * (right - left);
  const py = (n: number): number => round(bottom - ((Math.log10(n) - y0) / (y1 - y0)) * (bottom - top));

  const parts: string[] = [];
  if (options.yLabel) parts.push(`<text x="0" y="${top - 14}" opacity="0.75">${escapeText(cutText(options.yLabel, width))}</text>`);
  if (bins.length === 0) parts.push(`<text x="${width / 2}" y="${(top + bottom) / 2}" text-anchor="middle" opacity="0.75">no data</text>`);
  else {
    for (const t of yTicks.at) {
      const y = py(10 ** t);
      parts.push(`<line x1="${round(start)}" x2="${right}" y1="${y}" y2="${y}" stroke="${gridColour}"/>`, `<text x="${round(start - 6)}" y="${y + 4}" text-anchor="end">${escapeText(yTicks.label(t))}</text>`);
    }
    const bar = (from: number, to: number, { n, from: low, to: high }: HistogramBin): string => {
      const range = high > 0 ? `${chartNumber(low)} to ${chartNumber(high)}` : '0';
      return `<rect x="${round(from)}" y="${py(n)}" width="${Math.max(1, round(to - from - 1))}" height="${round(bottom - py(n))}" style="fill:${seriesColour(0)}"><title>${escapeText(`${range}: ${n}`)}</title></rect>`;
    };
    if (zero !== undefined) parts.push(bar(start + 6, start + 30, zero), `<text x="${round(start + 18)}" y="${bottom + 19}" text-anchor="middle">0</text>`);
    for (const bin of over) parts.push(bar(px(Math.log10(bin.from)), px(Math.log10(bin.to)), bin));
    if (over.length > 0) parts.push(...xAxis(x0, x1, px, bottom, right - left, width));
    parts.push(`<line x1="${round(start)}" x2="${right}" y1="${bottom}" y2="${bottom}" stroke="${gridColour}"/>`);
    if (options.xLabel) parts.push(`<text x="${round((left + right) / 2)}" y="${bottom + 38}" text-anchor="middle" opacity="0.75">${escapeText(options.xLabel)}</text>`);
  }
  return picture(title, width, height, parts);
}

function xAxis(x0: number, x1: number, px: (x: number) => number, bottom: number, room: number, width: number): string[] {
  const ticks = logTicks(x0, x1, Math.max(2, Math.floor(room / 80)));
  return ticks.at.flatMap((t) => {
    const x = round(px(t));
    const half = estimateWidth(ticks.label(t)) / 2;
    return [`<line x1="${x}" x2="${x}" y1="${bottom}" y2="${bottom + 5}" stroke="${gridColour}"/>`, `<text x="${round(Math.min(Math.max(x, half), width - half))}" y="${bottom + 19}" text-anchor="middle">${escapeText(ticks.label(t))}</text>`];
  });
}
