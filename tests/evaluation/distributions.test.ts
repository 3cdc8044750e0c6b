import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { betaQuantile } from '../../evaluation/distributions/beta-quantile.js';
import { findRoot } from '../../evaluation/distributions/find-root.js';
import { incompleteBeta } from '../../evaluation/distributions/incomplete-beta.js';
import { logGamma } from '../../evaluation/distributions/log-gamma.js';
import { logLowerGamma } from '../../evaluation/distributions/log-lower-gamma.js';
import { normalQuantile } from '../../evaluation/distributions/normal-quantile.js';
import { studentQuantile } from '../../evaluation/distributions/student-quantile.js';
import { trigamma } from '../../evaluation/distributions/trigamma.js';

const near = (actual: number, expected: number, digits = 1e-11) => expect(Math.abs(actual - expected), `${actual} is not ${expected}`).toBeLessThanOrEqual(digits * Math.abs(expected));

describe('values of SciPy 1.17', () => {
  test.for([
    [0.975, 1.959963984540054],
    [0.6, 0.2533471031357997],
    [0.999999, 4.753424308817087],
    [1e-9, -5.9978070150076865],
  ])('normal quantile of %f', ([p, x]) => near(normalQuantile(p!), x!));

  test.for([
    [0.95, 9999, 1.6450060333112988],
    [0.9, 11, 1.3634303180205407],
    [0.975, 1, 12.706204736174694],
    [0.975, 2.5, 3.5746548420036817],
    [0.95, 1e6, 1.6448551507220404],
  ])("Student's t quantile of %f at %f degrees", ([p, degrees, x]) => near(studentQuantile(p!, degrees!), x!));

  test.for([
    [0.025, 3, 5.5, 0.09159274570766344],
    [0.975, 0.3, 2000, 0.0009498467111634795],
    [0.975, 4.1, 9.2, 0.5695000954450742],
    [0.025, 120, 99880, 0.0009950262884777046],
    [0.5, 1e-3, 3, 2.0836937279216174e-302],
  ])('beta quantile of %f for %f and %f', ([p, a, b, x]) => near(betaQuantile(p!, a!, b!), x!, 1e-10));

  test.for([
    [0.3, 12.245364546107734],
    [1, 1.6449340668482266],
    [5.5, 0.1993423869896277],
    [30, 0.033895060357739946],
    [1e6, 1.0000005000001667e-6],
  ])('trigamma of %f', ([x, y]) => near(trigamma(x!), y!, 1e-13));

  test.for([
    [1, 0.5, -0.9327521295671887],
    [1, 3, -0.051069180942701596],
    [50.3, 40.2, 143.06114900278445],
    [50.3, 90, 145.73724609230584],
    [1e5, 99700, 1051285.9453193971],
    [1e5, 100900, 1051287.7067055588],
    [2.5, 200, 0.2846828704729192],
  ])('logarithm of the lower gamma function at %f, %f', ([a, x, y]) => near(logLowerGamma(a!, x!), y!, 1e-12));
});

test('ln Γ(n + 1) is ln n!', () => {
  let sum = 0;
  for (let n = 1; n <= 170; n++) {
    sum += Math.log(n);
    expect(logGamma(n + 1)).toBeCloseTo(sum, 10);
  }
});

test('a beta quantile is where the distribution function has that value', () => {
  fc.assert(
    fc.property(fc.double({ min: 0.001, max: 0.999, noNaN: true }), fc.double({ min: 0.5, max: 5000, noNaN: true }), fc.double({ min: 0.5, max: 5000, noNaN: true }), (p, a, b) => {
      expect(incompleteBeta(betaQuantile(p, a, b), a, b)).toBeCloseTo(p, 9);
    }),
  );
});

test('a root is found to the last digits, also where the function is flat on one side', () => {
  near(findRoot((x) => x ** 3 - 2, 0, 10), Math.cbrt(2), 1e-15);
  near(findRoot((x) => Math.exp(x) - 1e-8, -700, 36), Math.log(1e-8), 1e-14);
  near(findRoot((x) => Math.tanh(50 * (x - 0.3)), -1000, 1), 0.3, 1e-14);
});
