import { Dictionary } from '../../../dataflow/dictionary.js';
import { enlarged } from '../../../dataflow/enlarged.js';
import type { StateWrite } from '../../../dataflow/ports/log-client.js';
import type { StateEntry } from '../../../dataflow/state/state-table.js';

/** Changes of state that are not on disk yet, over what is: the newest of each key. Keys and values lie in a few large arrays, so that they cost the collector nothing. */
export interface Memtable {
  /** What it holds, about. */
  readonly bytes: number;
  /** @param value null: the key is deleted. Both are copied */
  put(task: number, step: string, key: Uint8Array, value: Uint8Array | null): void;
  /** A copy of the value of a key; null: it is deleted; undefined: nothing is known of it. */
  get(task: number, step: string, key: Uint8Array): Uint8Array | null | undefined;
  /** Entries with `from <= key < to`, these over those `below`, in the order of keys. */
  range(task: number, step: string, from: Uint8Array, to: Uint8Array | undefined, below: Iterable<StateEntry>): Iterable<StateEntry>;
  /** The changes of a task, one made at a time. Their bytes are those of the memtable, and good until its next change. */
  writes(task: number): Iterable<StateWrite>;
  /** How many there are, and the bytes of their values. */
  count(task: number): { readonly entries: number; readonly bytes: number };
  /** Forgets what there is of a task, or everything, and keeps the memory. */
  clear(task?: number): void;
}

/** What an entry takes beside its bytes. */
const entryBytes = 40;

/** An empty memtable. Cost of a change or a look-up: one of a dictionary; of a range: sorting the keys that are new since the last one. */
export function createMemtable(): Memtable {
  const tasks = new Map<number, Map<string, Run>>();
  const runOf = (task: number, step: string) => tasks.get(task)?.get(step);
  return {
    get bytes() {
      let bytes = 0;
      for (const runs of tasks.values()) for (const run of runs.values()) bytes += run.bytes;
      return bytes;
    },
    put(task, step, key, value) {
      let runs = tasks.get(task);
      if (runs === undefined) tasks.set(task, (runs = new Map()));
      let run = runs.get(step);
      if (run === undefined) runs.set(step, (run = new Run()));
      run.put(key, value);
    },
    get: (task, step, key) => runOf(task, step)?.get(key),
    range: (task, step, from, to, below) => runOf(task, step)?.over(from, to, below) ?? below,
    *writes(task) {
      for (const [step, run] of tasks.get(task) ?? []) yield* run.writes(step);
    },
    count(task) {
      let [entries, bytes] = [0, 0];
      for (const run of tasks.get(task)?.values() ?? []) {
        entries += run.size;
        bytes += run.bytes;
      }
      return { entries, bytes };
    },
    clear(task) {
      for (const [of, runs] of tasks) if (task === undefined || of === task) for (const run of runs.values()) run.clear();
    },
  };
}

/** The changes of one step of a task. */
class Run {
  readonly #keys = new Dictionary();
  #values = new Uint8Array(1 << 8);
  #end = 0;
  /** By key: where its value is, how long it is (-1: deleted), and how long one may be that takes its place. */
  #at = new Int32Array(8);
  #length = new Int32Array(8);
  #room = new Int32Array(8);
  /** Keys in their order, as far as they have been put in order. */
  #order = new Int32Array(0);

  get size(): number {
    return this.#keys.size;
  }

  get bytes(): number {
    return this.#end + this.#keys.size * entryBytes;
  }

  put(key: Uint8Array, value: Uint8Array | null): void {
    const known = this.#keys.size;
    const id = this.#keys.intern(key, 0, key.length);
    if (id === this.#at.length) {
      this.#at = enlarged(this.#at, 8);
      this.#length = enlarged(this.#length, 8);
      this.#room = enlarged(this.#room, 8);
    }
    if (id === known) this.#room[id] = -1;
    this.#length[id] = value === null ? -1 : value.length;
    if (value === null) return;
    if (value.length > this.#room[id]!) {
      if (this.#end + value.length > this.#values.length) this.#values = enlarged(this.#values, this.#end + value.length);
      this.#at[id] = this.#end;
      this.#room[id] = value.length;
      this.#end += value.length;
    }
    copyTo(this.#values, this.#at[id]!, value);
  }

  get(key: Uint8Array): Uint8Array | null | undefined {
    const id = this.#keys.find(key, 0, key.length);
    return id < 0 ? undefined : this.#valueOf(id);
  }

  over(from: Uint8Array, to: Uint8Array | undefined, below: Iterable<StateEntry>): Iterable<StateEntry> {
    const order = this.#inOrder();
    const first = this.#firstFrom(order, from);
    const last = to === undefined ? order.length : this.#firstFrom(order, to);
    return first >= last ? below : this.#merged(order.subarray(first, last), below);
  }

  *writes(step: string): Iterable<StateWrite> {
    for (let id = 0; id < this.#keys.size; id++) {
      const at = this.#at[id]!;
      yield { step, key: this.#keys.key(id), value: this.#length[id]! < 0 ? null : this.#values.subarray(at, at + this.#length[id]!) };
    }
  }

  clear(): void {
    this.#keys.clear();
    this.#end = 0;
    this.#order = new Int32Array(0);
  }

  *#merged(ids: Int32Array, below: Iterable<StateEntry>): Iterable<StateEntry> {
    const keys = this.#keys;
    let next = 0;
    for (const entry of below) {
      for (; next < ids.length && keys.compare(ids[next]!, entry.key) < 0; next++) {
        const own = this.#entry(ids[next]!);
        if (own !== undefined) yield own;
      }
      if (next < ids.length && keys.compare(ids[next]!, entry.key) === 0) {
        const own = this.#entry(ids[next++]!);
        if (own !== undefined) yield own;
      } else yield entry;
    }
    for (; next < ids.length; next++) {
      const own = this.#entry(ids[next]!);
      if (own !== undefined) yield own;
    }
  }

  #entry(id: number): StateEntry | undefined {
    const value = this.#valueOf(id);
    return value === null ? undefined : { key: copyOf(this.#keys.key(id)), value };
  }

  #valueOf(id: number): Uint8Array | null {
    const length = this.#length[id]!;
    return length < 0 ? null : copyOf(this.#values.subarray(this.#at[id]!, this.#at[id]! + length));
  }

  /** Where the first key is that is not before `key`. */
  #firstFrom(order: Int32Array, key: Uint8Array): number {
    let [low, high] = [0, order.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#keys.compare(order[middle]!, key) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #inOrder(): Int32Array {
    const keys = this.#keys;
    const before = this.#order;
    if (before.length === keys.size) return before;
    const fresh = Int32Array.from({ length: keys.size - before.length }, (_, i) => before.length + i).sort((a, b) => keys.compareIds(a, b));
    const order = new Int32Array(keys.size);
    for (let at = 0, old = 0, added = 0; at < order.length; at++) {
      const isOld = added === fresh.length || (old < before.length && keys.compareIds(before[old]!, fresh[added]!) < 0);
      order[at] = isOld ? before[old++]! : fresh[added++]!;
    }
    this.#order = order;
    return order;
  }
}

/** Bytes up to which a loop copies faster than a call. */
const shortCopy = 64;

function copyTo(target: Uint8Array, at: number, bytes: Uint8Array): void {
  if (bytes.length > shortCopy) target.set(bytes, at);
  else for (let i = 0; i < bytes.length; i++) target[at + i] = bytes[i]!;
}

/** In Node's pool: an ArrayBuffer for each costs more than the copy. */
function copyOf(bytes: Uint8Array): Uint8Array {
  const copy = Buffer.allocUnsafe(bytes.length);
  copyTo(copy, 0, bytes);
  return copy;
}
