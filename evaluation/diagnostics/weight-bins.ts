import { HeadraceError } from '../../dataflow/errors.js';
import { type Measure, square, total } from '../measure.js';
import { reward, times, weight } from '../row-expression.js';
import { createTally, statesOf } from '../tally.js';
import type { WeightedDecisions } from '../weighted-decisions.js';

/** Weights of nearly one size: at most 1/16 apart. */
export interface WeightBin {
  /** Least weight that falls into it; that of the next bin is the first that does not. */
  readonly from: number;
  readonly to: number;
  readonly n: number;
  /** Σ w */
  readonly w: number;
  /** Σ w² */
  readonly ww: number;
  /** Σ w·r */
  readonly wr: number;
  /** Σ r */
  readonly r: number;
  /** Σ w²·r² */
  readonly wwrr: number;
  /** Σ r² */
  readonly rr: number;
}

/** The distribution of weights, in one pass. */
export interface WeightBins {
  add(batch: WeightedDecisions): void;
  /** Takes what another part of the log has. */
  merge(other: WeightBins): void;
  /** Takes one bin, e.g. a row that SQL has made. @param state n and the six sums of a bin. Errors: HR_EVALUATION_COLUMNS. */
  addBin(bin: number, state: ArrayLike<number>): void;
  bins(): readonly WeightBin[];
  /** Aggregates of a bin, and the bin's number, as SQL. */
  readonly sql: { readonly bin: string; readonly sums: (thinned?: boolean) => readonly string[] };
  /** @internal */
  readonly states: Float64Array;
}

/** A bin is the sign, the exponent and the first four binary digits of a weight. */
const bits = 16;
const count = 1 << (31 - bits);
const width = 7;

/** Makes an empty table. *Details*: bins are cut by the bits of a weight, which costs no logarithm and is the same in SQL. */
export function weightBins(): WeightBins {
  const sums = { w: total(weight), ww: square(weight), wr: total(times(weight, reward)), r: total(reward), wwrr: square(times(weight, reward)), rr: square(reward) };
  const tally = createTally({ bin: { sums, result: () => null } as Measure<keyof typeof sums, null> });
  const states = statesOf(tally.kinds, count);
  return {
    states,
    add(batch) {
      const { length: n, weight } = batch;
      // the upper half of a double has its exponent
      const words = new Uint32Array(weight.buffer, weight.byteOffset, 2 * n);
      const groups = new Int32Array(n);
      for (let i = 0; i < n; i++) groups[i] = words[2 * i + 1]! >>> bits;
      tally.byGroup(batch, groups, count, states);
    },
    merge(other) {
      for (let k = 0; k < states.length; k++) states[k]! += other.states[k]!;
    },
    addBin(bin, state) {
      if (state.length !== width || !(bin >= 0 && bin < count)) throw new HeadraceError('HR_EVALUATION_COLUMNS', `Bin ${bin} of the weights has ${state.length} sums; it should have ${width}.`);
      for (let k = 0; k < width; k++) states[bin * width + k]! += state[k]!;
    },
    bins() {
      const out: WeightBin[] = [];
      for (let b = 0; b < count; b++) {
        const at = b * width;
        const [n, w, ww, wr, r, wwrr, rr] = Array.from(states.subarray(at, at + width)) as [number, number, number, number, number, number, number];
        if (n > 0) out.push({ from: edge(b), to: edge(b + 1), n, w, ww, wr, r, wwrr, rr });
      }
      return out;
    },
    sql: { bin: `toUInt16(bitShiftRight(reinterpretAsUInt64(weight), ${32 + bits}))`, sums: (thinned) => tally.sql(thinned) },
  };
}

/** Least weight of a bin. */
function edge(bin: number): number {
  const word = new Uint32Array([0, bin << bits]);
  return new Float64Array(word.buffer)[0]!;
}
