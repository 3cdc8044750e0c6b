import { rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { embeddedFeatures } from '../connectors/embedded/embedded-features.js';
import { type EmbeddedRuntime, openEmbedded } from '../connectors/embedded/embedded-runtime.js';
import { offsetAt } from '../dataflow/record-block.js';
import { definition, type AnyTopic } from '../dataflow/topic.js';
import clickFeatures from '../pipelines/click-features.js';
import { itemFeatures, userFeatures } from '../pipelines/click-feature-sets.js';
import { ctrSpikes } from '../pipelines/ctr-spikes.js';
import { labelledClicks } from '../pipelines/labelled-clicks.js';
import type { CtrSpike } from '../schemas/generated/ctr-spike.js';
import { type ClickReport, clickReport, clickSummary } from '../serving/click-report.js';
import { topFeatures } from '../serving/top-features.js';
import { createRecordReader } from './engine/record-rows.js';
import { writeEvents } from './import/write-events.js';
import { runEmbedded } from './run-embedded.js';
import { clickWorld } from './simulate/click-world.js';
import { clickWorldTruth } from './simulate/click-world-truth.js';
import { formatDuration, formatNumber } from './terminal/number-format.js';
import { progress } from './terminal/progress.js';
import { table } from './terminal/table.js';

const world = { events: 300_000, seed: 42 };
const dataDir = resolve('.headrace', 'main-job');
const reportFile = resolve('.headrace', 'report.html');

/** Impressions in 24 hours that an item needs to be ranked: a rate over a handful of them says little. */
const rankedFrom = 300;

/** `npm start`: a simulated day of clicks, click-features over it, and what came out. */
async function mainJob(): Promise<void> {
  const print = (text: string) => process.stdout.write(`${text}\n`);
  await rm(dataDir, { recursive: true, force: true });
  const started = performance.now();

  const writing = openEmbedded({ dataDir, mode: 'write', owner: 'simulate' });
  const simulating = progress({ label: 'simulate', unit: 'events', total: world.events });
  const refusing = function* () {
    for (const event of clickWorld(world)) yield { event };
  };
  await writeEvents(refusing(), { log: writing.log, registry: writing.registry, input: 'simulate', onProgress: (n) => simulating.update(n) });
  simulating.done();
  await writing.close();
  print(`A simulated day: ${formatNumber(world.events)} events of 2,000 people and some bots, on 500 items, in topic clicks.`);

  const lag: { time: number; ms: number }[] = [];
  const running = progress({ label: clickFeatures.name, unit: 'records', total: world.events });
  const runStarted = performance.now();
  await runEmbedded(clickFeatures, {
    dataDir,
    bounded: true,
    commitMs: 200,
    warn: (message) => process.stderr.write(`${message}\n`),
    onProgress({ done, newest, watermark }) {
      running.update(done);
      if (Number.isFinite(watermark)) lag.push({ time: newest, ms: newest - watermark });
    },
  });
  running.done();
  print(`click-features ran over it in ${formatDuration(performance.now() - runStarted)}: features of users, items and creators, labelled clicks, CTR alerts.\n`);

  const reading = openEmbedded({ dataDir, mode: 'read' });
  try {
    await show(reading, lag, print);
  } finally {
    await reading.close();
  }
  print(`\nReport with pictures: ${pathToFileURL(reportFile).href}`);
  print(`Done in ${formatDuration(performance.now() - started)}. Look further:`);
  print(`  npx headrace features top items --by ctr --window 24h --data-dir ${join('.headrace', 'main-job')}`);
  print(`  npx headrace features explain user u1 clicks_1h --data-dir ${join('.headrace', 'main-job')}`);
  print(`  npx headrace replay click-features --compare --data-dir ${join('.headrace', 'main-job')}`);
}

async function show(runtime: EmbeddedRuntime, lag: ClickReport['lag'], print: (text: string) => void): Promise<void> {
  const store = embeddedFeatures(runtime.state, clickFeatures.name);
  const newest = store.newest(itemFeatures)!;
  const shownOften = ({ entity }: { readonly entity: string }) => (store.get(itemFeatures, entity).features.impressions_24h ?? 0) >= rankedFrom;
  const rates = topFeatures(store, itemFeatures, 'ctr_24h', { limit: world.events }).filter(shownOften).slice(0, 10);
  const percent = (x: number | null | undefined) => (x === null || x === undefined ? '-' : `${(100 * x).toFixed(1)} %`);
  print('Top items by click-through rate of 24 h:');
  print(
    table(
      ['item', 'ctr_24h', 'impressions_24h', 'clicks_24h', 'avg_watch_ms_24h', 'share_rate_24h', 'trending_ratio'],
      rates.map(({ entity }) => {
        const { features: f } = store.get(itemFeatures, entity);
        return [entity, percent(f.ctr_24h), f.impressions_24h!, f.clicks_24h!, f.avg_watch_ms_24h === null ? '-' : Math.round(f.avg_watch_ms_24h!), percent(f.share_rate_24h), f.trending_ratio === null ? '-' : f.trending_ratio!.toFixed(2)];
      }),
    ),
  );

  const [busiest] = topFeatures(store, userFeatures, 'events_24h', { limit: 1 });
  const user = store.get(userFeatures, busiest!.entity).features;
  const shown = (x: number | null | undefined) => (x === null || x === undefined ? '-' : Number.isInteger(x) ? formatNumber(x) : x.toFixed(3));
  print(`\nFeatures of user ${busiest!.entity}, the busiest person of the day:`);
  print(
    table(
      ['feature', '1h', '24h', '7d'],
      ['impressions', 'clicks', 'likes', 'shares', 'skips', 'watches', 'watch_ms', 'skip_rate'].map((name) => [name, ...['1h', '24h', '7d'].map((w) => shown(user[`${name}_${w}`]))]),
    ),
  );

  const summary = clickSummary();
  await readRows(runtime, labelledClicks, (rows) => summary.add(rows));
  const spikes: { item: string; time: number; ctr: number; baseline: number }[] = [];
  await readRows(runtime, ctrSpikes, (rows) => {
    for (let i = 0; i < rows.length; i++) {
      const { itemId, windowEnd, ctr, baseline } = rows.value(i) as CtrSpike;
      spikes.push({ item: itemId, time: windowEnd, ctr, baseline });
    }
  });
  spikes.sort((a, b) => a.time - b.time);
  const { viral, items } = clickWorldTruth(world);
  const busy = items.toSorted((a, b) => b.popularity - a.popularity).filter((i) => i.itemId !== viral.itemId).slice(0, 2);
  const times = Array.from({ length: 96 }, (_, i) => newest - (95 - i) * 900_000);
  const html = clickReport({
    intro: `${formatNumber(world.events)} simulated events; ${viral.itemId} was made to go viral at ${new Date(viral.from).toISOString().slice(11, 16)} UTC. Made by npm start.`,
    summary,
    lag,
    spikes,
    top: rates.map(({ entity, value }) => ({ item: entity, ctr: value })),
    trending: topFeatures(store, itemFeatures, 'trending_ratio', { limit: world.events })
      .filter(shownOften)
      .slice(0, 10)
      .map(({ entity, value }) => ({ item: entity, ratio: value })),
    rates: [viral.itemId, ...busy.map((i) => i.itemId)].map((item) => ({ item, points: times.map((time) => ({ time, ctr: store.get(itemFeatures, item, time).features.ctr_1h ?? null })) })),
  });
  await writeFile(reportFile, html);
}

async function readRows(runtime: EmbeddedRuntime, topic: AnyTopic, each: (rows: Parameters<ReturnType<typeof clickSummary>['add']>[0]) => void): Promise<void> {
  const { name } = topic[definition];
  const reader = createRecordReader(topic[definition], runtime.registry);
  const partitions = (await runtime.log.topics()).find((t) => t.name === name)?.partitions ?? 0;
  for (let partition = 0; partition < partitions; partition++) {
    for (let offset = 0; ; ) {
      const block = await runtime.log.read(name, partition, offset);
      if (block === undefined) break;
      offset = offsetAt(block, block.count - 1) + 1;
      await reader.learn(block);
      for (const run of reader.decode(block, partition)) each(run.rows);
    }
  }
}

await mainJob();
