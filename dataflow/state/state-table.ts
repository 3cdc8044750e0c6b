import { createHash } from 'node:crypto';
import { maxKeyBytes, type StateBackend } from '../ports/state-backend.js';
import type { StateWrite } from '../ports/log-client.js';

/** Keyed state of one step: what is committed, with this epoch's changes on top. Ordered by key bytes. */
export interface StateTable {
  get(key: Uint8Array): Uint8Array | undefined;
  put(key: Uint8Array, value: Uint8Array): void;
  delete(key: Uint8Array): void;
  /** Entries with `from <= key < to`, in order. Do not write while you iterate. */
  range(from: Uint8Array, to?: Uint8Array): Iterable<StateEntry>;
  /** The same of what is committed, without this epoch's changes. */
  committed(from: Uint8Array, to?: Uint8Array): Iterable<StateEntry>;
  /** What this epoch has put so far. */
  changed(): Iterable<StateEntry>;
  /** Says what form the state has: state of another form does not fit the step. Steps whose state is what users put into it say nothing. */
  declare(form: string): void;
}

/** A key and its value. */
export interface StateEntry {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

/** A `StateTable` as the run holds it. */
export interface EpochTable extends StateTable {
  /** The changes since the last call; they stay visible until `settle`. */
  take(): StateWrite[];
  /** The epoch of the last `take` is committed. */
  settle(): void;
  /** What the step has declared. */
  readonly form: string;
}

/**
 * State of a step over `backend`. Changes live in memory until their epoch is committed: at most one epoch's worth.
 *
 * @param task whose state it is
 */
export function createStateTable(backend: StateBackend, pipeline: string, step: string, task = 0): EpochTable {
  let pending = new Map<string, StateWrite>();
  let committing = new Map<string, StateWrite>();
  const forms = new Set<string>();
  const write = (key: Uint8Array, value: Uint8Array | null) => {
    pending.set(bytesName(key), { task, step, key, value });
  };
  return {
    get(key) {
      const name = bytesName(key);
      const own = pending.get(name) ?? committing.get(name);
      return own === undefined ? backend.get(pipeline, step, key) : (own.value ?? undefined);
    },
    put: write,
    delete: (key) => write(key, null),
    *range(from, to) {
      const own = [...new Map([...committing, ...pending]).values()]
        .filter(({ key }) => Buffer.compare(key, from) >= 0 && (to === undefined || Buffer.compare(key, to) < 0))
        .sort((a, b) => Buffer.compare(a.key, b.key));
      let next = 0;
      for (const entry of backend.range(pipeline, step, from, to)) {
        while (next < own.length && Buffer.compare(own[next]!.key, entry.key) < 0) {
          const { key, value } = own[next++]!;
          if (value !== null) yield { key, value };
        }
        if (next < own.length && Buffer.compare(own[next]!.key, entry.key) === 0) {
          const { key, value } = own[next++]!;
          if (value !== null) yield { key, value };
        } else yield entry;
      }
      for (; next < own.length; next++) {
        const { key, value } = own[next]!;
        if (value !== null) yield { key, value };
      }
    },
    committed: (from, to) => backend.range(pipeline, step, from, to),
    *changed() {
      for (const { key, value } of pending.values()) if (value !== null) yield { key, value };
    },
    take() {
      committing = committing.size === 0 ? pending : new Map([...committing, ...pending]);
      const writes = [...pending.values()];
      pending = new Map();
      return writes;
    },
    settle() {
      committing = new Map();
    },
    declare: (form) => void forms.add(form),
    get form() {
      return [...forms].join('; ');
    },
  };
}

/** Bytes as a text, one character a byte: to look them up in a map. */
export function bytesName(bytes: Uint8Array): string {
  return (Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)).toString('latin1');
}

/** A part of a step's table: keys that begin with the byte `part`. */
export function prefixed(table: StateTable, part: number): StateTable {
  const own = (key: Uint8Array) => Buffer.concat([Buffer.of(part), key]);
  return {
    get: (key) => table.get(own(key)),
    put: (key, value) => table.put(own(key), value),
    delete: (key) => table.delete(own(key)),
    declare: (form) => table.declare(form),
    *committed(from, to) {
      for (const { key, value } of table.committed(own(from), to === undefined ? Buffer.of(part + 1) : own(to))) yield { key: key.subarray(1), value };
    },
    *changed() {
      for (const { key, value } of table.changed()) if (key[0] === part) yield { key: key.subarray(1), value };
    },
    *range(from, to) {
      for (const { key, value } of table.range(own(from), to === undefined ? Buffer.of(part + 1) : own(to))) yield { key: key.subarray(1), value };
    },
  };
}

/** An entity key as part of a state key: the bytes, with 0x00 escaped and a terminator, so that keys sort and never run into what follows. */
export function entityBytes(entity: Uint8Array): Uint8Array {
  if (entity.length > maxKeyBytes / 2) {
    const digest = createHash('sha256').update(entity).digest();
    return entityBytes(Buffer.concat([Buffer.from(entity.subarray(0, 64)), Buffer.from(' …'), Buffer.from(digest.toString('hex'))]));
  }
  if (!entity.includes(0)) {
    const out = new Uint8Array(entity.length + 2);
    out.set(entity);
    return out;
  }
  const out: number[] = [];
  for (const b of entity) out.push(...(b === 0 ? [0, 1] : [b]));
  out.push(0, 0);
  return Uint8Array.from(out);
}

/** An entity as state and stores name it: a key that is too long is known by its beginning and its digest. */
export function storedEntity(entity: Uint8Array): Uint8Array {
  return entityOf(entityBytes(entity));
}

/** Where the bytes of an entity that begin at `from` have their end: what `entityBytes` wrote goes two bytes further. */
export function entityEnd(key: Uint8Array, from: number): number {
  let end = key.indexOf(0, from);
  while (key[end + 1] === 1) end = key.indexOf(0, end + 2);
  return end;
}

/** The entity that `entityBytes` wrote at the start of `key`. */
export function entityOf(key: Uint8Array): Uint8Array {
  const end = key.indexOf(0);
  // as a rule nothing is escaped
  if (end < 0 || key[end + 1] !== 1) return new Uint8Array(key.subarray(0, end < 0 ? key.length : end));
  const out: number[] = [];
  for (let i = 0; i < key.length; i++) {
    if (key[i] !== 0) out.push(key[i]!);
    else if (key[i + 1] === 1) {
      out.push(0);
      i += 1;
    } else break;
  }
  return Uint8Array.from(out);
}
