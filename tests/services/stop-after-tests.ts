import { kafka } from './kafka.js';
import { running, stop } from './service.js';

/** Vitest's global set-up: what the tests have started is stopped behind them; what ran before goes on. */
export async function setup(): Promise<() => Promise<void>> {
  const ranBefore = (await running(kafka)) !== undefined;
  return async () => {
    if (!ranBefore) await stop(kafka);
  };
}
