/** The parts of a journal entry, in the order in which a run goes through them. */
export const phase = { open: 0, records: 1, tail: 2, idle: 3, end: 4, done: 5 } as const;

/** How many parts there are. */
export const phases = 6;

/** A place in the one order of a run: journal entry, part of it, and tick within the part. What a task does at one place comes before all that any task does at a later one. */
export interface Place {
  readonly entry: number;
  readonly phase: number;
  /** Infinity: the whole part. */
  readonly tick: number;
}

/** Before everything. */
export const nowhere: Place = { entry: -1, phase: phase.open, tick: Number.NEGATIVE_INFINITY };

/** Below zero when `a` comes before `b`, zero when they are the same. */
export function comparePlaces(a: Place, b: Place): number {
  if (a.entry !== b.entry) return a.entry - b.entry;
  if (a.phase !== b.phase) return a.phase - b.phase;
  // not the difference: both may be infinite
  return a.tick === b.tick ? 0 : a.tick < b.tick ? -1 : 1;
}

/** The later of two places. */
export function laterOf(a: Place, b: Place): Place {
  return comparePlaces(a, b) < 0 ? b : a;
}

/** Numbers that a place takes among others. */
export const placeNumbers = 3;

/** Writes a place down as three numbers. */
export function putPlace(into: Float64Array, at: number, { entry, phase, tick }: Place): void {
  into[at] = entry;
  into[at + 1] = phase;
  into[at + 2] = tick;
}

/** The place that `putPlace` has written. */
export function placeAt(from: Float64Array, at: number): Place {
  return { entry: from[at]!, phase: from[at + 1]!, tick: from[at + 2]! };
}
