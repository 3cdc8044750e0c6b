/**
 * How much a finding weighs: with an `error` the estimate is not to be trusted, with a `warning` it is with caution, an `info` is good to know.
 */
export type Severity = 'info' | 'warning' | 'error';

/** Something about a log, a candidate or an outcome model that bears on whether the estimate can be trusted. */
export interface Finding {
  readonly code: FindingCode;
  readonly severity: Severity;
  /** What was found, with its numbers, for someone who does not know the statistics. */
  readonly message: string;
  /** The numbers of the message. */
  readonly numbers: Readonly<Record<string, number | string>>;
}

/** Every finding: what it means and what to do. The docs page is made from this table. */
export const findingTable = {
  ACTION_CALIBRATION: { what: 'An action was shown more or less often than the logged propensities say. They are not those that were drawn from.', remedy: 'Log the probability that the policy drew from, when it draws; do not recompute it, and re-rank before the draw.' },
  DECISION_REPEATED: { what: 'Decisions are in the log more than once, so some outcomes count twice.', remedy: 'Keep one row a decision (and slot), e.g. with `dedupe` by the decision id.' },
  DRAW_CHANGED: { what: 'Drawn again from their seeds and distributions, some decisions show something else than the log says was shown.', remedy: 'Look for what changes pages behind the draw; re-rank before it, or mark such decisions as overridden.' },
  ESS_LOW: { what: 'The effective sample size is small: few decisions carry the estimate, because the candidate mostly does what the log seldom shows.', remedy: 'Log more decisions, explore more, or evaluate a candidate that is nearer to the logging policy.' },
  ESTIMATORS_DISAGREE: { what: 'Estimators that should agree differ by more than chance. The propensities are wrong, or the log does not show what the candidate would do.', remedy: 'Look at the findings about propensities and support first; where there are none, check the columns of the outcome model.' },
  FEW_DECISIONS: { what: 'There are too few decisions to say how sure the estimate is.', remedy: 'Log more decisions.' },
  INVERSE_PROPENSITY: { what: 'The mean of 1 / propensity is larger than the number of candidates, which true propensities never give.', remedy: 'Log the probability that the policy drew from, and the number of candidates that it drew among.' },
  JOIN_RATE: { what: 'Outcomes came for a smaller share of the decisions of one policy, action or slot than of the others.', remedy: 'Look for a client, surface or topic that loses outcomes; without them the estimate is too low where they are missing.' },
  LATE_OUTCOMES: { what: 'Many outcomes came too late to be counted.', remedy: 'Use a longer attribution window, or evaluate decisions that are older.' },
  LOG_THINNED: { what: 'Decisions were left out of the log at random, with a probability that is logged (pdrop); each row counts for those that are missing.', remedy: 'Nothing, where pdrop is right. The interval knows of it.' },
  MODEL_BIAS: { what: 'The outcome model is off for what the candidate shows, by more than chance: do not read the direct method alone.', remedy: 'Read DR or SNIPS; they correct the model. A model with context will come nearer.' },
  OUTCOMES_MISSING: { what: 'A policy, action, slot or stretch of time has no outcome at all (or nothing but outcomes) where many were to be expected.', remedy: 'Look for outcomes that are dropped on their way; an inner join with outcomes instead of a left one does this too.' },
  OUTCOME_REPEATED: { what: 'A few rewards are 2 where all others are 0 or 1, as if an outcome had been counted twice.', remedy: 'Take the first or the largest outcome of a decision instead of the sum. Where 2 is right, say so: `--reward-range 0,2`.' },
  POLICIES_DISAGREE: { what: 'The log of one policy says another thing of the candidate than the log of another one does.', remedy: 'Outcomes or propensities of one of them are wrong, or they served different traffic: evaluate each alone.' },
  POLICY_CHANGE: { what: 'The logging policy changed within the log.', remedy: 'Evaluate each part alone, or with balanced weights; make sure that propensities are those of the policy that was live.' },
  PROPENSITY_IMPROBABLE: { what: 'A propensity is so small that a decision like this should not have been seen in a log of this length.', remedy: 'Look at that decision: such a number is a default, an underflow or a product of several slots.' },
  PROPENSITY_MISMATCH: { what: 'The logged propensity is not what the logged distribution gives to the shown action.', remedy: 'What was shown was changed after it was drawn, or one of the two was computed later: log both at the draw, and mark overridden choices.' },
  PROPENSITY_ROUNDED: { what: 'Propensities are rounded, which changes the weights of rare actions most.', remedy: 'Log them as double precision numbers, all digits.' },
  PROPENSITY_UNIFORM: { what: 'Propensities are logged as 1 / number of candidates, but actions were not shown equally often.', remedy: 'Log the probability that the policy drew from.' },
  REWARD_CONSTANT: { what: 'Every reward is the same, so the log does not tell one action from another, and estimates have no interval.', remedy: 'Look whether outcomes were joined, and whether `--reward` names the right column; where outcomes are rare, log more decisions.' },
  ROWS_LEFT_OUT: { what: 'Rows of the log could not be used.', remedy: 'See the codes of what was left out; the estimate stands for the other rows only.' },
  UNSUPPORTED_MASS: { what: 'Part of what the candidate would do never shows in the log, so its value there is not known.', remedy: 'Explore in the logging policy (a minimum probability for every candidate), or read the bounds.' },
  VALUE_BY_TIME: { what: 'The estimate differs between stretches of time by more than chance.', remedy: 'Look at the values by day: a trend or an outage means that next week may be different again.' },
  WEIGHT_DOMINATES: { what: 'One decision has so large a weight that it makes most of the uncertainty.', remedy: 'Look at that decision; read a clipped or self-normalised estimate, and log with a minimum probability.' },
  WEIGHT_MEAN: { what: 'The mean weight is larger than 1 by more than chance, which true propensities never give.', remedy: 'Propensities are too small for what was shown: log what was drawn from.' },
  WEIGHT_TAIL: { what: 'The largest weights are so far out that averages converge slowly, and the interval may be too narrow.', remedy: 'Read clipped, Switch-DR or DRos estimates, or an empirical Bernstein interval.' },
} as const;

/** A stable code of the table. */
export type FindingCode = keyof typeof findingTable;
