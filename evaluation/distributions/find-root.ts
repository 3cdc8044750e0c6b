/**
 * A root of `f` between two points where it has different signs, to the last digits.
 *
 * Source: Oliveira and Takahashi, "An enhancement of the bisection method average performance preserving minmax optimality" (ITP), ACM TOMS 47(1), 2020.
 */
export function findRoot(f: (x: number) => number, from: number, to: number): number {
  let a = from;
  let b = to;
  let fa = f(a);
  let fb = f(b);
  if (fa === 0) return a;
  if (fb === 0) return b;
  const start = b - a;
  for (let round = 0; round < 200; round++) {
    const tolerance = Number.EPSILON * Math.max(Math.abs(a), Math.abs(b)) + Number.MIN_VALUE;
    if (b - a <= 2 * tolerance) break;
    const half = (a + b) / 2;
    const secant = (fb * a - fa * b) / (fb - fa);
    const push = Math.min((0.2 / start) * (b - a) ** 2 + tolerance, Math.abs(half - secant));
    const towards = secant + Math.sign(half - secant) * push;
    // never further from the middle than bisection with a few spare rounds would be
    const reach = Math.max(0, tolerance * 2 ** Math.max(0, 60 - round) - (b - a) / 2);
    const x = Math.abs(towards - half) <= reach ? towards : half - Math.sign(half - secant) * reach;
    const fx = f(x);
    if (fx === 0) return x;
    if (Math.sign(fx) === Math.sign(fa)) {
      if (x === a) break;
      a = x;
      fa = fx;
    } else {
      if (x === b) break;
      b = x;
      fb = fx;
    }
  }
  return (a + b) / 2;
}
