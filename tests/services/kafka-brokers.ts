import { kafka } from './kafka.js';
import { start } from './service.js';

/**
 * Kafka for a test file: `KAFKA_BROKERS` when it is set, else one broker that is started once and shared by all files and runs.
 * Undefined where it cannot be started and this is not CI: such tests are skipped, and the reason is printed.
 */
export async function kafkaBrokers(): Promise<string | undefined> {
  const given = process.env['KAFKA_BROKERS'];
  if (given !== undefined) return given;
  try {
    return kafka.variable((await start(kafka)).port).value;
  } catch (error) {
    if (process.env['CI'] !== undefined) throw error;
    process.stderr.write(`Tests that need Kafka are skipped: ${(error as Error).message}\n`);
    return undefined;
  }
}
