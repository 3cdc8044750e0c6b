import { alarmThreshold, chiSquareScore } from '../alarm-threshold.js';
import type { CellSums } from '../cell-measures.js';
import type { Facts } from '../facts.js';
import type { Finding } from '../finding.js';
import { digits, percent, score } from './score.js';

/** Differences under this share of the value are not worth a word. */
const leastDifference = 0.05;
/** The same of policies that logged. */
const leastGap = 0.15;
/** Propensities of two policies that are within so many standard errors are the same. */
const samePropensities = 3;
/** How much values of stretches of time may differ beyond chance, as a share of the value. */
const leastSpread = 0.1;
/** Effective decisions that a part needs for a value of its own. */
const leastEss = 30;
/** Stretches of time that are compared. */
const stretches = 10;

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

/**
 * Each action's value by the log of each policy against that by the logs of the others: the same, where they served the same traffic and no outcome is lost. Where they
 * gave actions the same propensities too, plain means are compared, which are surer.
 */
export function policiesDisagree({ byLogger, loggerCells, hasActions, thinning }: Facts): Finding | undefined {
  if (byLogger.size < 2 || !hasActions) return undefined;
  const tables = new Map<number, Map<number, ValueSums>>();
  for (const { slot: logger, action, sums } of loggerCells) {
    const table = tables.get(logger) ?? new Map<number, ValueSums>();
    tables.set(logger, table);
    table.set(action, plus(table.get(action), sums as CellSums & ValueSums));
  }
  const threshold = alarmThreshold(2 * tables.size);
  let worst: (Difference & { logger: number }) | undefined;
  for (const [logger, table] of tables) {
    const rest = new Map<number, ValueSums>();
    for (const [other, of] of tables) if (other !== logger) for (const [action, sums] of of) rest.set(action, plus(rest.get(action), sums));
    const found = [difference(table, rest, weighted), ...(difference(table, rest, propensities).z < samePropensities ? [difference(table, rest, plain)] : [])];
    for (const of of found) {
      if (of.z > threshold * Math.sqrt(thinning) && Math.abs(of.here - of.elsewhere) > leastGap * Math.max(Math.abs(of.here), Math.abs(of.elsewhere)) && !(worst !== undefined && worst.z >= of.z)) worst = { logger, ...of };
    }
  }
  if (worst === undefined) return undefined;
  return {
    code: 'POLICIES_DISAGREE',
    severity: 'warning',
    message: `The same actions are worth ${digits(worst.here)} in the log of policy ${worst.logger}, and ${digits(worst.elsewhere)} in that of ${tables.size > 2 ? 'the others' : 'the other'}.`,
    numbers: { policy: worst.logger, value: worst.here, elsewhere: worst.elsewhere, standard_errors: worst.z },
  };
}

/** Sums from which the value of an action follows. */
type ValueSums = Readonly<Record<(typeof valueSums)[number], number>>;
const valueSums = ['n', 'p', 'pp', 'r', 'rr', 'inverse', 'inverse2', 'ir', 'irir', 'iri'] as const;

function plus(a: ValueSums | undefined, b: ValueSums): ValueSums {
  return Object.fromEntries(valueSums.map((name) => [name, (a?.[name] ?? 0) + b[name]])) as ValueSums;
}

/** A mean of an action, the variance of one of its values, and how many values it rests on. */
type MeanOf = (sums: ValueSums) => { readonly mean: number; readonly variance: number; readonly n: number };

/** Were the action always shown. */
const weighted: MeanOf = ({ inverse, inverse2, ir, irir, iri }) => {
  const mean = ir / inverse;
  return { mean, variance: (irir - 2 * mean * iri + mean ** 2 * inverse2) / inverse2, n: inverse ** 2 / inverse2 };
};
/** Where it was shown. */
const plain: MeanOf = ({ n, r, rr }) => ({ mean: r / n, variance: rr / n - (r / n) ** 2, n });
const propensities: MeanOf = ({ n, p, pp }) => ({ mean: p / n, variance: pp / n - (p / n) ** 2, n });

interface Difference {
  readonly z: number;
  readonly here: number;
  readonly elsewhere: number;
}

/** Differences of the means of actions, each as heavy as it is sure. */
function difference(table: ReadonlyMap<number, ValueSums>, rest: ReadonlyMap<number, ValueSums>, of: MeanOf): Difference {
  let weight = 0;
  let here = 0;
  let elsewhere = 0;
  for (const [action, sums] of table) {
    const other = rest.get(action);
    if (other === undefined) continue;
    const a = of(sums);
    const b = of(other);
    const { variance } = of(plus(sums, other));
    if (Math.min(a.n, b.n) < leastEss || !(variance > 1e-15)) continue;
    const precision = 1 / (variance * (1 / a.n + 1 / b.n));
    weight += precision;
    here += precision * a.mean;
    elsewhere += precision * b.mean;
  }
  return weight > 0 ? { z: Math.abs(here - elsewhere) / Math.sqrt(weight), here: here / weight, elsewhere: elsewhere / weight } : { z: 0, here: 0, elsewhere: 0 };
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
