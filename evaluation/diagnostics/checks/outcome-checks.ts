import { alarmThreshold } from '../alarm-threshold.js';
import type { CellSums } from '../cell-measures.js';
import type { Facts } from '../facts.js';
import type { Finding } from '../finding.js';
import { digits, leastDecisions, percent } from './score.js';

/** A part without any outcome is a finding when that has this little chance, over all parts of its kind. */
const leastChance = 1e-4;
/** Outcomes that would have been expected there. */
const leastExpected = 10;
/** An action or slot may have as many times fewer outcomes than the others. */
const leastRatio = 4;
/** A share of joined outcomes has to be this much smaller than elsewhere. */
const leastGap = 0.05;
/** Share of outcomes that come too late. */
const lateShare = { info: 0.01, warning: 0.1 } as const;
/** Share of rows that are there twice, at which they bear on the estimate. */
const repeatedShare = 0.01;

/** As many rewards of 2 for each of 1 are counts, not repetitions. */
const mostTwice = 0.25;

interface Part {
  readonly what: string;
  readonly sums: CellSums;
  /** Parts of its kind. */
  readonly among: number;
  /** Whether parts of this kind may differ in what they are worth. */
  readonly differs: boolean;
}

/** Parts of the log in which outcomes may be lost. */
function partsOf({ byLogger, byAction, bySlot, byBlock, hasTime }: Facts): readonly Part[] {
  const kind = (of: ReadonlyMap<number, CellSums>, name: (key: number) => string, differs: boolean): Part[] => Array.from(of, ([key, sums]) => ({ what: name(key), sums, among: of.size, differs }));
  return [
    ...(byLogger.size > 1 ? kind(byLogger, (k) => `policy ${k}`, false) : []),
    ...kind(byAction, (k) => `action ${k}`, true),
    ...(bySlot.size > 1 ? kind(bySlot, (k) => `slot ${k}`, true) : []),
    ...kind(byBlock, (at) => (hasTime ? `the time from ${new Date(at).toISOString().slice(0, 19)}` : `the part from decision ${at}`), false),
  ];
}

/** A part with no outcome at all, or with nothing but outcomes. */
export function outcomesMissing(facts: Facts): Finding | undefined {
  const parts = partsOf(facts);
  const { n, hits } = facts.whole;
  let worst: { what: string; expected: number; n: number; hits: number; chance: number } | undefined;
  for (const { what, sums, among, differs } of parts) {
    const rest = n - sums.n;
    if (!(rest > 0) || (sums.hits > 0 && sums.hits < sums.n)) continue;
    const rate = (hits - sums.hits) / rest;
    const missing = (sums.hits === 0 ? rate : 1 - rate) / (differs ? leastRatio : 1);
    if (sums.n * missing < leastExpected) continue;
    const chance = (sums.n / facts.thinning) * Math.log1p(-Math.min(missing, 1 - 1e-12));
    if (chance < Math.log(leastChance / among) && !(worst !== undefined && worst.chance <= chance)) worst = { what, expected: sums.n * rate, n: sums.n, hits: sums.hits, chance };
  }
  if (worst === undefined) return undefined;
  const none = worst.hits === 0;
  return {
    code: 'OUTCOMES_MISSING',
    severity: worst.what.startsWith('policy') ? 'error' : 'warning',
    message: `${capital(worst.what)} has ${none ? 'no outcome' : 'nothing but outcomes'} in ${worst.n} decisions, where about ${digits(worst.expected)} were to be expected.`,
    numbers: { of: worst.what, decisions: worst.n, outcomes: worst.hits, expected: worst.expected },
  };
}

/** Parts for which fewer outcomes came, where outcomes of 0 come too. */
export function joinRate(facts: Facts): Finding | undefined {
  const { n, joined, hits } = facts.whole;
  // where only clicks have outcomes, the share of joined ones is the click rate
  if (joined === undefined || joined <= hits * 1.01 || joined === n) return undefined;
  const parts = partsOf(facts);
  const threshold = alarmThreshold(parts.length);
  let worst: { what: string; share: number; elsewhere: number; z: number } | undefined;
  for (const { what, sums } of parts) {
    const rest = n - sums.n;
    if (!(rest > 0) || sums.n < leastExpected) continue;
    const share = sums.joined! / sums.n;
    const elsewhere = (joined - sums.joined!) / rest;
    const pooled = joined / n;
    const z = (elsewhere - share) / Math.sqrt(facts.thinning * pooled * (1 - pooled) * (1 / sums.n + 1 / rest));
    if (elsewhere - share > leastGap && z > threshold && !(worst !== undefined && worst.z >= z)) worst = { what, share, elsewhere, z };
  }
  if (worst === undefined) return undefined;
  return {
    code: 'JOIN_RATE',
    severity: worst.share < worst.elsewhere / 2 ? 'error' : 'warning',
    message: `Outcomes came for ${percent(worst.share)} of the decisions of ${worst.what}, and for ${percent(worst.elsewhere)} of the others.`,
    numbers: { of: worst.what, join_rate: worst.share, elsewhere: worst.elsewhere, standard_errors: worst.z },
  };
}

/** Outcomes that came too late. */
export function lateOutcomes({ whole }: Facts): Finding | undefined {
  if (whole.late === undefined || whole.late === 0) return undefined;
  const outcomes = (whole.joined ?? whole.hits) + whole.late;
  const share = whole.late / outcomes;
  if (share < lateShare.info) return undefined;
  return {
    code: 'LATE_OUTCOMES',
    severity: share >= lateShare.warning ? 'warning' : 'info',
    message: `${percent(share)} of the outcomes came too late and are not counted.`,
    numbers: { late_share: share, late: whole.late },
  };
}

/** Rows of a decision that is there already. */
export function decisionRepeated({ repeated }: Facts): Finding | undefined {
  if (repeated === null || repeated.repeated === 0) return undefined;
  const share = repeated.repeated / repeated.looked;
  return {
    code: 'DECISION_REPEATED',
    severity: share >= repeatedShare ? 'error' : 'warning',
    message: `${percent(share)} of the rows are decisions that the log has already: their outcomes count twice.`,
    numbers: { share, looked: repeated.looked, repeated: repeated.repeated },
  };
}

/** Rewards that do not differ. */
export function rewardConstant({ n, rewards }: Facts): Finding | undefined {
  const { least, most } = rewards;
  if (least !== most || n < leastDecisions) return undefined;
  return { code: 'REWARD_CONSTANT', severity: 'warning', message: `All ${Math.round(n)} rewards are ${digits(least)}: nothing tells how sure the estimate is.`, numbers: { reward: least } };
}

/** Rewards of 2 among those of 0 and 1. */
export function outcomeRepeated({ rewards, whole }: Facts): Finding | undefined {
  const { least, most, ones, twos, possible } = rewards;
  if (least !== 0 || most !== 2 || ones + twos !== whole.hits || twos > ones * mostTwice || (possible !== undefined && possible >= 2)) return undefined;
  const share = twos / whole.hits;
  return {
    code: 'OUTCOME_REPEATED',
    severity: 'warning',
    message: `Rewards are 0 and 1, but for ${percent(share)} of the outcomes they are 2: those may have been counted twice.`,
    numbers: { share, outcomes: twos },
  };
}

const capital = (text: string): string => text[0]!.toUpperCase() + text.slice(1);
