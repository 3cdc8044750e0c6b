import type { EpochCommit, StateWrite } from '../../dataflow/ports/log-client.js';
import type { Parcel } from './exchange-port.js';
import type { PackedParcel } from './pack-parcel.js';
import type { Place } from './place.js';
import type { TaskGroup } from './task-group.js';

/** Brings what tasks post to the tasks that it is for, in the order of a run: by place, exchange and sender. */
export interface ParcelRoute {
  /** Tasks were opened, at the beginning of an entry, and have posted their first watermarks. */
  open(posted: readonly Parcel[], entry: number): Promise<void>;
  /** All tasks of this process have come to `at`, and posted this on their way there. What is due is drained. */
  settle(posted: readonly Parcel[], at: Place): Promise<void>;
  /** Takes what other processes have sent. */
  receive(): Promise<void>;
  /** What goes with the epoch that is committed now. A commit that fails ends the share, and the route with it. */
  flush(): RouteFlush;
  /** Bytes that wait for the epoch's end. */
  readonly bytes: number;
  /** Parcels may not be due when they are posted. */
  readonly parcelsWait: boolean;
  /** There is something to commit, though no input has moved. */
  readonly isDue: boolean;
  /** Other processes have tasks: the entries of all of them go forward together. */
  readonly isShared: boolean;
  /** The journal entry that the furthest of its own tasks has come to, or -1: it may be one of other tasks. */
  readonly entry: number;
  /** The journal entry that the furthest of the other processes has begun, or -1. */
  readonly furthest: number;
  /** So much is on its way to others that they should come nearer first. */
  readonly isAhead: boolean;
}

/** What a route adds to an epoch. */
export interface RouteFlush {
  readonly parcels?: EpochCommit['parcels'];
  readonly state: readonly StateWrite[];
}

/** The groups that host the tasks, once they do. */
export type HostingGroups = () => readonly TaskGroup[] | undefined;

/** Has the groups of a process drain parcels of one stage. The answer is what they have posted by it. */
export async function drainParcels(groups: readonly TaskGroup[], parcels: readonly (Parcel | PackedParcel)[], stretch: number): Promise<Parcel[]> {
  const posted = await Promise.all(groups.map((group) => group.drain(parcels.filter((p) => group.tasks.includes(p.to)), stretch)));
  return posted.flat();
}

/** The route where all tasks are in this process: everything is due at once. Cost: nothing is copied. */
export function directRoute(groups: HostingGroups): ParcelRoute {
  const settle = async (first: readonly Parcel[]): Promise<void> => {
    let waiting = first;
    while (waiting.length > 0) {
      const stage = waiting.reduce((least, p) => Math.min(least, p.stage), Number.POSITIVE_INFINITY);
      const posted = await drainParcels(groups()!, waiting.filter((p) => p.stage === stage), 0);
      waiting = [...waiting.filter((p) => p.stage !== stage), ...posted];
    }
  };
  return { open: settle, settle, receive: async () => undefined, flush: () => ({ state: [] }), bytes: 0, parcelsWait: false, isDue: false, isShared: false, entry: -1, furthest: -1, isAhead: false };
}
