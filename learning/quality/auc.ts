/**
 * Area under the ROC curve: the probability that a clicked example has a higher score than one that was not clicked, ties as one half.
 *
 * Source: J. Hanley and B. McNeil, "The meaning and use of the area under a ROC curve", Radiology 143, 1982 (the Wilcoxon statistic).
 *
 * @returns null where all examples have one label
 */
export function auc(scores: ArrayLike<number>, clicks: ArrayLike<number>): number | null {
  const [clicked, others] = sortedByLabel(scores, clicks);
  let [pairs, below, upTo] = [0, 0, 0];
  for (let i = 0; i < clicked.length; i++) {
    const score = clicked[i]!;
    while (below < others.length && others[below]! < score) below += 1;
    while (upTo < others.length && others[upTo]! <= score) upTo += 1;
    pairs += (below + upTo) / 2;
  }
  return clicked.length > 0 && others.length > 0 ? pairs / (clicked.length * others.length) : null;
}

/** Scores of the clicked examples and those of the others, each sorted: sorting numbers is several times faster than sorting their places. */
function sortedByLabel(scores: ArrayLike<number>, clicks: ArrayLike<number>): readonly [Float64Array, Float64Array] {
  const of = [new Float64Array(scores.length), new Float64Array(scores.length)] as const;
  let [clicked, others] = [0, 0];
  for (let i = 0; i < scores.length; i++) {
    if (clicks[i]! > 0.5) of[0][clicked++] = scores[i]!;
    else of[1][others++] = scores[i]!;
  }
  return [of[0].subarray(0, clicked).sort(), of[1].subarray(0, others).sort()];
}

/**
 * AUC of the same scores under other weights again and again: the examples are put in order once.
 *
 * @param groups what each example's weight is found by: its user, for example
 * @returns takes the weight of each group
 */
export function rankedAuc(scores: ArrayLike<number>, clicks: ArrayLike<number>, groups: Int32Array): (weights: Uint8Array) => number | null {
  const order = new Int32Array(scores.length).map((_, i) => i).sort((a, b) => scores[a]! - scores[b]!);
  const isClick = new Uint8Array(order.length).map((_, k) => (clicks[order[k]!]! > 0.5 ? 1 : 0));
  // Whether an example's score is above that of the one before.
  const isHigher = new Uint8Array(order.length).map((_, k) => (k > 0 && scores[order[k]!]! > scores[order[k - 1]!]! ? 1 : 0));
  const group = order.map((i) => groups[i]!);
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
      // no branch: which label is next cannot be foreseen
      const c = isClick[k]! * w;
      clickedHere += c;
      here += w - c;
    }
    pairs += clickedHere * (below + here / 2);
    below += here;
    clicked += clickedHere;
    return clicked > 0 && below > 0 ? pairs / (clicked * below) : null;
  };
}
