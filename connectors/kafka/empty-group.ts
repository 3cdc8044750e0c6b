import { HeadraceError } from '../../dataflow/errors.js';
import type { Cluster } from './cluster.js';
import { groupMembers } from './group-members.js';

const pauseMs = 200;

/**
 * Waits until nobody is in the group of a pipeline, as long as a session lasts and half of that: who was killed is in it until its session is over.
 *
 * @throws HR_EPOCH_FENCED when somebody is still there: a process that shares the pipeline is not shut out by one that takes it as a whole
 */
export async function emptyGroup(cluster: Cluster, group: string): Promise<void> {
  const { clock, settings } = cluster;
  const until = clock.now() + settings.sessionMs * 1.5;
  for (;;) {
    const members = await groupMembers(cluster, group);
    if (members.length === 0) return;
    if (clock.now() >= until) {
      throw new HeadraceError('HR_EPOCH_FENCED', `${group} is run by ${members.map(({ name, host }) => `${name} at ${host}`).join(', ')}, who share it through the columnar client.`, {
        place: { pipeline: group },
        remedy: 'Stop them first: HEADRACE_KAFKA_CLIENT=kafkajs takes a pipeline as a whole.',
      });
    }
    await clock.wait(pauseMs);
  }
}
