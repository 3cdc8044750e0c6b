import type { Decision } from '../schemas/generated/decision.js';
import type { Item } from './explore/item.js';
import type { Choice } from './explore/policy.js';

/** What is logged with a choice. */
export interface DecisionFacts<C extends Item = Item> {
  readonly decisionId: string;
  readonly choice: Choice<C>;
  /** Decisions of one user belong together in an interval. @default '' */
  readonly userId?: string;
  readonly surface?: string;
  /** Features of the situation by name, as the policy saw them. */
  readonly context?: Readonly<Record<string, number>>;
  /** Segments by which an evaluation can be split. */
  readonly attributes?: Readonly<Record<string, string>>;
  /** Of the model that gave the scores. */
  readonly modelVersion?: string;
  /** Of the base whose embeddings that model took. @default '': none */
  readonly baseVersion?: string;
  /** What that model had learned from: next offset by `topic/partition`. */
  readonly modelOffsets?: Readonly<Record<string, number>>;
  /** Newest event in the features of each set when they were looked up, by the name of the set (`newest` of a look-up, epoch ms). */
  readonly featureTimes?: Readonly<Record<string, number>>;
  /** Share of such decisions that are left out of the log, at least 0 and under 1. @default 0 */
  readonly pdrop?: number;
}

/** What is written of the distributions: all, or `scheme`: nothing where scheme, parameters and scores give them again. */
export type LoggedPmf = 'whole' | 'scheme';

const noFeatures: readonly number[] = [];

/** The record of a choice. Its time is that of the choice. */
export function decisionOf<C extends Item>(facts: DecisionFacts<C>, pmf: LoggedPmf = 'whole'): Decision {
  const { decisionId, choice, userId = '', surface = '', context = {}, attributes = {}, modelVersion = '', baseVersion = '', modelOffsets = {}, featureTimes = {}, pdrop = 0 } = facts;
  const leavesOut = pmf === 'scheme' && choice.recomputable;
  return {
    decisionId,
    time: choice.time,
    userId,
    surface,
    context,
    attributes,
    candidates: choice.items.map(({ itemId, creatorId = '', category = '', features = noFeatures }, i) => ({ itemId, score: choice.scores[i]!, creatorId, category, features })),
    slots: choice.slots.map((slot, k) => ({
      candidate: slot.candidate,
      propensity: slot.propensity,
      // nothing stands before the first slot
      marginalPropensity: k === 0 ? slot.propensity : null,
      pmf: leavesOut ? [] : Array.from(slot.pmf),
    })),
    propensity: choice.propensity,
    scheme: choice.scheme,
    parameters: choice.parameters,
    policyId: choice.policyId,
    policyVersion: choice.policyVersion,
    modelVersion,
    baseVersion,
    modelOffsets,
    featureTimes,
    seed: choice.seed,
    pdrop,
    overridden: choice.overridden,
  };
}
