/**
 * ψ'(x), the second derivative of ln Γ, for x > 0.
 *
 * Source: Abramowitz and Stegun, 6.4.6 (recurrence) and 6.4.12 (asymptotic series).
 */
export function trigamma(x: number): number {
  let sum = 0;
  let z = x;
  for (; z < 20; z++) sum += 1 / (z * z);
  const y = 1 / (z * z);
  return sum + 1 / z + y / 2 + (y / z) * (1 / 6 - y * (1 / 30 - y * (1 / 42 - y * (1 / 30 - (y * 5) / 66))));
}
