/** A number with the four digits that count; `-` where there is none. */
export function significant(x: number | null): string {
  if (x === null) return '-';
  if (x !== 0 && (Math.abs(x) < 1e-4 || Math.abs(x) >= 1e9)) return x.toExponential(3);
  return x.toLocaleString('en-US', { maximumSignificantDigits: 4 });
}
