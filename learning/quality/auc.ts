/**
 * Area under the ROC curve: the probability that a clicked example has a higher score than one that was not clicked, ties as one half.
 *
 * Source: J. Hanley and B. McNeil, "The meaning and use of the area under a ROC curve", Radiology 143, 1982 (the Wilcoxon statistic).
 *
 * @returns null where all examples have one label
 */
export function auc(scores: ArrayLike<number>, clicks: ArrayLike<number>): number | null {
  return rankedAuc(scores, clicks)(() => 1);
}

/**
 * AUC of the same scores under other weights again and again: the examples are put in order once.
 *
 * @returns takes the weight of each example, by its number
 */
export function rankedAuc(scores: ArrayLike<number>, clicks: ArrayLike<number>): (weight: (example: number) => number) => number | null {
  const order = Int32Array.from({ length: scores.length }, (_, i) => i).sort((a, b) => scores[a]! - scores[b]!);
  const isClick = Uint8Array.from(order, (i) => (clicks[i]! > 0.5 ? 1 : 0));
  // Whether an example's score is above that of the one before.
  const isHigher = Uint8Array.from(order, (i, k) => (k > 0 && scores[i]! > scores[order[k - 1]!]! ? 1 : 0));
  return (weight) => {
    let [below, clicked, pairs, here, clickedHere] = [0, 0, 0, 0, 0];
    for (let k = 0; k < order.length; k++) {
      if (isHigher[k] === 1) {
        pairs += clickedHere * (below + here / 2);
        below += here;
        clicked += clickedHere;
        here = 0;
        clickedHere = 0;
      }
      const w = weight(order[k]!);
      if (isClick[k] === 1) clickedHere += w;
      else here += w;
    }
    pairs += clickedHere * (below + here / 2);
    below += here;
    clicked += clickedHere;
    return clicked > 0 && below > 0 ? pairs / (clicked * below) : null;
  };
}
