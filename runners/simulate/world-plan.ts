import { HeadraceError } from '../../dataflow/errors.js';
import { aliasTable, type AliasTable } from './alias-table.js';
import { splitmix, type Random } from '../../dataflow/splitmix.js';

export interface ClickWorldOptions {
  /** How many events, exactly. */
  readonly events: number;
  readonly seed: number | bigint;
  /** @default 2,000 */
  readonly users?: number;
  /** @default 500 */
  readonly items?: number;
  /** Events per second of event time. @default so that `events` cover one day */
  readonly rate?: number;
  /** First event time, epoch milliseconds. @default 2026-01-05T00:00:00Z, a Monday */
  readonly start?: number;
}

/** `declared` says so in its agent, `velocity` is faster than a person, `regular` acts every N seconds exactly. */
export type BotKind = 'declared' | 'velocity' | 'regular';

export interface PlannedBot {
  readonly user: number;
  readonly kind: BotKind;
  readonly events: number;
  /** Milliseconds after the start. */
  readonly from: number;
  /** Milliseconds between events: exact for `regular`, the mean for the others. */
  readonly period: number;
}

/** Everything about a world that is fixed before its first event. Users and items are numbers from 0. */
export interface WorldPlan {
  readonly events: number;
  readonly humanEvents: number;
  readonly start: number;
  /** Milliseconds. */
  readonly duration: number;
  readonly random: Random;
  readonly users: number;
  readonly items: number;
  readonly category: Uint8Array;
  readonly creator: Int32Array;
  readonly itemDuration: Int32Array;
  /** Click-through rate over all people and positions. */
  readonly ctr: Float64Array;
  readonly popularity: Float64Array;
  readonly itemAt: AliasTable;
  readonly userAt: AliasTable;
  readonly favourite: Uint8Array;
  readonly second: Uint8Array;
  /** Mean taste of all people for a category, by activity. */
  readonly meanTaste: Float64Array;
  readonly bots: readonly PlannedBot[];
  /** From `from` on (ms after the start) `item` is clicked at `ctr`, and takes `extraShare` of the impressions on top. */
  readonly viral: { readonly item: number; readonly from: number; readonly ctr: number; readonly extraShare: number };
}

export const categories: readonly string[] = ['Comedy', 'Music', 'Sports', 'News', 'Gaming', 'Food', 'Travel', 'Science'];

const tasteFavourite = 2.2;
const tasteSecond = 1.4;
const tasteOther = (categories.length - tasteFavourite - tasteSecond) / (categories.length - 2);

/** How much more than the average person a user clicks on a category; its mean over the categories is 1. */
export function taste(plan: Pick<WorldPlan, 'favourite' | 'second'>, user: number, category: number): number {
  return plan.favourite[user] === category ? tasteFavourite : plan.second[user] === category ? tasteSecond : tasteOther;
}

// the streams of random numbers: sessions, items, users, the bots' plan, then one per bot
export const sessionStream = 1;
const itemStream = 2;
const userStream = 3;
const botStream = 4;
export const firstBotStream = 16;

/** Lays out items, users, bots and the viral item. A pure function of the options. Errors: HR_ARGUMENT. */
export function planWorld(options: ClickWorldOptions): WorldPlan {
  const { events, users = 2_000, items = 500, start = Date.UTC(2026, 0, 5) } = options;
  const whole = (name: string, value: number, least: number, most: number): void => {
    if (!Number.isInteger(value) || value < least || value > most) throw new HeadraceError('HR_ARGUMENT', `${name} is ${value}; give an integer from ${least} to ${most}.`);
  };
  whole('events', events, 0, 2 ** 32 - 1);
  whole('users', users, 1, 10_000_000);
  whole('items', items, 1, 10_000_000);
  whole('start', start, 0, Date.UTC(2100, 0, 1));
  if (typeof options.seed === 'number') whole('seed', options.seed, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
  const rate = options.rate ?? events / 86_400;
  if (options.rate !== undefined && !(rate > 0 && rate <= 1e7)) throw new HeadraceError('HR_ARGUMENT', `rate is ${rate}; give events per second above 0, at most 10,000,000.`);
  const duration = events === 0 ? 86_400_000 : Math.max(1, Math.round((events * 1000) / rate));

  const random = splitmix(options.seed);
  const category = new Uint8Array(items);
  const creator = new Int32Array(items);
  const itemDuration = new Int32Array(items);
  const ctr = new Float64Array(items);
  const popularity = new Float64Array(items);
  let mass = 0;
  for (let i = 0; i < items; i++) {
    random.seed(itemStream, i);
    category[i] = random.below(categories.length);
    creator[i] = random.below(Math.ceil(items / 10));
    itemDuration[i] = 15_000 + random.below(166) * 1_000;
    const u = random.unit();
    ctr[i] = 0.02 + 0.23 * u * u;
    mass += popularity[i] = 1 / (8 + random.below(items));
  }
  for (let i = 0; i < items; i++) popularity[i]! /= mass;

  const bots = planBots(random, events, users, duration);
  const isBot = new Set(bots.map((b) => b.user));
  const favourite = new Uint8Array(users);
  const second = new Uint8Array(users);
  const activity = new Float64Array(users);
  // the most active person acts about thirty times as often as the average one, in a world of any size
  const tail = Math.max(12, users / 160);
  for (let u = 0; u < users; u++) {
    random.seed(userStream, u);
    favourite[u] = random.below(categories.length);
    second[u] = (favourite[u]! + 1 + random.below(categories.length - 1)) % categories.length;
    activity[u] = isBot.has(u) ? 0 : 1 / (tail + random.below(users));
  }
  const meanTaste = new Float64Array(categories.length);
  const active = activity.reduce((sum, a) => sum + a, 0);
  for (let u = 0; u < users; u++) for (let c = 0; c < categories.length; c++) meanTaste[c]! += (activity[u]! / active) * taste({ favourite, second }, u, c);

  const item = nearest(popularity, Math.min(3 / items, 0.02));
  ctr[item] = 0.03;
  const share = popularity[item]!;
  const viral = { item, from: Math.round(duration * 0.6), ctr: 0.24, extraShare: Math.min(0.5, (7 * share) / Math.max(1 - share, 0.01)) };
  const botEvents = bots.reduce((n, b) => n + b.events, 0);
  return {
    events, humanEvents: events - botEvents, start, duration, random, users, items, category, creator, itemDuration, ctr, popularity,
    itemAt: aliasTable(popularity), userAt: aliasTable(activity), favourite, second, meanTaste, bots, viral,
  };
}

function nearest(values: Float64Array, wanted: number): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (Math.abs(values[i]! - wanted) < Math.abs(values[best]! - wanted)) best = i;
  return best;
}

// the share of all events that a kind may make up, and the fewest and most events that one bot of it needs to be one
const kinds = [
  { kind: 'declared', budget: 0.03, least: 20, most: 20_000 },
  { kind: 'velocity', budget: 0.04, least: 1_200, most: 6_000 },
  { kind: 'regular', budget: 0.03, least: 30, most: 2_000 },
] as const;

/** 2 % of the users as bots, in equal parts as far as the number of events allows each to show what it is. */
function planBots(random: Random, events: number, users: number, duration: number): PlannedBot[] {
  const bots: PlannedBot[] = [];
  const taken = new Set<number>();
  const each = Math.floor((users * 0.02 + 1) / 3);
  random.seed(botStream, 0);
  for (const { kind, budget, least, most } of kinds) {
    const count = Math.min(each, Math.floor((events * budget) / least));
    for (let i = 0; i < count; i++) {
      let user = random.below(users);
      while (taken.has(user)) user = (user + 1) % users;
      const u = random.unit();
      const n = Math.min(most, Math.floor((events * budget) / count));
      let period = duration / n;
      if (kind === 'velocity') period = 50 + Math.floor(u * 25);
      if (kind === 'regular') period = Math.min(5 + Math.floor(u * 56), Math.floor((duration * 0.9) / n / 1000)) * 1000;
      const span = kind === 'declared' ? duration : n * period;
      if (span > duration || period < 1) continue; // a short world has no room for it
      taken.add(user);
      bots.push({ user, kind, events: n, from: Math.floor((duration - span) * random.unit()), period });
    }
  }
  return bots;
}
