import type { Cluster } from '../cluster.js';
import { type DescribedMember, describeGroupRequest } from './describe-group.js';

/** Who is in a group now. */
export function groupMembers(cluster: Cluster, group: string): Promise<readonly DescribedMember[]> {
  return cluster.patiently(`the members of group ${group}`, () => cluster.coordinator('group', group, describeGroupRequest(group)));
}
