import { Kafka, logLevel } from 'kafkajs';
import { changelogTopic, epochsTopic, parcelsTopic } from '../../../connectors/kafka/internal-topics.js';

/** Deletes topics, and what Headrace keeps of pipelines, as far as they are there. */
export async function deleteTopics(brokers: string, topics: readonly string[], pipelines: readonly string[] = []): Promise<void> {
  const unwanted = new Set([...topics, ...pipelines.flatMap((p) => [epochsTopic(p), changelogTopic(p), parcelsTopic(p)])]);
  const admin = new Kafka({ brokers: brokers.split(','), logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  try {
    const there = async () => (await admin.listTopics()).filter((name) => unwanted.has(name));
    const topics = await there();
    if (topics.length > 0) await admin.deleteTopics({ topics });
    // the broker lists them for a moment still
    while ((await there()).length > 0);
  } finally {
    await admin.disconnect();
  }
}
