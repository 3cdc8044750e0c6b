import { Kafka, logLevel } from 'kafkajs';
import type { KafkaSettings } from '../connectors/kafka/kafka-settings.js';

/** Deletes those of the topics that are there: what a measurement has made. */
export async function deleteTopics({ brokers }: KafkaSettings, names: readonly string[]): Promise<void> {
  const admin = new Kafka({ brokers: brokers.map(({ host, port }) => `${host}:${port}`), logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  try {
    const there = async () => (await admin.listTopics()).filter((name) => names.includes(name));
    const topics = await there();
    if (topics.length > 0) await admin.deleteTopics({ topics });
    // the broker lists them for a moment still
    while ((await there()).length > 0);
  } finally {
    await admin.disconnect();
  }
}
