import type { Item } from './item.js';

/** A business rule: what may not stand in the next slot. It is folded into the probabilities, so that they stay those that are drawn from. */
export interface Rule<C extends Item> {
  /** Begins a decision; the function that it gives sets `open` to 0 where an item may not stand behind those in `shown`. */
  begin(items: readonly C[]): (open: Uint8Array, shown: readonly number[]) => void;
}
