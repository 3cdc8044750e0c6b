import { cell } from '../schemas/column.js';
import { barChart } from './charts/bar-chart.js';
import { lineChart } from './charts/line-chart.js';
import { reportPage } from './report-page.js';
import type { BatchRows } from '../dataflow/batch.js';

/** Counts of labelled clicks over time and by category. */
export interface ClickSummary {
  /** Start of each quarter of an hour (epoch ms) to events of people and of bots. */
  readonly traffic: ReadonlyMap<number, { people: number; bots: number }>;
  readonly categories: ReadonlyMap<string, { impressions: number; clicks: number }>;
}

const quarter = 900_000;

/** An empty summary, and the way to add rows of `labelled-clicks` to it. */
export function clickSummary(): ClickSummary & { add(rows: BatchRows): void } {
  const traffic = new Map<number, { people: number; bots: number }>();
  const categories = new Map<string, { impressions: number; clicks: number }>();
  return {
    traffic,
    categories,
    add(rows) {
      const [time, bot, category, type] = ['timestamp', 'bot', 'category', 'eventType'].map((name) => rows.field(name)) as [ReturnType<BatchRows['field']>, ...ReturnType<BatchRows['field']>[]];
      for (let i = 0; i < rows.length; i++) {
        const start = Math.floor((cell(time, i) as number) / quarter) * quarter;
        const at = traffic.get(start) ?? traffic.set(start, { people: 0, bots: 0 }).get(start)!;
        if (cell(bot!, i)) {
          at.bots += 1;
          continue;
        }
        at.people += 1;
        const name = cell(category!, i) as string;
        const counted = categories.get(name) ?? categories.set(name, { impressions: 0, clicks: 0 }).get(name)!;
        if (cell(type!, i) === 'IMPRESSION') counted.impressions += 1;
        else if (cell(type!, i) === 'CLICK') counted.clicks += 1;
      }
    },
  };
}

/** What the report of a run of click-features shows. */
export interface ClickReport {
  readonly summary: ClickSummary;
  /** Newest event time less the watermark at each commit, ms. */
  readonly lag: readonly { readonly time: number; readonly ms: number }[];
  /** Rolling click-through rates of some items. */
  readonly rates: readonly { readonly item: string; readonly points: readonly { readonly time: number; readonly ctr: number | null }[] }[];
  readonly trending: readonly { readonly item: string; readonly ratio: number }[];
  readonly spikes: readonly { readonly item: string; readonly time: number; readonly ctr: number; readonly baseline: number }[];
  readonly top: readonly { readonly item: string; readonly ctr: number }[];
  readonly intro: string;
}

/** The report as one HTML page. */
export function clickReport(report: ClickReport): string {
  const time = (t: number) => new Date(t).toISOString().slice(11, 16);
  const percent = (x: number) => `${(100 * x).toFixed(1)} %`;
  const traffic = [...report.summary.traffic].sort(([a], [b]) => a - b);
  const categories = [...report.summary.categories].filter(([, c]) => c.impressions > 0).sort(([, a], [, b]) => b.clicks / b.impressions - a.clicks / a.impressions);
  return reportPage({
    title: 'A day of clicks',
    intro: report.intro,
    sections: [
      {
        heading: 'Traffic',
        text: 'Events per quarter of an hour. Bots are labelled and kept out of every feature, not dropped.',
        svg: lineChart({
          title: 'Events per 15 minutes',
          x: 'time',
          yLabel: 'events',
          series: [
            { label: 'people', points: traffic.map(([x, c]) => ({ x, y: c.people })) },
            { label: 'bots', points: traffic.map(([x, c]) => ({ x, y: c.bots })) },
          ],
        }),
      },
      {
        heading: 'Click-through rate by category',
        text: 'Clicks per impression of people over the whole day.',
        svg: barChart({ title: 'CTR by category', bars: categories.map(([label, c]) => ({ label: label === '' ? '(none)' : label, value: c.clicks / c.impressions, text: percent(c.clicks / c.impressions) })) }),
      },
      {
        heading: 'Trending items',
        text: 'The click-through rate of the last hour against that of seven days, at the end of the day.',
        svg: barChart({ title: 'CTR of 1 h / CTR of 7 d', bars: report.trending.map(({ item, ratio }) => ({ label: item, value: ratio, text: `${ratio.toFixed(2)} x` })) }),
      },
      {
        heading: 'An item that went viral, as the features saw it',
        text: 'Features can be read as of any past time: each point is a look-up of ctr_1h.',
        svg: lineChart({ title: 'Rolling one-hour CTR', x: 'time', yLabel: 'ctr_1h', series: report.rates.map(({ item, points }) => ({ label: item, points: points.map((p) => ({ x: p.time, y: p.ctr })) })) }),
      },
      {
        heading: 'Alerts',
        text: 'Items whose rate of one hour was over five times that of the seven days before (topic ctr-spikes).',
        table: { header: ['time', 'item', 'CTR of the hour', 'CTR before'], rows: report.spikes.map((s) => [time(s.time), s.item, percent(s.ctr), percent(s.baseline)]) },
      },
      {
        heading: 'Top items of the day',
        table: { header: ['item', 'ctr_24h'], rows: report.top.map(({ item, ctr }) => [item, percent(ctr)]) },
      },
      {
        heading: 'Watermark lag',
        text: 'How far event time that has been reached (the watermark) is behind the newest event, at each commit: the disorder that the pipeline allows (30 s) and at most one tick (30 s).',
        svg: lineChart({ title: 'Newest event less watermark', x: 'time', yLabel: 'seconds', series: [{ label: 'lag', points: report.lag.map((l) => ({ x: l.time, y: l.ms / 1_000 })) }] }),
      },
    ],
  });
}
