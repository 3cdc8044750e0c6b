import { decodeAssignment } from './consumer-protocol.js';
import { checkAnswer } from '../kafka-errors.js';
import type { Request } from '../protocol/requests.js';

/** A member of a group, seen from outside. */
export interface DescribedMember {
  /** What it has told when it joined; empty while the group is between two rounds. */
  readonly metadata: Uint8Array;
  /** Name that it keeps over restarts, or that of the coordinator. */
  readonly name: string;
  /** Address that it is connected from. */
  readonly host: string;
  /** Its partitions, as `TOPIC/PARTITION`. */
  readonly inputs: readonly string[];
  /** Tasks of others that it keeps copies of. */
  readonly standby: readonly number[];
}

/** Asks the coordinator of a group who is in it (DescribeGroups version 5); none where there is no such group. */
export function describeGroupRequest(group: string): Request<readonly DescribedMember[]> {
  const what = `the members of group ${group}`;
  return {
    key: 15,
    version: 5,
    what,
    encode: (w) => void w.appendArray([group], (w, name) => w.appendString(name), true, false).appendBoolean(false).appendTaggedFields(),
    decode(r) {
      r.int32();
      const groups = r.array(() => {
        checkAnswer(r.int16(), what);
        for (let texts = 0; texts < 4; texts++) r.text();
        const members = r.array((): DescribedMember => {
          const member = r.text() ?? '';
          const instance = r.text();
          r.text();
          const host = (r.text() ?? '').replace(/^\//, '');
          const metadata = Uint8Array.from(r.bytes());
          const { inputs, own } = decodeAssignment(r.bytes());
          r.tags();
          return { name: instance ?? member, host, inputs, standby: own?.standby ?? [], metadata };
        });
        r.int32();
        r.tags();
        return members;
      });
      return groups.flat();
    },
  };
}
