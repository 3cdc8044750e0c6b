import type { PipelineDirectory } from '../../dataflow/ports/pipeline-directory.js';
import { pipelineOf } from './internal-topics.js';
import type { KafkaClient } from './kafka-client.js';

/** The pipelines that have epochs on Kafka. Who runs them the brokers do not know: a pipeline is claimed by a transactional id, which has no members. */
export function kafkaDirectory(client: KafkaClient): PipelineDirectory {
  return {
    names: async () => (await client.topics()).flatMap(({ name }) => pipelineOf(name) ?? []).sort(),
    members: async () => undefined,
  };
}
