import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { barChart } from '../../../serving/charts/bar-chart.js';
import { lineChart } from '../../../serving/charts/line-chart.js';
import { chartNumber, cutText, escapeText, estimateWidth } from '../../../serving/charts/svg-text.js';
import { numberTicks, timeTicks } from '../../../serving/charts/ticks.js';
import { reportPage } from '../../../serving/report-page.js';

/** Opening and closing tags match; returns the texts. Enough of a parser for what we write. */
function texts(markup: string): string[] {
  const open: string[] = [];
  const found: string[] = [];
  for (const m of markup.matchAll(/<(\/?)([a-z0-9!]+)((?:\s[^<>"]*?(?:"[^"<>]*"[^<>"]*?)*?)?)(\/?)>|([^<>]+)/gi)) {
    if (m[5] !== undefined) found.push(m[5]);
    else if (m[1] === '/') expect(open.pop()).toBe(m[2]);
    else if (m[4] !== '/' && !['meta', '!doctype'].includes(m[2]!)) open.push(m[2]!);
  }
  expect(open).toEqual([]);
  return found;
}

const evil = `<script>alert("1")</script> & 'x' \u0000\ud800`;

test('texts are escaped everywhere', () => {
  expect(escapeText(evil)).toBe('&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; &amp; &#39;x&#39; \ufffd\ufffd');
  const line = lineChart({ title: evil, xLabel: evil, yLabel: evil, series: [{ label: evil, points: [{ x: 0, y: 1 }] }, { label: evil, points: [] }] });
  const bars = barChart({ title: evil, bars: [{ label: evil, value: 1, text: evil }] });
  const page = reportPage({ title: evil, intro: evil, sections: [{ heading: evil, text: evil, svg: line + bars, table: { header: [evil], rows: [[evil]] } }] });
  for (const markup of [line, bars, page]) {
    expect(markup).not.toContain('<script');
    texts(markup);
  }
});

test('a chart has an accessible title', () => {
  const svg = lineChart({ title: 'Clicks', series: [] });
  expect(svg).toMatch(/^<svg [^>]*role="img" aria-label="Clicks"[^>]*><title>Clicks<\/title>/);
  expect(texts(svg)).toContain('no data');
  expect(texts(barChart({ title: 'None', bars: [] }))).toContain('no data');
});

test('any numbers give a drawing without NaN', () => {
  const number = fc.oneof(fc.double({ noNaN: true }), fc.double({ min: -1e18, max: 1e18, noNaN: true }), fc.integer({ max: 5000 }));
  fc.assert(
    fc.property(fc.array(fc.tuple(number, fc.oneof(number, fc.constantFrom(null, NaN, Infinity))), { maxLength: 20 }), fc.constantFrom('time', 'number'), (points, x) => {
      const svg = lineChart({ title: 't', x, series: [{ label: 's', points: points.map(([px, y]) => ({ x: px, y })) }] });
      const bars = barChart({ title: 't', bars: points.map(([value]) => ({ label: 'b', value })) });
      for (const markup of [svg, bars]) {
        expect(markup).not.toMatch(/="[^"]*(NaN|Infinity|undefined)/);
        texts(markup);
      }
    }),
  );
});

test('a gap interrupts the line, a lone point is a dot', () => {
  const svg = lineChart({ title: 't', x: 'number', series: [{ label: 's', points: [{ x: 0, y: 1 }, { x: 1, y: 2 }, { x: 2, y: null }, { x: 3, y: 1 }] }] });
  expect(svg.match(/<path /g)?.length).toBe(1);
  expect(svg.match(/<circle /g)?.length).toBe(1);
});

test('a long series is thinned, its extremes stay', () => {
  const points = Array.from({ length: 100_000 }, (_, i) => ({ x: i, y: i === 54_321 ? 100 : Math.sin(i) }));
  const thin = lineChart({ title: 't', x: 'number', series: [{ label: 's', points }] });
  expect(thin.length).toBeLessThan(60_000);
  const ys = [...thin.matchAll(/L[\d.]+ ([\d.]+)/g)].map((m) => Number(m[1]));
  expect(Math.min(...ys)).toBeLessThan(50);
});

test.each([
  [0, 10, 5, ['0', '2', '4', '6', '8', '10']],
  [0, 0.25, 5, ['0.00', '0.05', '0.10', '0.15', '0.20', '0.25']],
  [-3, 3, 3, ['-2', '0', '2']],
  [0, 2_000_000, 4, ['0', '0.5M', '1M', '1.5M', '2M']],
  [0, 1_500, 3, ['0', '500', '1,000', '1,500']],
  [0, 45_000, 4, ['0', '20K', '40K']],
  [5, 5, 4, ['5']],
])('number ticks %d … %d', (least, most, count, labels) => {
  const { at, label } = numberTicks(least, most, count);
  expect(at.map(label)).toEqual(labels);
});

test('time ticks are round in UTC', () => {
  const start = Date.UTC(2026, 0, 5);
  const labels = (from: number, to: number, count: number): string[] => {
    const { at, label } = timeTicks(start + from, start + to, count);
    return at.map(label);
  };
  const hour = 3_600_000;
  expect(labels(0, 24 * hour, 8)).toEqual(['Jan 5', '03:00', '06:00', '09:00', '12:00', '15:00', '18:00', '21:00', 'Jan 6']);
  expect(labels(1, 60_001, 6)).toEqual(['00:00:10', '00:00:20', '00:00:30', '00:00:40', '00:00:50', '00:01:00']);
  expect(labels(0, 28 * 24 * hour, 4)).toEqual(['Jan 5', 'Jan 12', 'Jan 19', 'Jan 26', 'Feb 2']);
  expect(labels(0, 0, 4)).toEqual(['00:00:00.000']);
});

test('numbers and cut texts', () => {
  expect([0, 0.02412345, 1234.5, 1_234_567, 1e-9, NaN].map(chartNumber)).toEqual(['0', '0.02412', '1,235', '1.235M', '1.00e-9', 'n/a']);
  expect(cutText('short', 100)).toBe('short');
  const cut = cutText('a label that is far too long', 80);
  expect(cut.endsWith('…')).toBe(true);
  expect(estimateWidth(cut)).toBeLessThanOrEqual(80);
});

test('a page stands alone and shows its parts', () => {
  const page = reportPage({ title: 'Report', intro: 'One.\n\nTwo.', sections: [{ heading: 'H', table: { header: ['name', 'n'], rows: [['a', 1234], ['b', null]] } }] });
  expect(page).not.toMatch(/https?:|<script|<link/);
  expect(page).toContain('<p class="intro">One.</p>\n<p class="intro">Two.</p>');
  expect(page).toContain('<td>a</td><td class="n">1,234</td>');
  texts(page.replace(/<style>[^]*<\/style>/, ''));
});
