import { isDeepStrictEqual } from 'node:util';
import { expect } from 'vitest';
import { embeddedFeatures } from '../connectors/embedded/embedded-features.js';
import { openEmbedded } from '../connectors/embedded/embedded-runtime.js';
import type { FeatureSet } from '../dataflow/features/features.js';
import { creatorFeatures, itemFeatures, userFeatures } from '../pipelines/click-feature-sets.js';
import { splitmix } from '../dataflow/splitmix.js';
import { topicRecords } from '../runners/testing/topic-records.js';
import type { ClickEvent } from '../schemas/generated/click-event.js';
import type { LabelledClick } from '../schemas/generated/labelled-click.js';
import { topFeatures } from '../serving/top-features.js';
import { clickFeatureScan, type PlacedClick, roundedAt, type SetName, windowStart } from './click-feature-scan.js';
import { startCommand } from './faults/start-run.js';

const sets = { user: userFeatures, item: itemFeatures, creator: creatorFeatures } as unknown as Readonly<Record<SetName, FeatureSet>>;
const minute = 60_000;
const hour = 60 * minute;

/**
 * Every event of the topic clicks, with the label that click-features gave it: each is in labelled-clicks once, with the same fields.
 */
export async function labelledEvents(dataDir: string): Promise<PlacedClick[]> {
  const { log, registry, close } = openEmbedded({ dataDir, mode: 'read' });
  try {
    const labels = new Map<string, LabelledClick>();
    for (const { value } of await topicRecords(log, registry, 'labelled-clicks')) {
      const label = value as LabelledClick;
      const place = `${label.originPartition}/${label.originOffset}`;
      if (labels.has(place)) throw new Error(`${place} is labelled twice`);
      labels.set(place, label);
    }
    const events = (await topicRecords(log, registry, 'clicks')).map(({ value, partition, offset }): PlacedClick => {
      const { bot, botReason, originPartition: _, originOffset: __, ...labelled } = labels.get(`${partition}/${offset}`)!;
      if (!isDeepStrictEqual(labelled, value) || (botReason !== null) !== bot) throw new Error(`${partition}/${offset}: ${JSON.stringify(labelled)} of ${JSON.stringify(value)}`);
      return { ...(value as ClickEvent), partition, offset, bot };
    });
    expect(labels.size).toBe(events.length);
    return events;
  } finally {
    await close();
  }
}

/** Compares `count` random look-ups in the store with the brute-force scan; answers with how many found something. */
export async function checkLookups(dataDir: string, events: readonly PlacedClick[], options: { readonly seed: number; readonly count: number }): Promise<number> {
  const random = splitmix(options.seed);
  const scan = clickFeatureScan(events);
  const times = events.map((e) => e.timestamp);
  const [first, last] = [times.reduce((a, b) => Math.min(a, b)), times.reduce((a, b) => Math.max(a, b))];
  const runtime = openEmbedded({ dataDir, mode: 'read' });
  let found = 0;
  try {
    const store = embeddedFeatures(runtime.state, 'click-features');
    for (let n = 0; n < options.count; n++) {
      const set = (['user', 'item', 'creator'] as const)[n % 3]!;
      const event = events[random.below(events.length)]!;
      const entity = random.below(20) === 0 ? ['', 'nobody', `${event.userId}x`, 'u', '\u0000'][random.below(5)]! : { user: event.userId, item: event.itemId, creator: event.creatorId }[set];
      const at = timeNear(event.timestamp, random.below(12), first + random.unit() * (last - first + 8 * 24 * hour));
      const answer = store.get(sets[set], entity, at);
      const expected = scan.features(set, entity, roundedAt(at));
      const where = `${set} ${JSON.stringify(entity)} at ${new Date(at).toISOString()}`;
      if (answer.at !== roundedAt(at)) throw new Error(`${where} was answered as of ${answer.at}`);
      expectFeatures(answer.features, expected, where);
      if ((expected.values['events_7d'] ?? 0) > 0) found += 1;
    }
  } finally {
    await runtime.close();
  }
  return found;
}

/** A time at which much can go wrong: on and beside borders of panes, just before and behind an event, where it leaves a window. */
function timeNear(event: number, kind: number, anywhere: number): number {
  const nextPane = roundedAt(event) + 5 * minute;
  const times = [
    event, event + 1, event - 1, nextPane, nextPane - 1, roundedAt(event),
    nextPane + hour, roundedAt(event) + hour, nextPane + 24 * hour, Math.ceil(event / hour) * hour + 24 * hour, Math.ceil(event / hour) * hour + 168 * hour, anywhere,
  ];
  return Math.floor(times[kind]!);
}

function expectFeatures(actual: Readonly<Record<string, number | null>>, expected: ReturnType<ReturnType<typeof clickFeatureScan>['features']>, where: string): void {
  const off = (name: string, value: number | null, by: number) => (value === null || actual[name] === null ? actual[name] !== value : !(Math.abs(actual[name]! - value) <= by * value));
  const names = [...Object.keys(expected.values), ...Object.keys(expected.quantiles)];
  const wrong = [
    ...Object.keys(actual).filter((name) => !names.includes(name)),
    ...Object.entries(expected.values).filter(([name, value]) => off(name, value, name === 'quality' ? 1e-12 : 0)).map(([name]) => name),
    // The sketch is within 1 %, and its arithmetic is rounded.
    ...Object.entries(expected.quantiles).filter(([name, value]) => off(name, value, 0.01 + 1e-9)).map(([name]) => name),
  ];
  const [name] = wrong;
  if (name !== undefined) throw new Error(`${wrong.length} features of ${where} are wrong: ${name} is ${actual[name]}, not ${expected.values[name] ?? expected.quantiles[name]}`);
}

/** The leading entities of a feature, in the store and by brute force. */
export async function checkTop(dataDir: string, events: readonly PlacedClick[], set: SetName, feature: string, at: number, minEvents?: number): Promise<void> {
  const scan = clickFeatureScan(events);
  const window = feature.slice(feature.lastIndexOf('_') + 1);
  const expected = scan
    .entities(set)
    .map((entity) => ({ entity, features: scan.features(set, entity, roundedAt(at)).values }))
    .filter(({ features }) => features[feature] !== null && (minEvents === undefined || features[`events_${window}`]! >= minEvents))
    .map(({ entity, features }) => ({ entity, value: features[feature]! }))
    .sort((a, b) => b.value - a.value || (a.entity < b.entity ? -1 : 1))
    .slice(0, 20);
  const runtime = openEmbedded({ dataDir, mode: 'read' });
  try {
    const ranked = topFeatures(embeddedFeatures(runtime.state, 'click-features'), sets[set], feature, { limit: 20, at: roundedAt(at), ...(minEvents === undefined ? {} : { events: minEvents }) });
    expect(ranked.map(({ entity, value }) => ({ entity, value }))).toEqual(expected);
  } finally {
    await runtime.close();
  }
}

/** One look-up through the command: `features get`, and `features explain` of a feature with the events that make it. */
export async function checkCommand(dataDir: string, events: readonly PlacedClick[], set: SetName, entity: string, feature: string, counts: (e: PlacedClick) => boolean, at: number): Promise<void> {
  const scan = clickFeatureScan(events);
  const rounded = roundedAt(at);
  const time = new Date(at).toISOString();
  const common = ['--at', time, '--json', '--data-dir', dataDir];
  const got = await startCommand(['features', 'get', set, ...common, '--', entity]).ended;
  expect(got).toMatchObject({ code: 0, stderr: '' });
  const answer = JSON.parse(got.stdout) as { entity: string; id: string; at: string; features: Record<string, number | null> };
  expect(answer).toMatchObject({ entity: set, id: entity, at: new Date(rounded).toISOString() });
  expectFeatures(answer.features, scan.features(set, entity, rounded), `${set} ${entity} at ${time}`);

  const explained = await startCommand(['features', 'explain', set, ...common, '--', entity, feature]).ended;
  expect(explained).toMatchObject({ code: 0, stderr: '' });
  const told = JSON.parse(explained.stdout) as { value: number | null; events: number; panes: { start: string; end: string; events: { topic: string; partition: number; offset: number; timestamp: string }[] }[] };
  const window = /_(1h|24h|7d)/.exec(feature)![1] as '1h' | '24h' | '7d';
  const expected = scan
    .within(set, entity, window, rounded)
    .filter(counts)
    .sort((a, b) => a.timestamp - b.timestamp || a.partition - b.partition || a.offset - b.offset)
    .map((e) => ({ topic: 'clicks', partition: e.partition, offset: e.offset, timestamp: new Date(e.timestamp).toISOString() }));
  expect(told.panes.flatMap((p) => p.events)).toEqual(expected);
  expect(told.events).toBe(expected.length);
  expect(told.value).toBe(answer.features[feature] ?? null);
  for (const pane of told.panes) {
    expect(Date.parse(pane.start)).toBeGreaterThanOrEqual(windowStart(window, rounded));
    for (const e of pane.events) expect(e.timestamp >= pane.start && e.timestamp < pane.end).toBe(true);
  }
}
