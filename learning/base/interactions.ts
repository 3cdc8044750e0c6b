import type { ClickEvent } from '../../schemas/generated/click-event.js';
import type { LoggedDecision } from '../../schemas/generated/logged-decision.js';

/** A user has chosen an item. */
export interface Interaction {
  readonly user: string;
  readonly item: string;
  /** '' where it has none. */
  readonly category: string;
  readonly creator: string;
  /** Epoch milliseconds. */
  readonly time: number;
}

/** What was clicked of a decision. Overridden decisions showed something else, and count for nothing. */
export function interactionsOf(decision: LoggedDecision): Interaction[] {
  if (decision.overridden !== null) return [];
  return decision.slots.flatMap(({ candidate }, slot): Interaction[] => {
    const chosen = decision.candidates[candidate];
    if (chosen === undefined || !((decision.outcomes[slot]?.parts['click'] ?? 0) > 0)) return [];
    return [{ user: decision.userId, item: chosen.itemId, category: chosen.category, creator: chosen.creatorId, time: decision.time }];
  });
}

/** Events by which a user has chosen an item. */
export const choosing: readonly ClickEvent['eventType'][] = ['CLICK', 'LIKE', 'SHARE'];

/** The interaction of an event of `choosing`; none of the others. */
export function interactionOf({ userId, itemId, category, creatorId, eventType, timestamp }: ClickEvent): Interaction[] {
  return choosing.includes(eventType) ? [{ user: userId, item: itemId, category, creator: creatorId, time: timestamp }] : [];
}

/** In the order of time, then of user and item, each once: whatever the order in which they came, this one is theirs. */
export function inOrder(interactions: readonly Interaction[]): readonly Interaction[] {
  const compared = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
  const sorted = [...interactions].sort((a, b) => a.time - b.time || compared(a.user, b.user) || compared(a.item, b.item));
  return sorted.filter((x, i) => {
    const before = sorted[i - 1];
    return before === undefined || before.time !== x.time || before.user !== x.user || before.item !== x.item;
  });
}
