import type { ClickEvent } from '../../schemas/generated/click-event.js';
import { worldColumns } from './world-columns.js';
import { categories, planWorld, type ClickWorldOptions, type WorldPlan } from './world-plan.js';

const eventTypes: readonly ClickEvent['eventType'][] = ['IMPRESSION', 'CLICK', 'LIKE', 'SHARE', 'SKIP', 'WATCH'];
const surfaces = ['feed', 'search', 'profile', 'explore'];

const browsers = [
  'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0',
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36',
  'Mozilla/5.0 (Macintosh; Intel Mac OS X 14_5) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15',
  'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1',
  'Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Mobile Safari/537.36',
];
const robots = ['examplebot/1.0 (+http://bot.example/about)', 'samplecrawler/2.1 (+http://crawler.example)', 'Mozilla/5.0 (compatible; testspider/0.9; +http://spider.example)'];

/**
 * Plays a world of users, items and bots whose truth is known (`clickWorldTruth`), and yields its events in order of
 * arrival: in event-time order but for 5 % that come up to 20 s late and 0.1 % that come 2 to 10 minutes late. Traffic follows
 * the hours of the day, people watch in sessions and click by item, taste and position; about 2 % of the users are bots,
 * and one item turns viral at 60 % of the time. The same options give the same events on every platform. Few users at a
 * high rate make people as fast as bots: give about one user for each event per minute or more.
 * Errors: HR_ARGUMENT.
 */
export function* clickWorld(options: ClickWorldOptions): Generator<ClickEvent, void, undefined> {
  const plan = planWorld(options);
  const userIds = Array.from({ length: plan.users }, (_, u) => userId(u));
  const itemIds = Array.from({ length: plan.items }, (_, i) => itemId(i));
  const creatorIds = Array.from(plan.creator, (c) => `c${c}`);
  const agents = agentsOf(plan);
  const { start, category, itemDuration } = plan;
  for (const chunk of worldColumns(plan)) {
    for (let r = 0; r < chunk.count; r++) {
      const user = chunk.user[r]!;
      const item = chunk.item[r]!;
      yield {
        eventId: `e${chunk.sequence[r]!}`,
        userId: userIds[user]!,
        itemId: itemIds[item]!,
        creatorId: creatorIds[item]!,
        category: categories[category[item]!]!,
        eventType: eventTypes[chunk.type[r]!]!,
        watchMs: chunk.watchMs[r]!,
        durationMs: itemDuration[item]!,
        timestamp: start + chunk.time[r]!,
        surface: surfaces[chunk.surface[r]!]!,
        position: chunk.position[r]!,
        agent: agents[user]!,
        decisionId: null,
      };
    }
  }
}

/** Id of user `n` of a plan. */
export function userId(n: number): string {
  return `u${n}`;
}

/** Id of item `n` of a plan. */
export function itemId(n: number): string {
  return `i${n}`;
}

function agentsOf(plan: WorldPlan): string[] {
  const agents = Array.from({ length: plan.users }, (_, u) => browsers[(u * 7 + (u >>> 4)) % browsers.length]!);
  for (const [b, { user, kind }] of plan.bots.entries()) if (kind === 'declared') agents[user] = robots[b % robots.length]!;
  return agents;
}
