import { adamBeta } from './adam-graph.js';

/** Adam's numbers and how the learning rate goes. */
export interface AdamOptions {
  /** @default 0.001 */
  readonly learningRate?: number;
  /** Steps over which the rate rises from 0. @default 0 */
  readonly warmupSteps?: number;
  /** Steps after which the rate has fallen to `floor` by a half cosine; Infinity: it stays. @default Infinity */
  readonly decaySteps?: number;
  /** Share of the rate that is left after `decaySteps`. @default 0.1 */
  readonly floor?: number;
  /** Added to the root of the second moment. @default 1e-8 */
  readonly epsilon?: number;
}

/** Step size and ε of each of some steps, with Adam's bias corrections and the scale of its moments in them. */
export interface AdamSchedule {
  readonly rate: Float32Array;
  readonly epsilon: Float32Array;
}

/** Learning rate at a step, numbered from 0. */
export function learningRate(options: AdamOptions, step: number): number {
  const { learningRate: base = 1e-3, warmupSteps = 0, decaySteps = Number.POSITIVE_INFINITY, floor = 0.1 } = options;
  const warm = warmupSteps > 0 ? Math.min(1, (step + 1) / warmupSteps) : 1;
  const gone = decaySteps === Number.POSITIVE_INFINITY ? 0 : Math.min(1, Math.max(0, (step - warmupSteps) / Math.max(1, decaySteps - warmupSteps)));
  return base * warm * (floor + (1 - floor) * 0.5 * (1 + Math.cos(Math.PI * gone)));
}

/**
 * The numbers of `steps` steps from step `from` on. They are computed in float64 from the step's number alone, so a run that goes on takes the same steps as one that was never stopped.
 *
 * With moments kept as decaying sums M = m / (1 - β1) and V = v / (1 - β2), the step α m̂ / (√v̂ + ε) is rate · M / (√V + epsilon).
 *
 * Source: Kingma and Ba, "Adam", ICLR 2015, algorithm 1.
 */
export function adamSchedule(options: AdamOptions, from: number, steps: number): AdamSchedule {
  const rate = new Float32Array(steps);
  const epsilon = new Float32Array(steps);
  const { first, second } = adamBeta;
  for (let i = 0; i < steps; i++) {
    const t = from + i + 1;
    const toMean = Math.sqrt((1 - second ** t) / (1 - second));
    rate[i] = (learningRate(options, from + i) * (1 - first) * toMean) / (1 - first ** t);
    epsilon[i] = (options.epsilon ?? 1e-8) * toMean;
  }
  return { rate, epsilon };
}
