import { gridColour, seriesColour } from './palette.js';
import { picture, round } from './picture.js';
import { chartNumber, cutText, escapeText, estimateWidth } from './svg-text.js';
import { numberTicks } from './ticks.js';

export interface IntervalRow {
  readonly label: string;
  /** Nothing is drawn for null. */
  readonly value: number | null;
  readonly low: number | null;
  readonly high: number | null;
}

export interface IntervalChartOptions {
  readonly title: string;
  readonly rows: readonly IntervalRow[];
  /** A value to compare with, as a line from top to bottom. */
  readonly reference?: { readonly value: number; readonly label: string } | undefined;
  /** px. @default 720 */
  readonly width?: number;
}

const rowHeight = 26;

/** Draws values with their intervals, a row each, as an SVG element to stand in a page; its height follows the rows. */
export function intervalChart(options: IntervalChartOptions): string {
  const { title, rows, reference, width = 720 } = options;
  const isDrawable = (x: number | null): x is number => x !== null && Math.abs(x) < 1e300;
  const numbers = [...rows.flatMap(({ value, low, high }) => [value, low, high]), reference?.value ?? null].filter(isDrawable);
  const labels = Math.min(width * 0.3, Math.max(0, ...rows.map((r) => estimateWidth(r.label)))) + 12;
  const texts = Math.max(0, ...rows.map((r) => (isDrawable(r.value) ? estimateWidth(chartNumber(r.value)) : 24))) + 14;
  const [left, right] = [labels + 8, width - texts - 8];
  const columns = Math.max(2, Math.floor((right - left) / 80));
  const [least, most] = numbers.length === 0 ? [0, 1] : [Math.min(...numbers), Math.max(...numbers)];
  const [x0, x1] = most > least ? numberTicks(least, most, columns).around : [least - Math.max(1e-12, Math.abs(least)), least + Math.max(1e-12, Math.abs(least))];
  const ticks = numberTicks(x0, x1, columns);
  const px = (x: number): number => round(left + ((x - x0) / (x1 - x0)) * (right - left));
  const top = reference === undefined ? 30 : 50;
  const bottom = top + Math.max(1, rows.length) * rowHeight;
  const height = bottom + 24;

  const parts: string[] = [];
  if (numbers.length === 0) parts.push(`<text x="${width / 2}" y="${top + 17}" text-anchor="middle" opacity="0.75">no data</text>`);
  else {
    let free = -Infinity;
    for (const t of ticks.at) {
      const x = px(t);
      const half = estimateWidth(ticks.label(t)) / 2;
      parts.push(`<line x1="${x}" x2="${x}" y1="${top}" y2="${bottom}" stroke="${gridColour}"/>`);
      if (x - half < free) continue;
      parts.push(`<text x="${x}" y="${bottom + 17}" text-anchor="middle">${escapeText(ticks.label(t))}</text>`);
      free = x + half + 8;
    }
    if (reference !== undefined && isDrawable(reference.value)) {
      const x = px(reference.value);
      const half = estimateWidth(reference.label) / 2;
      parts.push(
        `<line x1="${x}" x2="${x}" y1="${top - 4}" y2="${bottom}" stroke="${seriesColour(1)}" stroke-width="2" stroke-dasharray="5 4"/>`,
        `<text x="${round(Math.min(Math.max(x, half), width - half))}" y="${top - 10}" text-anchor="middle" style="fill:${seriesColour(1)}">${escapeText(reference.label)}</text>`,
      );
    }
  }
  for (const [i, { label, value, low, high }] of rows.entries()) {
    const y = top + i * rowHeight + rowHeight / 2;
    parts.push(`<text x="${round(labels - 4)}" y="${y + 4}" text-anchor="end"><title>${escapeText(label)}</title>${escapeText(cutText(label, labels - 12))}</text>`);
    if (isDrawable(low) && isDrawable(high)) {
      const [from, to] = [px(low), px(high)];
      parts.push(`<path d="M${from} ${y}H${to}M${from} ${y - 5}V${y + 5}M${to} ${y - 5}V${y + 5}" fill="none" stroke="${seriesColour(0)}" stroke-width="2"/>`);
    }
    if (isDrawable(value)) parts.push(`<circle cx="${px(value)}" cy="${y}" r="4.5" style="fill:${seriesColour(0)}"/>`);
    parts.push(`<text x="${width}" y="${y + 4}" text-anchor="end">${isDrawable(value) ? escapeText(chartNumber(value)) : 'none'}</text>`);
  }
  return picture(title, width, height, parts);
}
