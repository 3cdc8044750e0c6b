import type { WeightedDecisions } from '../weighted-decisions.js';

/** How many rows of a log are decisions that it has already. */
export interface RepeatedDecisions {
  add(batch: WeightedDecisions): void;
  /** Takes what another part of the log has. */
  merge(other: RepeatedDecisions): void;
  /** Takes counts that were made elsewhere, e.g. by SQL: rows looked at, and those of them that are repeated. */
  addCounts(looked: number, repeated: number): void;
  /** Null where the log has no decision ids. */
  result(): { readonly looked: number; readonly repeated: number } | null;
  /** @internal */
  readonly sample: { level: number; readonly rows: ReadonlyMap<number, number>; looked: boolean; counted: number; repeated: number };
}

/** Decisions that are kept at most. */
const most = 1 << 16;

/**
 * Counts rows with an id that was there before, at the same slot. Up to 65,536 ids are all kept; of more, those whose hash ends in enough zeros, with all
 * their rows, so the share is found without bias, and samples of parts of a log can be merged.
 *
 * Source: Gibbons, "Distinct sampling for highly-accurate answers to distinct values queries and event reports", VLDB 2001.
 */
export function repeatedDecisions(): RepeatedDecisions {
  const rows = new Map<number, number>();
  const sample = { level: 0, rows, looked: false, counted: 0, repeated: 0 };
  const thin = (): void => {
    while (rows.size > most) {
      sample.level++;
      for (const id of rows.keys()) if (!isKept(id, sample.level)) rows.delete(id);
    }
  };
  return {
    sample,
    add({ length, log: { decision, slot } }) {
      if (decision === undefined) return;
      sample.looked = true;
      for (let i = 0; i < length; i++) {
        const id = hash(decision[i]!, slot === undefined ? 0 : slot[i]!);
        if (!isKept(id, sample.level)) continue;
        rows.set(id, (rows.get(id) ?? 0) + 1);
        if (rows.size > most) thin();
      }
    },
    addCounts(looked, repeated) {
      sample.looked = true;
      sample.counted += looked;
      sample.repeated += repeated;
    },
    merge({ sample: other }) {
      sample.looked ||= other.looked;
      sample.counted += other.counted;
      sample.repeated += other.repeated;
      if (other.level > sample.level) {
        sample.level = other.level;
        for (const id of rows.keys()) if (!isKept(id, sample.level)) rows.delete(id);
      }
      for (const [id, n] of other.rows) if (isKept(id, sample.level)) rows.set(id, (rows.get(id) ?? 0) + n);
      thin();
    },
    result() {
      if (!sample.looked) return null;
      let looked = 0;
      for (const n of rows.values()) looked += n;
      return { looked: sample.counted + looked, repeated: sample.repeated + looked - rows.size };
    },
  };
}

const word = new Uint32Array(2);
const double = new Float64Array(word.buffer);

/** 53 bits of an id and a slot. Source: the finaliser of MurmurHash3 by Appleby. */
function hash(id: number, slot: number): number {
  double[0] = id;
  const low = mixed(word[0]! ^ Math.imul(word[1]!, 0x9e3779b1) ^ Math.imul(slot, 0x85ebca6b));
  const high = mixed(word[1]! ^ Math.imul(low, 0xc2b2ae35));
  return (high >>> 11) * 2 ** 32 + (low >>> 0);
}

function mixed(h: number): number {
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

/** Whether a hash ends in so many zeros. */
function isKept(id: number, level: number): boolean {
  return id % 2 ** level === 0;
}
