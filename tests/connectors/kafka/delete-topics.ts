import { Kafka, logLevel } from 'kafkajs';
import { changelogTopic, epochsTopic } from '../../../connectors/kafka/internal-topics.js';

/** Deletes topics, and what Headrace keeps of pipelines, as far as they are there. */
export async function deleteTopics(brokers: string, topics: readonly string[], pipelines: readonly string[] = []): Promise<void> {
  const unwanted = new Set([...topics, ...pipelines.flatMap((p) => [epochsTopic(p), changelogTopic(p)])]);
  const admin = new Kafka({ brokers: brokers.split(','), logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  try {
    const there = (await admin.listTopics()).filter((name) => unwanted.has(name));
    if (there.length > 0) await admin.deleteTopics({ topics: there });
  } finally {
    await admin.disconnect();
  }
}
