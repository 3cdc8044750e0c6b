/** The best score of the open items, how many have it, and how many are open. */
export function bestOf(scores: Float64Array, open: Uint8Array): { best: number; ties: number; n: number } {
  let best = -Infinity;
  let ties = 0;
  let n = 0;
  for (let i = 0; i < scores.length; i++) {
    if (!open[i]) continue;
    n++;
    const score = scores[i]!;
    if (score > best) {
      best = score;
      ties = 1;
    } else if (score === best) ties++;
  }
  return { best, ties, n };
}
