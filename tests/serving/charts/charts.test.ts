import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { barChart } from '../../../serving/charts/bar-chart.js';
import { intervalChart } from '../../../serving/charts/interval-chart.js';
import { lineChart } from '../../../serving/charts/line-chart.js';
import { logHistogram } from '../../../serving/charts/log-histogram.js';
import { chartNumber, cutText, escapeText, estimateWidth, tableNumber } from '../../../serving/charts/svg-text.js';
import { logTicks, numberTicks, timeTicks } from '../../../serving/charts/ticks.js';
import { reportMarkdown } from '../../../serving/report-markdown.js';
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
  const intervals = intervalChart({ title: evil, rows: [{ label: evil, value: 1, low: 0, high: 2 }], reference: { value: 1, label: evil } });
  const histogram = logHistogram({ title: evil, bins: [{ from: 1, to: 2, n: 3 }], xLabel: evil, yLabel: evil });
  const page = reportPage({ title: evil, verdict: { tone: 'bad', text: evil }, intro: evil, sections: [{ heading: evil, text: evil, svg: line + bars, table: { header: [evil], rows: [[evil]] } }] });
  for (const markup of [line, bars, intervals, histogram, page]) {
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
  expect([0, 0.02412345, 10_240, 1_234_567, 2e9, NaN].map(tableNumber)).toEqual(['0', '0.02412', '10,240', '1,234,567', '2B', 'n/a']);
  expect(cutText('examples', estimateWidth('examples') + 10 - 10)).toBe('examples');
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

const anyNumber = fc.oneof(fc.double(), fc.constantFrom(0, -0, 1e-300, 1e300, NaN, Infinity, 0.1, 0.2));

test('intervals of any numbers stay in the picture', () => {
  const row = fc.record({ label: fc.string(), value: fc.option(anyNumber), low: fc.option(anyNumber), high: fc.option(anyNumber) });
  fc.assert(
    fc.property(fc.array(row, { maxLength: 8 }), fc.option(anyNumber, { nil: undefined }), (rows, at) => {
      const svg = intervalChart({ title: 't', rows, ...(at !== undefined && { reference: { value: at, label: 'r' } }) });
      texts(svg);
      expect(svg).not.toMatch(/NaN|Infinity|undefined/);
      for (const [, x] of svg.matchAll(/<circle cx="(-?[\d.]+)"/g)) expect(Number(x)).toSatisfy((v: number) => v >= 0 && v <= 720);
    }),
  );
});

test('histograms of any bins, with what is 0 apart', () => {
  const bin = fc.tuple(fc.double({ min: -300, max: 290, noNaN: true }), fc.nat(1e9)).map(([e, n]) => ({ from: 10 ** e, to: 2 * 10 ** e, n }));
  fc.assert(
    fc.property(fc.array(bin, { maxLength: 20 }), fc.boolean(), (bins, zero) => {
      const all = [...(zero ? [{ from: 0, to: 0, n: 5 }] : []), ...bins.sort((a, b) => a.from - b.from)];
      const svg = logHistogram({ title: 't', bins: all });
      texts(svg);
      expect(svg).not.toMatch(/NaN|Infinity|undefined/);
      expect(svg.match(/<rect/g)?.length ?? 0).toBe(all.filter(({ n }) => n > 0).length);
      for (const [, h] of svg.matchAll(/<rect [^>]*height="(-?[\d.]+)"/g)) expect(Number(h)).toBeGreaterThan(0);
    }),
  );
});

test('ticks of a logarithmic axis are powers of ten, with 2 and 5 where there is room', () => {
  expect(logTicks(0, 3, 8).at.map(logTicks(0, 3, 8).label)).toEqual(['1', '10', '100', '1,000']);
  expect(logTicks(0, 1, 8).at.map(logTicks(0, 1, 8).label)).toEqual(['1', '2', '5', '10']);
  expect(logTicks(-3, 30, 4).at.length).toBeLessThanOrEqual(5);
});

test('a line on a logarithmic axis, with a band; points alone', () => {
  const points = [1, 10, 100].map((x) => ({ x, y: x, low: x / 2, high: x * 2 }));
  const svg = lineChart({ title: 't', x: 'log', series: [{ label: 'a', points: [{ x: 0, y: 1 }, ...points] }] });
  expect(svg).not.toMatch(/NaN|Infinity/);
  expect(svg.match(/fill-opacity/g)).toHaveLength(1);
  const xs = [...svg.matchAll(/d="M([\d.]+) [\d.]+L([\d.]+) [\d.]+L([\d.]+)/g)].at(-1)!.slice(1).map(Number);
  expect(xs[1]! - xs[0]!).toBeCloseTo(xs[2]! - xs[1]!, 0);
  expect(lineChart({ title: 't', x: 'number', series: [{ label: 'a', marks: 'points', points }] }).match(/<circle/g)).toHaveLength(3);
});

test('Markdown holds pictures within itself, and its text means nothing', () => {
  const text = reportMarkdown({ title: '# a|b', intro: '[x](y) `z`', verdict: { tone: 'good', text: 'fine_as_it _is_' }, sections: [{ heading: 'h', svg: barChart({ title: 't', bars: [{ label: 'a', value: 1 }] }), table: { header: ['a|b', 'n'], rows: [['c\nd', 1.5], [null, null]] } }] });
  expect(text).toContain('# \\# a\\|b\n\n\\[x\\](y) \\`z\\`\n\n> fine_as_it \\_is\\_\n\n## h');
  expect(text).toContain('| a\\|b | n |\n| --- | ---: |\n| c d | 1.5 |\n|  |  |');
  const svg = Buffer.from(/base64,([^)]+)\)/.exec(text)![1]!, 'base64').toString();
  expect(svg).toMatch(/^<svg [^>]*xmlns="http:\/\/www.w3.org\/2000\/svg"[^>]*><style>svg\{/);
});
