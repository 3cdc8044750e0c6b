/** |a - b| over the mean of |a| and |b|, from 0 to 2: a term of the symmetric mean absolute percentage error (SMAPE). */
export function relativeDifference(a: number, b: number): number {
  const size = (Math.abs(a) + Math.abs(b)) / 2;
  return size === 0 || !Number.isFinite(size) ? 0 : Math.abs(a - b) / size;
}
