import { gridColour, seriesColour } from './palette.js';
import { picture, round } from './picture.js';
import { chartNumber, cutText, escapeText, estimateWidth } from './svg-text.js';

export interface Bar {
  readonly label: string;
  readonly value: number;
  /** What stands at the end of the bar. @default the value */
  readonly text?: string;
}

export interface BarChartOptions {
  readonly title: string;
  readonly bars: readonly Bar[];
  /** px. @default 720 */
  readonly width?: number;
  /** How values are written. @default four digits */
  readonly format?: (value: number) => string;
}

const rowHeight = 26;

/** Draws horizontal bars with labels and values as an SVG element to stand in a page; its height follows the bars. */
export function barChart(options: BarChartOptions): string {
  const { title, bars, width = 720, format = chartNumber } = options;
  const rows = bars.map((bar) => ({ label: bar.label, value: Math.abs(bar.value) < 1e300 ? bar.value : 0, text: bar.text ?? format(bar.value) }));
  const most = Math.max(0, ...rows.map((r) => r.value));
  const least = Math.min(0, ...rows.map((r) => r.value));
  const labels = Math.min(width * 0.38, Math.max(0, ...rows.map((r) => estimateWidth(r.label)))) + 10;
  const texts = Math.min(width * 0.25, Math.max(0, ...rows.map((r) => estimateWidth(r.text)))) + 10;
  const left = labels + (least < 0 ? texts : 0);
  const extent = (value: number): number => (most > least ? (Math.abs(value) / (most - least)) * (width - left - texts) : 0);
  const zero = left + extent(least);

  const top = 30;
  const height = top + Math.max(rows.length, 1) * rowHeight + 6;
  const parts: string[] = [];
  if (rows.length === 0) parts.push(`<text x="${width / 2}" y="${top + 17}" text-anchor="middle" opacity="0.75">no data</text>`);
  for (const [i, row] of rows.entries()) {
    const y = top + i * rowHeight;
    const size = round(extent(row.value));
    const from = round(row.value < 0 ? zero - size : zero);
    const shown = escapeText(cutText(row.text, texts));
    parts.push(
      `<text x="${round(labels - 10)}" y="${y + 17}" text-anchor="end"><title>${escapeText(row.label)}</title>${escapeText(cutText(row.label, labels - 10))}</text>`,
      `<rect x="${from}" y="${y + 4}" width="${size}" height="${rowHeight - 8}" rx="2" style="fill:${seriesColour(0)}"/>`,
      row.value < 0 ? `<text x="${from - 6}" y="${y + 17}" text-anchor="end">${shown}</text>` : `<text x="${round(from + size + 6)}" y="${y + 17}">${shown}</text>`,
    );
  }
  if (rows.length > 0) parts.push(`<line x1="${round(zero)}" x2="${round(zero)}" y1="${top}" y2="${height - 6}" stroke="${gridColour}"/>`);
  return picture(title, width, height, parts);
}
