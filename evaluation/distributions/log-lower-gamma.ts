import { logGamma } from './log-gamma.js';

/**
 * ln γ(a, x), the lower incomplete gamma function, for a > 0 and x > 0; as a logarithm, since the function itself soon leaves the doubles.
 *
 * Source: Press et al., "Numerical Recipes", 3rd edition, section 6.2: the series below a + 1, the continued fraction of the complement above.
 */
export function logLowerGamma(a: number, x: number): number {
  const front = a * Math.log(x) - x;
  if (x < a + 1) {
    let term = 1 / a;
    let sum = term;
    for (let k = 1; term > sum * 1e-17; k++) sum += term *= x / (a + k);
    return front + Math.log(sum);
  }
  const tiny = 1e-300;
  let b = x + 1 - a;
  let c = 1 / tiny;
  let d = 1 / b;
  let h = d;
  for (let k = 1; k < 100_000; k++) {
    const an = -k * (k - a);
    b += 2;
    d = 1 / away(an * d + b, tiny);
    c = away(b + an / c, tiny);
    h *= d * c;
    if (Math.abs(d * c - 1) < 1e-16) break;
  }
  const whole = logGamma(a);
  return whole + Math.log1p(-Math.exp(front - whole + Math.log(h)));
}

function away(x: number, tiny: number): number {
  return Math.abs(x) < tiny ? tiny : x;
}
