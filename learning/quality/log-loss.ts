/** Scores are kept so far from 0 and 1, so that one sure mistake does not weigh more than all else: 2^-24, what float32 can still tell from 1. */
const closest = 2 ** -24;

/** Cross-entropy of one example, in nats. */
export function logLoss(score: number, click: number): number {
  const p = Math.min(1 - closest, Math.max(closest, score));
  return -(click * Math.log(p) + (1 - click) * Math.log(1 - p));
}
