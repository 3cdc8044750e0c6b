import { createHash } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import type { ClickEvent } from '../../../schemas/generated/click-event.js';
import { clickWorld } from '../../../runners/simulate/click-world.js';
import { clickWorldTruth, type ClickWorldTruth } from '../../../runners/simulate/click-world-truth.js';
import type { ClickWorldOptions } from '../../../runners/simulate/world-plan.js';

const day = 86_400_000;
const monday = Date.UTC(2026, 0, 5);

function digest(options: ClickWorldOptions): string {
  const hash = createHash('sha256');
  for (const e of clickWorld(options)) hash.update(JSON.stringify(e));
  return hash.digest('hex');
}

describe('half a million events of one day', () => {
  const options = { events: 500_000, seed: 7 };
  let events: ClickEvent[];
  let truth: ClickWorldTruth;
  let bots: Map<string, string>;
  let people: ClickEvent[];
  beforeAll(() => {
    events = [...clickWorld(options)];
    truth = clickWorldTruth(options);
    bots = new Map(truth.bots.map((b) => [b.userId, b.kind]));
    people = events.filter((e) => !bots.has(e.userId));
  });

  test('exactly as many events as asked for, each once, over one day', () => {
    expect(events.length).toBe(500_000);
    expect(new Set(events.map((e) => e.eventId)).size).toBe(500_000);
    const times = events.map((e) => e.timestamp).sort((a, b) => a - b);
    expect(times[0]).toBe(monday);
    expect(times.at(-1)).toBeGreaterThan(monday + day - 10_000);
    expect(times.at(-1)).toBeLessThan(monday + day);
    expect([truth.start, truth.end]).toEqual([monday, monday + day]);
    expect(truth.humanEvents).toBe(people.length);
  });

  test('eight categories, known users and items, watch times within the length', () => {
    expect(new Set(events.map((e) => e.category)).size).toBe(8);
    expect(new Set(events.map((e) => e.itemId)).size).toBe(500);
    const items = new Map(truth.items.map((i) => [i.itemId, i]));
    for (const e of events) {
      const item = items.get(e.itemId)!;
      if (e.category !== item.category || e.durationMs !== item.durationMs) expect.fail(`${e.eventId} has another category or length than its item`);
      if (e.eventType === 'WATCH' ? e.watchMs > e.durationMs : e.watchMs !== 0) expect.fail(`${e.eventId} watched ${e.watchMs} of ${e.durationMs}`);
    }
  });

  test('night is quiet and evening busy', () => {
    const hours = Array.from({ length: 24 }, () => 0);
    for (const e of people) hours[Math.floor((e.timestamp - monday) / 3_600_000)]!++;
    expect(hours[20]! / hours[4]!).toBeGreaterThan(6);
    expect(hours.every((n) => n > 0)).toBe(true);
  });

  test('activity has a heavy tail', () => {
    const counts = new Map<string, number>();
    for (const e of people) counts.set(e.userId, (counts.get(e.userId) ?? 0) + 1);
    const sorted = [...counts.values()].sort((a, b) => b - a);
    const top = sorted.slice(0, sorted.length / 10).reduce((s, n) => s + n, 0);
    expect(top / people.length).toBeGreaterThan(0.35);
  });

  test('the planted CTR of large items comes out', () => {
    const seen = new Map<string, { views: number; clicks: number; expected: number }>();
    for (const e of people) {
      if (e.itemId === truth.viral.itemId) continue;
      let s = seen.get(e.itemId);
      if (s === undefined) seen.set(e.itemId, (s = { views: 0, clicks: 0, expected: 0 }));
      if (e.eventType === 'CLICK') s.clicks++;
      if (e.eventType === 'IMPRESSION') {
        s.views++;
        s.expected += truth.clickProbability(e);
      }
    }
    let checked = 0;
    let chi = 0;
    let clicks = 0;
    let planted = 0;
    for (const { itemId, ctr } of truth.items) {
      const s = seen.get(itemId);
      if (s === undefined || s.views < 1_000) continue;
      checked++;
      const deviation = Math.sqrt(s.views * ctr * (1 - ctr));
      expect(Math.abs(s.clicks - s.views * ctr)).toBeLessThan(5 * deviation + 0.06 * s.views * ctr);
      chi += (s.clicks - s.expected) ** 2 / s.expected;
      clicks += s.clicks;
      planted += s.views * ctr;
    }
    expect(checked).toBeGreaterThan(50);
    expect(chi / checked).toBeLessThan(1.4);
    expect(Math.abs(clicks / planted - 1)).toBeLessThan(0.03);
  });

  test('a click comes after its impression', () => {
    const shown = new Set<string>();
    const late = new Map<string, number>();
    for (const e of [...people].sort((a, b) => a.timestamp - b.timestamp)) {
      if (e.eventType === 'IMPRESSION') shown.add(`${e.userId} ${e.itemId}`);
      else if (!shown.has(`${e.userId} ${e.itemId}`)) late.set(e.eventId, e.timestamp);
    }
    expect(late.size).toBe(0);
  });

  test('people click more on what they like, and at the top', () => {
    const at = (position: number): number => {
      const views = people.filter((e) => e.position === position);
      return views.filter((e) => e.eventType === 'CLICK').length / views.filter((e) => e.eventType === 'IMPRESSION').length;
    };
    expect(at(0) / at(9)).toBeGreaterThan(1.7);
    const p = (category: string, userId: string): number => {
      const item = truth.items.find((i) => i.category === category && i.itemId !== truth.viral.itemId)!;
      return truth.clickProbability({ userId, itemId: item.itemId, position: 3, timestamp: monday }) / item.ctr;
    };
    const ratios = [...new Set(truth.items.map((i) => i.category))].map((c) => p(c, people[0]!.userId));
    expect(Math.max(...ratios) / Math.min(...ratios)).toBeGreaterThan(2.5);
  });

  test('about two percent of the users are bots, and each shows what it is', () => {
    expect(truth.bots.length).toBe(39);
    const byUser = new Map<string, ClickEvent[]>();
    for (const e of events) if (bots.has(e.userId)) byUser.set(e.userId, [...(byUser.get(e.userId) ?? []), e]);
    for (const bot of truth.bots) {
      const own = byUser.get(bot.userId)!.sort((a, b) => a.timestamp - b.timestamp);
      expect(own.length).toBe(bot.events);
      const declared = /bot|crawler|spider/.test(own[0]!.agent!);
      expect(declared).toBe(bot.kind === 'declared');
      const gaps = own.slice(1).map((e, i) => e.timestamp - own[i]!.timestamp);
      if (bot.kind === 'regular') expect(new Set(gaps)).toEqual(new Set([bot.periodMs]));
      if (bot.kind === 'velocity') {
        expect(own.at(-1)!.timestamp - own[0]!.timestamp).toBeGreaterThan(55_000);
        for (let i = 100; i < own.length; i++) expect(own[i]!.timestamp - own[i - 100]!.timestamp).toBeLessThan(10_000);
      }
    }
  });

  test('no person is as fast or as regular as a bot', () => {
    const byUser = new Map<string, number[]>();
    for (const e of people) {
      if (/bot|crawler|spider/.test(e.agent!)) expect.fail(`${e.userId} is a person`);
      const times = byUser.get(e.userId);
      if (times === undefined) byUser.set(e.userId, [e.timestamp]);
      else times.push(e.timestamp);
    }
    let fastest = 0;
    let regular = 0;
    for (const times of byUser.values()) {
      times.sort((a, b) => a - b);
      for (let from = 0, to = 0, run = 0, last = 0; to < times.length; to++) {
        while (times[from]! <= times[to]! - 60_000) from++;
        fastest = Math.max(fastest, to - from + 1);
        const gap = to > 0 ? times[to]! - times[to - 1]! : 0;
        run = to > 1 && gap === last ? run + 1 : 0;
        last = gap;
        regular = Math.max(regular, run);
      }
    }
    expect(fastest).toBeLessThan(300);
    expect(regular).toBeLessThan(4);
  });

  test('the viral item jumps to more than five times its own level', () => {
    const { viral } = truth;
    const part = (own: boolean, after: boolean, type: ClickEvent['eventType']): number =>
      people.filter((e) => e.eventType === type && e.timestamp >= viral.from === after && (!own || e.itemId === viral.itemId)).length;
    expect(viral.from).toBe(monday + day * 0.6);
    const ctr = (after: boolean): number => part(true, after, 'CLICK') / part(true, after, 'IMPRESSION');
    const share = (after: boolean): number => part(true, after, 'IMPRESSION') / part(false, after, 'IMPRESSION');
    expect(ctr(true) / ctr(false)).toBeGreaterThan(5);
    expect(share(true) / share(false)).toBeGreaterThan(5);
    expect(ctr(true)).toBeCloseTo(viral.ctrAfter, 1);
    expect(Math.abs(share(true) / viral.shareAfter - 1)).toBeLessThan(0.1);
    expect(Math.abs(share(false) / viral.shareBefore - 1)).toBeLessThan(0.15);
  });

  test('lateness is as planted', () => {
    let newest = 0;
    let late = 0;
    let behind = 0;
    let worst = 0;
    for (const e of events) {
      newest = Math.max(newest, e.timestamp);
      const lateness = newest - e.timestamp;
      worst = Math.max(worst, lateness);
      if (lateness > 110_000) late++;
      else if (lateness > 0) behind++;
      // what is late at the very end has nothing newer to be late against
      if (lateness > 20_000 && lateness < 110_000 && e.timestamp < truth.end - 600_000) expect.fail(`${e.eventId} is ${lateness} ms behind`);
    }
    expect(worst).toBeLessThanOrEqual(600_000);
    expect(Math.abs(late - truth.lateEvents)).toBeLessThan(15);
    expect(truth.lateEvents / events.length).toBeCloseTo(0.001, 3);
    expect(truth.jitteredEvents / events.length).toBeCloseTo(0.05, 2);
    expect(behind).toBeGreaterThan(truth.jitteredEvents * 0.9);
  });
});

test('the same options give the same events, another seed others', () => {
  const options = { events: 20_000, seed: 3, users: 300, items: 50, rate: 100, start: Date.UTC(2026, 5, 1, 7, 30) };
  expect(digest(options)).toBe(digest({ ...options, seed: 3n }));
  expect(digest(options)).not.toBe(digest({ ...options, seed: 4 }));
  // fixed: a change here changes every recorded run
  expect(digest(options)).toBe('f59908cc3d3729a3070c4ce6bbb0941a65ac109f52797fc6c99e5e9b83d7a6c6');
});

test('a rate sets the length of the world', () => {
  const options = { events: 60_000, seed: 1, users: 20_000, rate: 1_000 };
  const times = [...clickWorld(options)].map((e) => e.timestamp - monday);
  expect(Math.max(...times.slice(-100))).toBeLessThan(60_000);
  const seconds = Array.from({ length: 60 }, () => 0);
  for (const t of times) seconds[Math.floor(t / 1000)]!++;
  expect(Math.min(...seconds.slice(20, 50))).toBeGreaterThan(500);
});

test.each([0, 1, 2, 10, 100, 5_000, 123_457])('worlds of %i events', (n) => {
  const options = { events: n, seed: 5 };
  const events = [...clickWorld(options)];
  expect(events.length).toBe(n);
  expect(new Set(events.map((e) => e.eventId)).size).toBe(n);
  for (const e of events) if (e.timestamp < monday || e.timestamp >= monday + day) expect.fail(`${e.timestamp} is not in the day`);
  const own = new Set(clickWorldTruth(options).bots.map((b) => b.userId));
  expect(events.filter((e) => own.has(e.userId)).length).toBe(clickWorldTruth(options).bots.reduce((s, b) => s + b.events, 0));
});

test('worlds of one user and one item, and of a thousandth of a second', () => {
  expect([...clickWorld({ events: 500, seed: 1, users: 1, items: 1 })].length).toBe(500);
  expect([...clickWorld({ events: 500, seed: 1, rate: 500_000 })].length).toBe(500);
});

test.each([{ events: -1 }, { events: 1.5 }, { events: NaN }, { seed: 0.5 }, { users: 0 }, { items: 0 }, { rate: 0 }, { rate: Infinity }, { start: NaN }])('refused: %j', (wrong) => {
  expect(() => [...clickWorld({ events: 10, seed: 1, ...wrong })]).toThrow(expect.objectContaining({ code: 'HR_ARGUMENT' }));
});
