import type { ProcessFunction } from '../../operators/process.js';
import type { DriftFinding } from '../../schemas/generated/drift-finding.js';
import type { TrainingInterval } from '../../schemas/generated/training-interval.js';
import { adwin } from './adwin.js';
import { noPageHinkley, pageHinkley, type PageHinkleyOptions, type PageHinkleyState } from './page-hinkley.js';

/** Settings of `watchDrift`. */
export interface WatchDriftOptions {
  /** When the normalised entropy of the champion has risen. @default a tolerance of 0.005 and a threshold of 0.1 */
  readonly entropy?: PageHinkleyOptions;
  /** Chance of a false alarm about the click rate. @default 0.002 */
  readonly confidence?: number;
  /** Predicted over seen clicks from which on the champion counts as off. @default [0.8, 1.25] */
  readonly calibration?: readonly [number, number];
  /** Limit that is named in findings about inputs; the plan of the head decides. @default 0.25 */
  readonly inputDrift?: number;
}

/** What is remembered of each model. */
export interface DriftState {
  entropy: PageHinkleyState;
  clickRates: readonly number[];
}

/**
 * Watches the intervals of a training for drift, with `process`: inputs that have moved (population stability, calibrated by sample size), the champion's normalised entropy (Page-Hinkley), the click rate (adaptive windowing),
 * its calibration, and intervals that the guard of the label rate has held.
 *
 * @example from(trainingIntervals).pipe(keyBy(trainingIntervals.model), process('drift', watchDrift()), to(driftFindings))
 */
export function watchDrift(options: WatchDriftOptions = {}): ProcessFunction<TrainingInterval, DriftState, DriftFinding> {
  const { entropy = { tolerance: 0.005, threshold: 0.1 }, confidence = 0.002, calibration: [least, most] = [0.8, 1.25], inputDrift = 0.25 } = options;
  return {
    init: () => ({ entropy: noPageHinkley, clickRates: [] }),
    onRecord(interval, state, { emit }) {
      const find = (kind: DriftFinding['kind'], subject: string, value: number, limit: number, message: string) => emit({ model: interval.model, time: interval.end, kind, subject, value, limit, message });
      for (const [input, index] of Object.entries(interval.movedInputs)) find('INPUT_MOVED', input, index, inputDrift, `${input} is not distributed as in all history: population stability index ${index.toFixed(3)}`);
      if (interval.rows === 'DROPPED' && interval.verdict === 'HELD') find('LABELS_HELD', '', interval.clicks / interval.examples, 0, interval.reason);
      if (interval.entropy !== null) {
        const { state: next, isRisen } = pageHinkley(state.entropy, interval.entropy, entropy);
        if (isRisen) find('ENTROPY_ROSE', '', interval.entropy, state.entropy.mean, `the normalised entropy of the champion has risen above its mean of ${state.entropy.mean.toFixed(3)}`);
        state.entropy = next;
      }
      if (interval.calibration !== null && (interval.calibration < least || interval.calibration > most)) {
        find('CALIBRATION_OFF', '', interval.calibration, interval.calibration < least ? least : most, `the champion promises ${interval.calibration.toFixed(2)} times the clicks that came`);
      }
      const { window, change } = adwin(state.clickRates, interval.clicks / interval.examples, { confidence });
      if (change !== undefined) find('CLICK_RATE_CHANGED', '', change.now, change.before, `the click rate was ${(100 * change.before).toFixed(2)} % and is ${(100 * change.now).toFixed(2)} %`);
      state.clickRates = window;
    },
  };
}
