import { HeadraceError } from '../../dataflow/errors.js';

/** Rewards that are possible. */
export interface RewardBounds {
  /** @default 0 */
  readonly low?: number;
  /** @default 1 */
  readonly high?: number;
}

/** Bounds in order. Errors: HR_ARGUMENT. */
export function rewardBounds(bounds: RewardBounds): Required<RewardBounds> {
  const { low = 0, high = 1 } = bounds;
  if (!(Number.isFinite(low) && Number.isFinite(high) && low < high)) throw new HeadraceError('HR_ARGUMENT', `Rewards from ${low} to ${high} have no range.`);
  return { low, high };
}

/** Refuses rewards outside of their bounds, for which an interval would be wrong. Errors: HR_EVALUATION_REWARD. */
export function checkRewards(least: number, most: number, bounds: Required<RewardBounds>): void {
  if (least < bounds.low || most > bounds.high) {
    throw new HeadraceError('HR_EVALUATION_REWARD', `Rewards go from ${least} to ${most}, the interval was asked for rewards from ${bounds.low} to ${bounds.high}.`, { remedy: 'Give the least and largest reward that is possible.' });
  }
}
