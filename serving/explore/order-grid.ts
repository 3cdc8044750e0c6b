import { HeadraceError } from '../../dataflow/errors.js';
import type { Item } from './item.js';
import type { Density, Posterior } from './posterior.js';

/** Densities of independent values on common points, to integrate products of them. */
export interface OrderGrid {
  /** Points. */
  readonly length: number;
  /** Density of each item at each point. */
  readonly density: readonly Float64Array[];
  /** Probability of each item to lie below each point. */
  readonly below: readonly Float64Array[];
  /** ∫ f */
  integral(f: Float64Array): number;
  /** ∫ f from each point up. */
  above(f: Float64Array): Float64Array;
}

/** Most items for exact probabilities: the cost grows with their square. */
export const mostExactItems = 64;
/** Points a panel. */
const order = 16;
/** ln of the density, below its largest, where it counts as 0: 1e-20. */
const negligible = -46;

/**
 * Panels with Gauss-Legendre points wherever one of the items has its probability. Densities of one scale each are smooth within a panel, so that products of them are
 * integrated to about 14 digits.
 *
 * @throws HR_POLICY_ITEMS more than 64 items, or one whose posterior cannot be
 */
export function orderGrid<C extends Item>(posterior: Posterior<C>, items: readonly C[]): OrderGrid {
  if (items.length > mostExactItems) throw new HeadraceError('HR_POLICY_ITEMS', `Exact probabilities are for up to ${mostExactItems} items, these are ${items.length}; use thompsonVotes.`);
  const densities = items.map((item) => posterior.density(item));
  const edges = panelEdges(densities);
  const panels = edges.length - 1;
  const length = panels * order;
  const points = new Float64Array(length);
  const halves = new Float64Array(panels);
  for (let p = 0; p < panels; p++) {
    const half = (edges[p + 1]! - edges[p]!) / 2;
    halves[p] = half;
    for (let k = 0; k < order; k++) points[p * order + k] = edges[p]! + half * (1 + rule.points[k]!);
  }
  const integral = (f: Float64Array): number => {
    let sum = 0;
    for (let p = 0; p < panels; p++) {
      let panel = 0;
      for (let k = 0; k < order; k++) panel += rule.weights[k]! * f[p * order + k]!;
      sum += halves[p]! * panel;
    }
    return sum;
  };
  /** Running integrals from one end: from below with `from` 0, else from above. */
  const running = (f: Float64Array, fromAbove: boolean): Float64Array => {
    const out = new Float64Array(length);
    let sum = 0;
    for (let q = 0; q < panels; q++) {
      const p = fromAbove ? panels - 1 - q : q;
      let panel = 0;
      for (let k = 0; k < order; k++) {
        let part = 0;
        // the points lie symmetric, so the integral from above is that from below mirrored
        for (let j = 0; j < order; j++) part += rule.upTo[(fromAbove ? order - 1 - k : k) * order + j]! * f[p * order + (fromAbove ? order - 1 - j : j)]!;
        out[p * order + k] = sum + halves[p]! * part;
        panel += rule.weights[k]! * f[p * order + k]!;
      }
      sum += halves[p]! * panel;
    }
    return out;
  };
  const density = densities.map(({ logAt, mode }) => {
    const top = logAt(mode);
    const f = points.map((x) => Math.exp(logAt(x) - top));
    const whole = integral(f);
    return f.map((y) => y / whole);
  });
  return { length, density, below: density.map((f) => running(f, false)), integral, above: (f) => running(f, true) };
}

/** Edges that step as finely as each item needs where it has its probability. */
function panelEdges(densities: readonly Density[]): Float64Array {
  const wanted: { x: number; step: number }[] = [];
  for (const { logAt, mode, stepAt } of densities) {
    const top = logAt(mode);
    for (const direction of [-1, 1]) {
      for (let x = mode; ; ) {
        const step = stepAt(x);
        wanted.push({ x, step });
        if (logAt(x) - top < negligible) break;
        x += direction * step;
      }
    }
  }
  wanted.sort((a, b) => a.x - b.x);
  const edges = [wanted[0]!.x];
  for (const { x, step } of wanted) if (x - edges[edges.length - 1]! >= step / 2) edges.push(x);
  const last = wanted[wanted.length - 1]!.x;
  if (last > edges[edges.length - 1]!) edges.push(last);
  return Float64Array.from(edges);
}

/** Gauss-Legendre points and weights on [-1, 1], and the integrals of the interpolating polynomial from -1 to each point. */
const rule = (() => {
  const points = new Float64Array(order);
  const weights = new Float64Array(order);
  const legendre = (x: number): Float64Array => {
    const p = new Float64Array(order + 2);
    p[0] = 1;
    p[1] = x;
    for (let m = 1; m <= order; m++) p[m + 1] = ((2 * m + 1) * x * p[m]! - m * p[m - 1]!) / (m + 1);
    return p;
  };
  for (let k = 0; k < order; k++) {
    let x = -Math.cos((Math.PI * (k + 0.75)) / (order + 0.5));
    let slope = 1;
    for (let round = 0; round < 100; round++) {
      const p = legendre(x);
      slope = (order * (x * p[order]! - p[order - 1]!)) / (x * x - 1);
      const next = x - p[order]! / slope;
      if (next === x) break;
      x = next;
    }
    points[k] = x;
    weights[k] = 2 / ((1 - x * x) * slope * slope);
  }
  // ∫ of P_m from -1 is (P_{m+1} - P_{m-1}) / (2m + 1)
  const upTo = new Float64Array(order * order);
  for (let i = 0; i < order; i++) {
    const at = legendre(points[i]!);
    for (let j = 0; j < order; j++) {
      const of = legendre(points[j]!);
      let sum = points[i]! + 1;
      for (let m = 1; m < order; m++) sum += of[m]! * (at[m + 1]! - at[m - 1]!);
      upTo[i * order + j] = (weights[j]! / 2) * sum;
    }
  }
  return { points, weights, upTo };
})();
