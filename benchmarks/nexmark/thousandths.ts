/** A whole number of thousandths as a decimal with three places. */
export function thousandths(n: number): string {
  return `${Math.floor(n / 1_000)}.${String(1_000 + (n % 1_000)).slice(1)}`;
}
