import type { RewardBounds } from '../intervals/reward-bounds.js';
import { estimatorsDisagree, modelBias, policiesDisagree, valueByTime } from './checks/agreement-checks.js';
import { decisionRepeated, joinRate, lateOutcomes, outcomeRepeated, outcomesMissing, rewardConstant } from './checks/outcome-checks.js';
import { policyChange } from './checks/policy-change.js';
import { actionCalibration, inversePropensity, propensityMismatch, propensityRounded, propensityUniform } from './checks/propensity-checks.js';
import { logThinned, rowsLeftOut } from './checks/row-checks.js';
import { essLow, fewDecisions, propensityImprobable, unsupportedMass, weightDominates, weightMean, weightTail } from './checks/weight-checks.js';
import { type Diagnostics, diagnosticsOf } from './diagnostics.js';
import type { EvaluationSums } from './evaluation-sums.js';
import { type Facts, factsOf } from './facts.js';
import type { Finding } from './finding.js';
import { reasonsOf, type Verdict, verdictOf } from './verdict.js';

/** Whether an estimate can be trusted, and why not. */
export interface Diagnosis {
  readonly diagnostics: Diagnostics;
  /** The worst first. */
  readonly findings: readonly Finding[];
  readonly verdict: Verdict;
  /** The verdict in words, and the reasons. */
  readonly reasons: readonly string[];
}

/** Each looks for one thing that makes an estimate wrong. */
const checks: readonly ((facts: Facts) => Finding | undefined)[] = [
  fewDecisions,
  rowsLeftOut,
  propensityMismatch,
  propensityUniform,
  propensityRounded,
  propensityImprobable,
  inversePropensity,
  actionCalibration,
  weightMean,
  unsupportedMass,
  essLow,
  weightDominates,
  weightTail,
  policyChange,
  outcomesMissing,
  joinRate,
  lateOutcomes,
  decisionRepeated,
  outcomeRepeated,
  rewardConstant,
  estimatorsDisagree,
  policiesDisagree,
  valueByTime,
  modelBias,
  logThinned,
];

/**
 * What the sums of a log say about an estimate made from it: numbers, findings with codes, and a verdict in words.
 *
 * *Details*: thresholds grow with the number of things a check looks at, so that a sound log of any size is seldom accused (under 2 % a check); what a check finds
 * is also large enough to matter.
 *
 * @param rewards rewards that are possible, for the bounds of the value @default those that were seen
 */
export function diagnose(sums: EvaluationSums, rewards?: RewardBounds): Diagnosis {
  const facts = factsOf(sums, rewards);
  return judged(diagnosticsOf(facts), checks.map((check) => check(facts)).filter((finding) => finding !== undefined), facts.n);
}

/** What was found elsewhere, with the rest. @param n decisions of the log */
export function withFindings<D extends Diagnosis>(diagnosis: D, more: readonly Finding[], n: number): D {
  return more.length === 0 ? diagnosis : { ...diagnosis, ...judged(diagnosis.diagnostics, [...more, ...diagnosis.findings], n) };
}

function judged(diagnostics: Diagnostics, found: readonly Finding[], n: number): Diagnosis {
  const order = { error: 0, warning: 1, info: 2 } as const;
  const findings = [...found].sort((a, b) => order[a.severity] - order[b.severity]);
  const verdict = verdictOf(findings);
  return { diagnostics, findings, verdict, reasons: reasonsOf(verdict, findings, n, diagnostics.ess) };
}
