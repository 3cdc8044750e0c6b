/** What Page-Hinkley remembers of a series: plain data. */
export interface PageHinkleyState {
  readonly n: number;
  readonly mean: number;
  /** Sum of what values were above their mean, less the tolerance, and the least that it has been. */
  readonly sum: number;
  readonly least: number;
}

/** Settings of `pageHinkley`. */
export interface PageHinkleyOptions {
  /** How far a value may lie above the mean without counting. */
  readonly tolerance: number;
  /** Sum of excesses that is an alarm. Larger: fewer false alarms, later true ones. */
  readonly threshold: number;
  /** Values before the first alarm. @default 12 */
  readonly least?: number;
}

export const noPageHinkley: PageHinkleyState = { n: 0, mean: 0, sum: 0, least: 0 };

/**
 * One value more of a series of which a rise is to be found: the state behind it, and whether the mean has risen. After an alarm the state is that of a new series.
 *
 * Source: E. Page, "Continuous inspection schemes", Biometrika 41, 1954; in the form of J. Gama et al., "A survey on concept drift adaptation", ACM Computing Surveys 46, 2014, section 3.2.2.
 */
export function pageHinkley(state: PageHinkleyState, value: number, { tolerance, threshold, least = 12 }: PageHinkleyOptions): { readonly state: PageHinkleyState; readonly isRisen: boolean } {
  const n = state.n + 1;
  const mean = state.mean + (value - state.mean) / n;
  const sum = state.sum + value - mean - tolerance;
  const lowest = Math.min(state.least, sum);
  if (n >= least && sum - lowest > threshold) return { state: noPageHinkley, isRisen: true };
  return { state: { n, mean, sum, least: lowest }, isRisen: false };
}
