import { alarmThreshold, chiSquareScore } from '../alarm-threshold.js';
import type { CellSums } from '../cell-measures.js';
import type { Facts } from '../facts.js';
import type { Finding } from '../finding.js';
import { digits, percent, score } from './score.js';

/** Differences under this share of the value are not worth a word. */
const leastDifference = 0.05;
/** How much values of stretches of time may differ beyond chance, as a share of the value. */
const leastSpread = 0.1;
/** Effective decisions that a part needs for a value of its own. */
const leastEss = 30;
/** Stretches of time that are compared. */
const stretches = 10;

const essOf = ({ w, ww }: CellSums): number => (ww > 0 ? (w * w) / ww : 0);

/** IPS against DR: their difference has mean 0 where propensities are true and all is supported. */
export function estimatorsDisagree({ disagreement, value, weights }: Facts): Finding | undefined {
  if (disagreement === undefined || value === null || weights.ess < leastEss) return undefined;
  const { n, sum, squares } = disagreement;
  const by = sum / n;
  const z = score(n, sum, squares, 0);
  if (!(Math.abs(z) > alarmThreshold(1)) || Math.abs(by) < leastDifference * Math.abs(value)) return undefined;
  return {
    code: 'ESTIMATORS_DISAGREE',
    severity: 'warning',
    message: `IPS is ${digits(Math.abs(by))} ${by > 0 ? 'above' : 'below'} DR, more than chance: both are right only when propensities are true and the log shows all that the candidate would.`,
    numbers: { difference: by, standard_errors: z },
  };
}

/** DR against DM. */
export function modelBias({ correction, value, weights }: Facts): Finding | undefined {
  if (correction === undefined || value === null || weights.ess < leastEss) return undefined;
  const { n, sum, squares } = correction;
  const by = sum / n;
  const z = score(n, sum, squares, 0);
  if (!(Math.abs(z) > alarmThreshold(1)) || Math.abs(by) < leastDifference * Math.abs(value)) return undefined;
  return {
    code: 'MODEL_BIAS',
    severity: 'info',
    message: `The outcome model expects ${digits(Math.abs(by))} too ${by > 0 ? 'little' : 'much'} of what the candidate shows.`,
    numbers: { difference: by, standard_errors: z },
  };
}

/** The candidate's value from the log of each policy. */
export function policiesDisagree({ byLogger }: Facts): Finding | undefined {
  const parts = [...byLogger].filter(([, sums]) => essOf(sums) >= leastEss);
  if (parts.length < 2) return undefined;
  const estimates = parts.map(([logger, { n, wr, wwrr }]) => ({ logger, value: wr / n, error2: Math.max(0, wwrr / n - (wr / n) ** 2) / n }));
  const threshold = alarmThreshold((estimates.length * (estimates.length - 1)) / 2);
  let worst: { a: (typeof estimates)[number]; b: (typeof estimates)[number]; z: number } | undefined;
  for (const a of estimates) {
    for (const b of estimates) {
      const z = (a.value - b.value) / Math.sqrt(a.error2 + b.error2);
      if (z > threshold && a.value - b.value > leastDifference * Math.abs(a.value) && !(worst !== undefined && worst.z >= z)) worst = { a, b, z };
    }
  }
  if (worst === undefined) return undefined;
  return {
    code: 'POLICIES_DISAGREE',
    severity: 'warning',
    message: `By the log of policy ${worst.a.logger} the candidate is worth ${digits(worst.a.value)}, by that of policy ${worst.b.logger} ${digits(worst.b.value)}; the same was to be expected.`,
    numbers: { high: worst.a.value, low: worst.b.value, standard_errors: worst.z },
  };
}

/** The estimate by stretches of time, against chance. */
export function valueByTime({ byBlock, whole, weights, value }: Facts): Finding | undefined {
  if (value === null || weights.ess < leastEss * stretches) return undefined;
  const parts = stretchesOf(byBlock, whole.n);
  if (parts.length < 2) return undefined;
  const variance = whole.wwrr / whole.n - value ** 2;
  if (!(variance > 0)) return undefined;
  const statistic = parts.reduce((sum, { n, wr }) => sum + (n * (wr / n - value) ** 2) / variance, 0);
  const freedom = parts.length - 1;
  const z = chiSquareScore(statistic, freedom);
  // the variance between stretches that chance does not explain
  const spread = Math.sqrt((Math.max(0, statistic - freedom) * variance) / whole.n);
  if (!(z > alarmThreshold(1)) || spread < leastSpread * Math.abs(value)) return undefined;
  const values = parts.map(({ n, wr }) => wr / n);
  return {
    code: 'VALUE_BY_TIME',
    severity: 'warning',
    message: `The estimate goes from ${digits(Math.min(...values))} to ${digits(Math.max(...values))} in the course of the log; ${percent(spread / Math.abs(value))} of it is no chance.`,
    numbers: { low: Math.min(...values), high: Math.max(...values), spread, standard_errors: z },
  };
}

/** Neighbouring blocks, put together until each stretch has about a tenth of the log. */
function stretchesOf(byBlock: ReadonlyMap<number, CellSums>, n: number): { n: number; wr: number }[] {
  const out: { n: number; wr: number }[] = [];
  let open = { n: 0, wr: 0 };
  for (const { n: rows, wr } of byBlock.values()) {
    open = { n: open.n + rows, wr: open.wr + wr };
    if (open.n < n / stretches) continue;
    out.push(open);
    open = { n: 0, wr: 0 };
  }
  const last = out.at(-1);
  if (last !== undefined) out[out.length - 1] = { n: last.n + open.n, wr: last.wr + open.wr };
  return out;
}
