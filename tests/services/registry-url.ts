import { registry } from './registry.js';
import { start } from './service.js';

/** A schema registry for a test file, started once and shared: each uses subjects of its own. Undefined where it cannot be started and this is not CI: such tests are skipped, and the reason is printed. */
export async function registryUrl(): Promise<string | undefined> {
  try {
    return registry.variable((await start(registry)).port).value;
  } catch (error) {
    if (process.env['CI'] !== undefined) throw error;
    process.stderr.write(`Tests that need a schema registry are skipped: ${(error as Error).message}\n`);
    return undefined;
  }
}
