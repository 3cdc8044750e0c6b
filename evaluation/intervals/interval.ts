/** Where a value lies, with some confidence; null where the log does not say. */
export type Interval = { readonly low: number; readonly high: number } | null;

/** An interval with ends in order and between; null when an end is no number or it has no width, since a log never proves one value. */
export function intervalOf(low: number, high: number): Interval {
  return low < high ? { low, high } : null;
}
