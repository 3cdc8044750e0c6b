import { HeadraceError } from '../../dataflow/errors.js';
import type { Bag } from './bags.js';
import type { BasePlan } from './base-plan.js';
import type { Interaction } from './interactions.js';

/** The tokens of users and items: what makes up their bags. */
export interface Vocabulary {
  /** Names of the tokens, in the order of their rows. */
  readonly names: readonly string[];
  /** The bag of an item: itself, its category, its creator, as far as they have tokens. */
  itemBag(item: Pick<Interaction, 'item' | 'category' | 'creator'>): Bag;
  /** The bag of a user: itself, and what was chosen before, the newest last. */
  userBag(user: string, chosen: readonly string[]): Bag;
}

const tokenOf = { user: (id: string) => `user ${id}`, item: (id: string) => `item ${id}`, category: (name: string) => `category ${name}`, creator: (id: string) => `creator ${id}` } as const;

/** The names of what occurs often enough, in the order of the alphabet. Errors: HR_EXAMPLES nothing does. */
export function tokensOf(interactions: readonly Interaction[], { least, userTokens }: Pick<BasePlan, 'least' | 'userTokens'>): readonly string[] {
  const counts = new Map<string, number>();
  const count = (token: string) => counts.set(token, (counts.get(token) ?? 0) + 1);
  for (const { user, item, category, creator } of interactions) {
    if (userTokens) count(tokenOf.user(user));
    count(tokenOf.item(item));
    if (category !== '') count(tokenOf.category(category));
    if (creator !== '') count(tokenOf.creator(creator));
  }
  const names = [...counts].filter(([, n]) => n >= least).map(([name]) => name).sort();
  if (names.length === 0) throw new HeadraceError('HR_EXAMPLES', `Nothing of ${interactions.length} interactions occurs ${least} times.`, { remedy: 'Take a longer stretch of time, or a smaller `least`.' });
  return names;
}

/** The vocabulary of some tokens. */
export function vocabularyOf(names: readonly string[], { history, recency }: Pick<BasePlan, 'history' | 'recency'>): Vocabulary {
  const rows = new Map(names.map((name, row) => [name, row]));
  return {
    names,
    itemBag: ({ item, category, creator }) =>
      [tokenOf.item(item), ...(category === '' ? [] : [tokenOf.category(category)]), ...(creator === '' ? [] : [tokenOf.creator(creator)])].flatMap((name) => {
        const row = rows.get(name);
        return row === undefined ? [] : [[row, 1] as const];
      }),
    userBag(user, chosen) {
      const known: number[] = [];
      for (let k = chosen.length - 1; k >= 0 && known.length < history; k--) {
        const row = rows.get(tokenOf.item(chosen[k]!));
        if (row !== undefined) known.push(row);
      }
      const sum = known.reduce((total, _, age) => total + recency ** age, 0);
      const own = rows.get(tokenOf.user(user));
      return [...(own === undefined ? [] : [[own, 1] as const]), ...known.map((row, age) => [row, recency ** age / sum] as const)];
    },
  };
}
