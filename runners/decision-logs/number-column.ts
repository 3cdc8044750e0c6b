/** Numbers that come one by one; NaN is a missing one. */
export interface NumberColumn {
  readonly length: number;
  push(value: number): void;
  /** The values, or undefined where all are missing. */
  values(): Float64Array | undefined;
}

/** A typed array that grows by half; nothing is allocated before the first value that is not missing. */
export function numberColumn(): NumberColumn {
  let held: Float64Array | undefined;
  let length = 0;
  return {
    get length() {
      return length;
    },
    push(value) {
      if (held === undefined && !Number.isNaN(value)) held = new Float64Array(Math.max(1024, length + 1)).fill(NaN, 0, length);
      if (held !== undefined) {
        if (length === held.length) {
          const wider = new Float64Array(Math.ceil(length * 1.5));
          wider.set(held);
          held = wider;
        }
        held[length] = value;
      }
      length++;
    },
    values: () => held?.subarray(0, length),
  };
}
