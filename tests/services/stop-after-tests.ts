import { clickhouse } from './clickhouse.js';
import { kafka } from './kafka.js';
import { redis } from './redis.js';
import { registry } from './registry.js';
import { running, type Service, stop } from './service.js';

/** Services that tests start. */
const started: readonly Service[] = [kafka, redis, clickhouse, registry];

/** Vitest's global set-up: what the tests have started is stopped behind them; what ran before goes on. */
export async function setup(): Promise<() => Promise<void>> {
  const ranBefore = await Promise.all(started.map(async (service) => (await running(service)) !== undefined));
  return async () => {
    for (const [i, service] of started.entries()) if (!ranBefore[i]) await stop(service);
  };
}
