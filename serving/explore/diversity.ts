import { HeadraceError } from '../../dataflow/errors.js';
import type { Item } from './item.js';
import type { Rule } from './rule.js';

/** Settings of `diversity`. */
export interface DiversityOptions {
  /** Items of one creator, at most. @default 2 */
  readonly perCreator?: number;
  /** Items of one category, at most. @default 2 */
  readonly perCategory?: number;
  /** In so many slots from the first on; behind them everything is open again. @default 10 */
  readonly top?: number;
}

/**
 * The rule that the first slots have few items of one creator and of one category.
 *
 * *When to use*: instead of re-ranking what a policy has drawn, which would make its probabilities those of something else. *Details*: an item that would break the
 * rule has probability 0 in that slot. Items without creator or category are not counted. A page gets shorter where nothing is left that keeps the rule.
 *
 * @throws HR_ARGUMENT a number that is not whole or under 1
 * @example epsilonGreedy({ epsilon: 0.05, slots: 10, rules: [diversity()] })
 */
export function diversity(options: DiversityOptions = {}): Rule<Item> {
  const { perCreator = 2, perCategory = 2, top = 10 } = options;
  for (const [name, value] of Object.entries({ perCreator, perCategory, top })) {
    if (!(value >= 1 && (value === Infinity || Number.isInteger(value)))) throw new HeadraceError('HR_ARGUMENT', `diversity: ${name} is ${value}; give a whole number from 1, or Infinity.`);
  }
  return {
    begin(items) {
      const limits = [
        { most: perCreator, groups: numbered(items.map((item) => item.creatorId)) },
        { most: perCategory, groups: numbered(items.map((item) => item.category)) },
      ].filter(({ most }) => most < top);
      return (open, shown) => {
        if (shown.length >= top) return;
        for (const { most, groups } of limits) {
          const counts = new Uint16Array(items.length + 1);
          for (const at of shown) counts[groups[at]!]! += 1;
          for (let i = 0; i < items.length; i++) if (groups[i]! > 0 && counts[groups[i]!]! >= most) open[i] = 0;
        }
      };
    },
  };
}

/** A number from 1 for each name, 0 for none. */
function numbered(names: readonly (string | undefined)[]): Int32Array {
  const known = new Map<string, number>();
  return Int32Array.from(names, (name) => {
    if (name === undefined || name === '') return 0;
    const number = known.get(name) ?? known.size + 1;
    known.set(name, number);
    return number;
  });
}
