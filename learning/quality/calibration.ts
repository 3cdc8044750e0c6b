/** How predicted and seen clicks compare. */
export interface Calibration {
  /** Predicted over seen clicks: 1 is calibrated, above 1 promises too much. */
  readonly ratio: number;
  /** Standard error of the ratio, by the spread of the clicks that the scores predict. */
  readonly standardError: number;
  /** Slope of the logit when the clicks are regressed on it: below 1 is over-confident. */
  readonly slope: number;
  readonly slopeStandardError: number;
}

const closest = 2 ** -24;

/**
 * Calibration of scores.
 *
 * Source: D. Cox, "Two further applications of a model for binary regression", Biometrika 45, 1958 (intercept and slope on the logit).
 *
 * @returns null where nothing was clicked
 */
export function calibration(scores: ArrayLike<number>, clicks: ArrayLike<number>): Calibration | null {
  let predicted = 0;
  let seen = 0;
  let spread = 0;
  for (let i = 0; i < clicks.length; i++) {
    const p = scores[i]!;
    predicted += p;
    seen += clicks[i]!;
    spread += p * (1 - p);
  }
  if (!(seen > 0)) return null;
  const { slope, standardError } = logitSlope(scores, clicks);
  return { ratio: predicted / seen, standardError: (Math.sqrt(spread) * predicted) / (seen * seen), slope, slopeStandardError: standardError };
}

/** Newton's method on intercept and slope; from (0, 1) it takes a handful of steps. */
function logitSlope(scores: ArrayLike<number>, clicks: ArrayLike<number>): { readonly slope: number; readonly standardError: number } {
  let [intercept, slope, standardError] = [0, 1, Number.POSITIVE_INFINITY];
  for (let round = 0; round < 25; round++) {
    let [g0, g1, h00, h01, h11] = [0, 0, 0, 0, 0];
    for (let i = 0; i < clicks.length; i++) {
      const p = Math.min(1 - closest, Math.max(closest, scores[i]!));
      const logit = Math.log(p / (1 - p));
      const q = 1 / (1 + Math.exp(-(intercept + slope * logit)));
      const v = q * (1 - q);
      g0 += clicks[i]! - q;
      g1 += (clicks[i]! - q) * logit;
      h00 += v;
      h01 += v * logit;
      h11 += v * logit * logit;
    }
    const determinant = h00 * h11 - h01 * h01;
    // All logits alike: a slope cannot be told.
    if (!(determinant > 1e-9 * h00 * h11)) return { slope: 1, standardError: Number.POSITIVE_INFINITY };
    const [d0, d1] = [(h11 * g0 - h01 * g1) / determinant, (h00 * g1 - h01 * g0) / determinant];
    intercept += d0;
    slope += d1;
    standardError = Math.sqrt(h00 / determinant);
    if (Math.abs(d0) + Math.abs(d1) < 1e-9) break;
  }
  return { slope, standardError };
}
