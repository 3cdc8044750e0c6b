import type { PipelineDirectory } from '../../dataflow/ports/pipeline-directory.js';
import { pipelineOf } from './internal-topics.js';
import type { KafkaClient } from './kafka-client.js';

/** The pipelines that have epochs on Kafka, and who is in the group that is named as each. One that a process runs as a whole has no group, and brokers do not tell who has claimed it. */
export function kafkaDirectory(client: KafkaClient): PipelineDirectory {
  return {
    names: async () => (await client.topics()).flatMap(({ name }) => pipelineOf(name) ?? []).sort(),
    async members(pipeline) {
      const members = await client.members(pipeline);
      return members.length === 0 ? undefined : members.map(({ name, host, inputs, standby }) => ({ name: `${name} at ${host}`, inputs, ...(standby.length === 0 ? {} : { standby }) }));
    },
  };
}
