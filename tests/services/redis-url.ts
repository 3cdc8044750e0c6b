import { redis } from './redis.js';
import { start } from './service.js';

/** Redis for a test file, started once and shared: each uses a prefix of its own. Undefined where it cannot be started and this is not CI: such tests are skipped, and the reason is printed. */
export async function redisUrl(): Promise<string | undefined> {
  try {
    return redis.variable((await start(redis)).port).value;
  } catch (error) {
    if (process.env['CI'] !== undefined) throw error;
    process.stderr.write(`Tests that need Redis are skipped: ${(error as Error).message}\n`);
    return undefined;
  }
}
