import { deserialize, serialize } from 'node:v8';
import { HeadraceError } from '../../dataflow/errors.js';
import type { PackedParcel } from './pack-parcel.js';
import type { Place } from './place.js';

/** How far a sender is: before each stage, the place up to which it has sent everything. */
export interface SenderProgress {
  readonly task: number;
  readonly places: readonly Place[];
}

/** A parcel and the place where it was posted. */
export interface PlacedParcel {
  readonly place: Place;
  readonly parcel: PackedParcel;
}

/** What one process sends to one task with an epoch. */
export interface ParcelRun {
  readonly parcels: readonly PlacedParcel[];
  /** Behind these parcels. */
  readonly progress: readonly SenderProgress[];
}

/** Version of the bytes; a run lives for seconds, so there is no reader of others. */
const version = 1;

/** A run as bytes: a byte for the version, then structured clone, in which columns are copied as they are. */
export function packRun(run: ParcelRun): Uint8Array {
  const bytes = serialize(run);
  const out = new Uint8Array(1 + bytes.length);
  out[0] = version;
  out.set(bytes, 1);
  return out;
}

/** @throws HR_STATE_MISMATCH when a process of another version has sent it */
export function unpackRun(bytes: Uint8Array): ParcelRun {
  try {
    if (bytes[0] === version) return deserialize(bytes.subarray(1)) as ParcelRun;
  } catch {
    // bytes of another version of Node.js
  }
  throw new HeadraceError('HR_STATE_MISMATCH', 'Another process of this pipeline has sent records in a form that this version does not know.', { remedy: 'Run one version of Headrace and of Node.js in all processes of a pipeline; to change it, stop all but one of the old ones, wait until it has caught up, then stop it.' });
}
