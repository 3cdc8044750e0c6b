import { splitmix } from '../dataflow/splitmix.js';

/** Writes the numbers of an order in another one (Fisher and Yates), the same for a seed and epoch. */
export function shuffle(order: Int32Array, seed: number, epoch: number): void {
  const random = splitmix(seed);
  random.seed(epoch, 0);
  for (let i = order.length - 1; i > 0; i--) {
    const j = random.below(i + 1);
    const kept = order[i]!;
    order[i] = order[j]!;
    order[j] = kept;
  }
}
