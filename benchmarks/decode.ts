import { compileProjection } from '../schemas/projection.js';
import { peerClickBound, PeerClicks, peerClickSchema } from './peer-clicks.js';

const rowsPerBatch = 4_096;
const fields = ['itemId', 'category', 'eventType', 'watchMs', 'timestamp'];

/** Projected decoding of click events to columns: records per CPU-second of the process, the first pass included. */
export async function decode(options: { readonly events: number; readonly seed: number }): Promise<Record<string, number | string>> {
  const clicks = new PeerClicks(options);
  const bytes = new Uint8Array(clicks.count * peerClickBound);
  const offset = new Int32Array(clicks.count);
  const length = new Int32Array(clicks.count);
  let end = 0;
  for (let i = 0; i < clicks.count; i++) {
    offset[i] = end;
    end = clicks.encode(i, bytes, end);
    length[i] = end - offset[i]!;
  }
  const value = bytes.subarray(0, end);
  const projection = compileProjection(peerClickSchema, fields, peerClickSchema);
  const before = process.cpuUsage();
  let bad = 0;
  for (let from = 0; from < clicks.count; from += rowsPerBatch) {
    const to = Math.min(from + rowsPerBatch, clicks.count);
    bad += projection.decode(value, offset.subarray(from, to), length.subarray(from, to), to - from, 0).bad.length;
  }
  const used = process.cpuUsage(before);
  if (bad > 0) throw new Error(`${bad} of ${clicks.count} records were not decoded`);
  const cpuS = (used.user + used.system) / 1e6;
  return { benchmark: 'decode', records: clicks.count, cpuS, recordsPerCpuS: Math.round(clicks.count / cpuS) };
}
