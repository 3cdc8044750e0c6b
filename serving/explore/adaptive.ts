import { type Duration, durationMs } from '../../dataflow/duration.js';
import { HeadraceError } from '../../dataflow/errors.js';
import { checkNumber } from './scheme.js';

/** Settings of `adaptive`. */
export interface AdaptiveOptions {
  /** Epsilon of the busiest hours. @default 0.02 */
  readonly peak?: number;
  /** Of the other hours. @default 0.05 */
  readonly normal?: number;
  /** Of the quiet hours. @default 0.15 */
  readonly offPeak?: number;
  /** First hour of the day and the one behind the last; may pass midnight. @default [18, 22] */
  readonly peakHours?: readonly [number, number];
  /** @default [0, 7] */
  readonly offPeakHours?: readonly [number, number];
  /** How far the hours are ahead of UTC; a leading minus for behind. @default '0s' */
  readonly offset?: Duration | `-${string}`;
}

const hourMs = 3_600_000;

/**
 * An epsilon that follows the hours of the day: explore where it costs little.
 *
 * *Details*: the value that held is logged with each decision (`parameters.epsilon`), so its probabilities are known whatever the settings become.
 *
 * @returns epsilon as a function of epoch milliseconds
 * @throws HR_ARGUMENT an epsilon outside of [0, 1] or an hour outside of [0, 24]; HR_DURATION
 * @example epsilonGreedy({ epsilon: adaptive({ peak: 0.02, normal: 0.05, offPeak: 0.15 }), slots: 10 })
 */
export function adaptive(options: AdaptiveOptions = {}): (time: number) => number {
  const { peak = 0.02, normal = 0.05, offPeak = 0.15, peakHours = [18, 22], offPeakHours = [0, 7], offset = 0 } = options;
  for (const [name, value] of Object.entries({ peak, normal, offPeak })) checkNumber(`adaptive: ${name}`, value, 0, 1);
  for (const hour of [...peakHours, ...offPeakHours]) {
    if (!(hour >= 0 && hour <= 24)) throw new HeadraceError('HR_ARGUMENT', `adaptive: ${hour} is no hour; give one from 0 to 24.`);
  }
  const behind = typeof offset === 'string' && offset.startsWith('-');
  const ahead = (behind ? -1 : 1) * durationMs((behind ? offset.slice(1) : offset) as Duration, 'adaptive: offset');
  const within = (hour: number, [from, to]: readonly [number, number]) => (from <= to ? hour >= from && hour < to : hour >= from || hour < to);
  return (time) => {
    const hour = ((((time + ahead) / hourMs) % 24) + 24) % 24;
    if (within(hour, peakHours)) return peak;
    return within(hour, offPeakHours) ? offPeak : normal;
  };
}
