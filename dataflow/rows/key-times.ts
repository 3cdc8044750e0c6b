import type { StringColumn } from '../../schemas/column.js';
import { Slab } from '../accumulators/slab.js';
import { byteReader, byteWriter } from '../bytes.js';
import { Dictionary } from '../dictionary.js';
import { createPaneStore, type StepMeta, type StoredPane } from '../state/pane-store.js';
import { readColumn, writeColumn } from './row-cells.js';
import type { StateTable } from '../state/state-table.js';

/**
 * An event time a key, such as when it was last seen, for keys that are forgotten when that is long ago. Keys are in generations: a touched key
 * moves to the youngest, and a generation is dropped as a whole when none of its times matters any more. Cost of a look-up: one dictionary probe; for a key that the youngest generation does not have, one for each.
 */
export interface KeyTimes<M extends StepMeta> {
  /** What was saved beside the keys. */
  readonly meta: Partial<M>;
  /** Numbers of the keys of rows 0..n-1 of this generation into `ids`; keys that are new have the value -Infinity. */
  intern(keys: StringColumn, n: number, ids: Int32Array): void;
  /** Values by id, until the next `intern` or `advance`. */
  readonly values: Float64Array;
  /** A value under this counts as none: when a generation is dropped must not show. */
  readonly horizon: number;
  /** The values of these ids have changed. */
  touch(ids: Int32Array, n: number): void;
  /** Event time has reached `time`. */
  advance(time: number): void;
  /** Keys held, those that wait to be dropped included. */
  readonly size: number;
  save(meta: M): void;
}

interface Generation extends StoredPane {
  readonly keys: Dictionary;
  readonly slab: Slab;
  /** The greatest value of its keys. */
  newest: number;
}

/** Generations that the time until a key is forgotten is divided into: their memory stays up to that share longer. */
const generationsPerExpiry = 4;

/** @param expire milliseconds of event time; Infinity: keys are never forgotten */
export function createKeyTimes<M extends StepMeta>(table: StateTable, task: number, expire: number, text: string): KeyTimes<M> {
  const store = createPaneStore<Generation, M & { readonly generation?: number | undefined }>(table, task, { layout: text, create: generation });
  const { panes, meta } = store.load();
  // A generation is stored under the event time at which it became the youngest.
  let current = meta.generation ?? 0;
  let reached = meta.watermark ?? Number.NEGATIVE_INFINITY;
  const youngest = () => {
    let found = panes.get(current);
    if (found === undefined) panes.set(current, (found = generation()));
    return found;
  };
  const older = () => [...panes.keys()].filter((start) => start !== current).sort((a, b) => b - a).map((start) => panes.get(start)!);
  return {
    meta: meta as Partial<M>,
    get values() {
      return youngest().slab.floats();
    },
    get size() {
      return [...panes.values()].reduce((sum, { keys }) => sum + keys.size, 0);
    },
    intern(keys, n, ids) {
      const { keys: known, slab } = youngest();
      const before = known.size;
      known.internAll(keys, n, ids);
      slab.ensure(known.size);
      if (known.size > before && panes.size > 1) {
        const others = older();
        for (let id = before; id < known.size; id++) {
          const key = known.key(id);
          for (const other of others) {
            const found = other.keys.find(key, 0, key.length);
            if (found < 0) continue;
            slab.data[id] = other.slab.data[found]!;
            // Saved with this generation: a restart looks here first.
            slab.touch(Int32Array.of(id), 1);
            break;
          }
        }
      }
    },
    get horizon() {
      return reached - expire;
    },
    touch(ids, n) {
      const generation = youngest();
      const { data } = generation.slab;
      generation.slab.touch(ids, n);
      for (let i = 0; i < n; i++) if (data[ids[i]!]! > generation.newest) generation.newest = data[ids[i]!]!;
    },
    advance(time) {
      if (!Number.isFinite(time) || expire === Number.POSITIVE_INFINITY) return;
      reached = Math.max(reached, time);
      if (panes.size === 0 || time < current + expire / generationsPerExpiry) {
        if (panes.size === 0) current = time;
        return;
      }
      current = time;
      for (const [start, { newest }] of [...panes]) {
        if (start === current || newest + expire >= time) continue;
        panes.delete(start);
        store.drop(start);
      }
      youngest();
    },
    save: (saved) => store.save(panes, { ...saved, generation: current }),
  };
}

function generation(): Generation {
  const keys = new Dictionary();
  const slab = new Slab(Float64Array.of(Number.NEGATIVE_INFINITY));
  let savedKeys = 0;
  const made: Generation = {
    keys,
    slab,
    newest: Number.NEGATIVE_INFINITY,
    get bytes() {
      return keys.size * 24;
    },
    delta(all = false) {
      const changed = slab.takeDirty();
      if (!all && changed.length === 0) return undefined;
      const rows = all ? Int32Array.from({ length: keys.size }, (_, i) => i) : changed;
      const added = keys.keys(all ? 0 : savedKeys);
      savedKeys = keys.size;
      const out = byteWriter();
      out.u32(added.length.length);
      writeColumn(out, added, added.length.length);
      out.u32(rows.length);
      out.array(rows);
      out.array(Float64Array.from(rows, (row) => slab.data[row]!));
      return out.finish();
    },
    restore(bytes) {
      const reader = byteReader(bytes);
      const n = reader.u32();
      const added = readColumn(reader, n) as StringColumn;
      for (let i = 0; i < n; i++) keys.intern(added.bytes, added.offset[i]!, added.length[i]!);
      slab.ensure(keys.size);
      savedKeys = keys.size;
      const rows = reader.int32s(reader.u32());
      const values = reader.float64s(rows.length);
      rows.forEach((row, i) => (slab.data[row] = values[i]!));
      made.newest = values.reduce((most, value) => Math.max(most, value), made.newest);
    },
  };
  return made;
}
