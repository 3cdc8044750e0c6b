import { logLoss } from './log-loss.js';

/**
 * Mean cross-entropy over that of always predicting the mean click rate: below 1 is better than knowing the rate alone.
 *
 * Source: X. He et al., "Practical lessons from predicting clicks on ads at Facebook", ADKDD 2014, equation (1).
 *
 * @returns null where all examples have one label: there is nothing to normalise by
 */
export function normalizedEntropy(scores: ArrayLike<number>, clicks: ArrayLike<number>): number | null {
  let loss = 0;
  let clicked = 0;
  for (let i = 0; i < clicks.length; i++) {
    loss += logLoss(scores[i]!, clicks[i]!);
    clicked += clicks[i]!;
  }
  return entropyRatio(loss, clicked, clicks.length);
}

/** Normalised entropy from sums: the loss, the clicks, the examples. */
export function entropyRatio(loss: number, clicked: number, n: number): number | null {
  const rate = clicked / n;
  if (!(rate > 0 && rate < 1)) return null;
  return loss / n / -(rate * Math.log(rate) + (1 - rate) * Math.log(1 - rate));
}
