import { deleteTopics as deleteThese } from '../../../benchmarks/delete-topics.js';
import { topicsOfPipeline } from '../../../connectors/kafka/internal-topics.js';
import { kafkaSettings } from '../../../connectors/kafka/kafka-settings.js';

/** Deletes topics, and what Headrace keeps of pipelines, as far as they are there. */
export async function deleteTopics(brokers: string, topics: readonly string[], pipelines: readonly string[] = []): Promise<void> {
  await deleteThese(kafkaSettings({ KAFKA_BROKERS: brokers })!, [...topics, ...pipelines.flatMap(topicsOfPipeline)]);
}
