import type { Cluster } from '../cluster.js';
import { decodeSubscription, type Incarnation, isLater } from './consumer-protocol.js';
import { describeGroupRequest } from './describe-group.js';
import type { GroupIdentity } from '../protocol/group-requests.js';
import { NoAnswer } from '../kafka-errors.js';

/**
 * Whether another process has taken the place of this one in its group, asked when the coordinator knows another member by its name. That may also be the process before it on this machine, since a coordinator that takes over
 * within a round knows who was there at the end of the one before, or a request to join of its own that came late. Waits until the group is between no two rounds, since only then it tells of its members.
 */
export function hasSuccessor(cluster: Cluster, { group, instance }: GroupIdentity, own: Incarnation): Promise<boolean> {
  return cluster.patiently(`who is in group ${group} as ${instance}`, async () => {
    const found = (await cluster.coordinator('group', group, describeGroupRequest(group), 'group')).find(({ name }) => name === instance);
    if (found === undefined) return false;
    if (found.metadata.length === 0) throw new NoAnswer('its members are joining');
    return isLater(decodeSubscription(found.metadata).incarnation, own);
  });
}
