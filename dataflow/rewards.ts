import { type Duration, durationMs } from './duration.js';
import { HeadraceError } from './errors.js';

/** An outcome that counts, as a reward sees it. */
export interface RewardedOutcome {
  /** Epoch milliseconds. */
  readonly time: number;
  readonly parts: Readonly<Record<string, number>>;
}

/** How the outcomes of a slot become a number. */
export interface Reward {
  /** In words, for the topology. */
  readonly name: string;
  /** The reward of outcomes of one slot, in the order of their times; none is an empty list, which gives 0 in all that come with Headrace. */
  of(outcomes: readonly RewardedOutcome[]): number;
}

/**
 * The first value of a part: what was done first counts.
 *
 * @param part name of the part; outcomes without it are passed over
 */
export function firstOf(part: string): Reward {
  return { name: `first ${part}`, of: (outcomes) => outcomes.find(({ parts }) => part in parts)?.parts[part] ?? 0 };
}

/**
 * The sum of a part over all outcomes, or of several with weights.
 *
 * @param part name of the part, or weights by name
 * @example sumOf('click')
 * @example sumOf({ click: 1, share: 5 })
 */
export function sumOf(part: string | Readonly<Record<string, number>>): Reward {
  const weights = Object.entries(typeof part === 'string' ? { [part]: 1 } : part);
  for (const [name, weight] of weights) if (!Number.isFinite(weight)) throw new HeadraceError('HR_ARGUMENT', `sumOf: the weight of ${name} is ${weight}.`);
  const total = (parts: RewardedOutcome['parts']) => weights.reduce((sum, [name, weight]) => sum + weight * (parts[name] ?? 0), 0);
  return { name: `sum ${weights.map(([name, weight]) => (weight === 1 ? name : `${weight}·${name}`)).join(' + ')}`, of: (outcomes) => outcomes.reduce((sum, { parts }) => sum + total(parts), 0) };
}

/** The largest value of a part; 0 where there is none. */
export function maxOf(part: string): Reward {
  return {
    name: `max ${part}`,
    of: (outcomes) => outcomes.reduce<number | undefined>((most, { parts }) => (part in parts ? Math.max(most ?? Number.NEGATIVE_INFINITY, parts[part]!) : most), undefined) ?? 0,
  };
}

/** Settings of `watchTime`. */
export interface WatchTimeOptions {
  /** Part with the milliseconds watched. @default 'watchMs' */
  readonly part?: string;
  /** Watching so long is worth 1; longer is not worth more. @default '30s' */
  readonly full?: Duration;
}

/**
 * Watched time as a share of `full`, at most 1: a reward with bounds, which intervals need.
 *
 * @throws HR_DURATION
 * @example watchTime({ full: '1m' })
 */
export function watchTime(options: WatchTimeOptions = {}): Reward {
  const { part = 'watchMs', full = '30s' } = options;
  const fullMs = durationMs(full, 'watchTime: full', 1);
  return { name: `watch time up to ${String(full)}`, of: (outcomes) => Math.min(1, Math.max(0, outcomes.reduce((sum, { parts }) => sum + (parts[part] ?? 0), 0) / fullMs)) };
}
