import { kafka } from './kafka.js';
import { start } from './service.js';

/**
 * Kafka for a test file: one broker that is started once and shared by all files and runs, so each uses topics of its own names. Undefined where it cannot be started and this is not CI: such tests are skipped, and the reason is printed.
 */
export async function kafkaBrokers(): Promise<string | undefined> {
  try {
    return kafka.variable((await start(kafka)).port).value;
  } catch (error) {
    if (process.env['CI'] !== undefined) throw error;
    process.stderr.write(`Tests that need Kafka are skipped: ${(error as Error).message}\n`);
    return undefined;
  }
}
