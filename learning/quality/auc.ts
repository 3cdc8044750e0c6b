/**
 * Area under the ROC curve: the probability that a clicked example has a higher score than one that was not clicked, ties as one half.
 *
 * Source: J. Hanley and B. McNeil, "The meaning and use of the area under a ROC curve", Radiology 143, 1982 (the Wilcoxon statistic).
 *
 * @returns null where all examples have one label
 */
export function auc(scores: ArrayLike<number>, clicks: ArrayLike<number>): number | null {
  return rankedAuc(scores, clicks, new Int32Array(clicks.length))(Float64Array.of(1));
}

/**
 * AUC of the same scores under other weights again and again: the examples are put in order once.
 *
 * @param groups what each example's weight is found by: its user, for example
 * @returns takes the weight of each group
 */
export function rankedAuc(scores: ArrayLike<number>, clicks: ArrayLike<number>, groups: Int32Array): (weights: Float64Array) => number | null {
  const order = Int32Array.from({ length: scores.length }, (_, i) => i).sort((a, b) => scores[a]! - scores[b]!);
  const isClick = Uint8Array.from(order, (i) => (clicks[i]! > 0.5 ? 1 : 0));
  // Whether an example's score is above that of the one before.
  const isHigher = Uint8Array.from(order, (i, k) => (k > 0 && scores[i]! > scores[order[k - 1]!]! ? 1 : 0));
  const group = Int32Array.from(order, (i) => groups[i]!);
  return (weights) => {
    let [below, clicked, pairs, here, clickedHere] = [0, 0, 0, 0, 0];
    for (let k = 0; k < group.length; k++) {
      if (isHigher[k] === 1) {
        pairs += clickedHere * (below + here / 2);
        below += here;
        clicked += clickedHere;
        here = 0;
        clickedHere = 0;
      }
      const w = weights[group[k]!]!;
      if (isClick[k] === 1) clickedHere += w;
      else here += w;
    }
    pairs += clickedHere * (below + here / 2);
    below += here;
    clicked += clickedHere;
    return clicked > 0 && below > 0 ? pairs / (clicked * below) : null;
  };
}
