import type { GateLimits } from './gate.js';
import { normalizedEntropy } from './quality/normalized-entropy.js';
import { pairedBootstrap, type PairedScores } from './quality/paired-bootstrap.js';
import type { RowColumns } from './row-blocks.js';

/** Standard errors below the champion at which a canary's click rate is a fault. One look an interval: 1 in 740 by chance. */
const surely = 3;

/**
 * Why a head that is on its way, or serves already, has to go: on the same examples it is worse than the other by more than the gate allows, and not by chance. undefined: it may stay.
 *
 * @param scores `candidate` are those of the head, `champion` those of the one that would take its place
 */
export function worseThan(scores: PairedScores, limits: GateLimits, seed: number): string | undefined {
  const other = normalizedEntropy(scores.champion, scores.clicks);
  const { entropy } = pairedBootstrap(scores, { seed, auc: false });
  if (other === null || entropy === null) return undefined;
  const excess = entropy.difference / other;
  if (!(excess > (limits.entropy ?? 0.01) && entropy.low > 0)) return undefined;
  return `normalised entropy ${entropy.difference.toFixed(4)} (${entropy.low.toFixed(4)} to ${entropy.high.toFixed(4)}) above the ${other.toFixed(4)} of the other on the same examples`;
}

/**
 * Why a canary has to go: what it has served is clicked less than what the champion has served, and not by chance. Users are the units. undefined: it may stay.
 *
 * Source: A. Deng, U. Knoblich and J. Lu, "Applying the delta method in metric analytics", KDD 2018, section 3.1 (a ratio of sums over users).
 *
 * @param champion, canary hashes of the versions, as the rows have them in `served`
 */
export function clickedLess(rows: RowColumns, champion: number, canary: number): string | undefined {
  const [usual, tried] = [clickRate(rows, champion), clickRate(rows, canary)];
  if (usual === undefined || tried === undefined) return undefined;
  const z = (tried.rate - usual.rate) / Math.sqrt(tried.variance + usual.variance);
  if (!(z < -surely)) return undefined;
  return `${(100 * tried.rate).toFixed(2)} % of what it served was clicked, ${(100 * usual.rate).toFixed(2)} % of what the champion served: ${(-z).toFixed(1)} standard errors`;
}

function clickRate({ served, user, click, length }: RowColumns, version: number): { readonly rate: number; readonly variance: number } | undefined {
  const users = new Map<number, [clicks: number, examples: number]>();
  let [clicks, examples] = [0, 0];
  for (let i = 0; i < length; i++) {
    if (served[i] !== version) continue;
    const sums = users.get(user[i]!) ?? [0, 0];
    users.set(user[i]!, [sums[0] + click[i]!, sums[1] + 1]);
    clicks += click[i]!;
    examples += 1;
  }
  if (users.size < 30) return undefined;
  const rate = clicks / examples;
  let variance = 0;
  for (const [c, n] of users.values()) variance += (c - rate * n) ** 2;
  return { rate, variance: variance / examples ** 2 };
}
