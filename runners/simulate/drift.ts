import type { WorldPlan } from './world-plan.js';

/** What people like in the looks of an item changes with time: a walk for each of its looks. */
export interface Drift {
  /** Looks of an item, each in [-1, 1). */
  looks(item: number): readonly number[];
  /** What the click probability of an item is multiplied with, `time` ms after the start. Its mean over items and a long time is near 1. */
  factor(item: number, time: number): number;
}

/** Looks that an item has. */
export const lookCount = 8;

// streams of random numbers behind those of decisions
const lookStream = 0x3fff_fffe;
const walkStream = 0x3fff_fffd;

const hour = 3_600_000;
/** Of a walk, what is left after an hour, and what comes anew: a third of it is forgotten within half a day. */
const kept = 0.97;
const added = 0.6;
/** Standard deviation of the sum of looks times walks. */
const spread = 1.63;
const [least, most] = [0.1, 4];

/**
 * Plants drift in a world. Sums and products only, so that every platform gives the same bits.
 *
 * @param strength standard deviation of the factor
 */
export function plantDrift(plan: WorldPlan, strength: number): Drift {
  const { random } = plan;
  const looks = Array.from({ length: plan.items }, (_, item) => {
    random.seed(lookStream, item);
    return Array.from({ length: lookCount }, () => 2 * random.unit() - 1);
  });
  const hours = Math.ceil(plan.duration / hour) + 2;
  const walks = Array.from({ length: lookCount }, (_, k) => {
    random.seed(walkStream, k);
    const walk = new Float64Array(hours);
    // it has walked for a while when the world begins
    let at = 0;
    for (let h = -200; h < hours; h++) {
      at = kept * at + added * (random.unit() + random.unit() - 1);
      if (h >= 0) walk[h] = at;
    }
    return walk;
  });
  return {
    looks: (item) => looks[item]!,
    factor(item, time) {
      const h = Math.floor(time / hour);
      const share = time / hour - h;
      let sum = 0;
      for (let k = 0; k < lookCount; k++) sum += looks[item]![k]! * ((1 - share) * walks[k]![h]! + share * walks[k]![h + 1]!);
      return Math.min(most, Math.max(least, 1 + (strength * sum) / spread));
    },
  };
}
