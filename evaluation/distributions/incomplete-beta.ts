import { logGamma } from './log-gamma.js';

/**
 * I_x(a, b), the regularised incomplete beta function: the distribution function of Beta(a, b).
 *
 * Source: Press et al., "Numerical Recipes", 3rd edition, section 6.4 (continued fraction, by Lentz's method).
 */
export function incompleteBeta(x: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  // the fraction converges fast on this side of the mean
  if (x > (a + 1) / (a + b + 2)) return 1 - lowerTail(1 - x, b, a);
  return lowerTail(x, a, b);
}

function lowerTail(x: number, a: number, b: number): number {
  const tiny = 1e-300;
  const away = (z: number): number => (Math.abs(z) < tiny ? tiny : z);
  let c = 1;
  let d = 1 / away(1 - ((a + b) * x) / (a + 1));
  let h = d;
  for (let m = 1; m < 100_000; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / away(1 + even * d);
    c = away(1 + even / c);
    h *= d * c;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / away(1 + odd * d);
    c = away(1 + odd / c);
    h *= d * c;
    if (Math.abs(d * c - 1) < 1e-16) break;
  }
  return (Math.exp(a * Math.log(x) + b * Math.log1p(-x) - logBeta(a, b)) * h) / a;
}

/** ln B(a, b) */
function logBeta(a: number, b: number): number {
  const large = Math.max(a, b);
  const small = Math.min(a, b);
  if (large < 1e3) return logGamma(a) + logGamma(b) - logGamma(a + b);
  // by Stirling's series, since the difference of two large logarithms would lose digits
  const correction = (x: number): number => (1 / 12 - (1 / 360 - 1 / (1260 * x * x)) / (x * x)) / x;
  const ratio = (large - 0.5) * Math.log1p(-small / (large + small)) - small * Math.log(large + small) + small + correction(large) - correction(large + small);
  return logGamma(small) + ratio;
}
