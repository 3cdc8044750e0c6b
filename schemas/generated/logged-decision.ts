// Made from logged-decision.avsc by generate-types.ts: change that file, then run `npm run schemas`.
import type { AvroRecordSchema } from '../avro-schema.js';

/** A Decision with what followed from it within the attribution window. Key of the topic: decisionId. */
export interface LoggedDecision {
  /** Unique; an outcome names it. */
  readonly decisionId: string;
  /** When it was made. */
  readonly time: number;
  /** Decisions of one user belong together in an interval. */
  readonly userId: string;
  readonly surface: string;
  /** Features of the situation by name, as they were when it was made. */
  readonly context: Readonly<Record<string, number>>;
  /** What is not a number: segments by which an evaluation can be split. */
  readonly attributes: Readonly<Record<string, string>>;
  /** All that could be shown after filters and rules, in the order that probabilities are given in. */
  readonly candidates: readonly DecisionCandidate[];
  /** What was drawn, from the first position on. */
  readonly slots: readonly DecisionSlot[];
  /** Probability of all slots together, in their order. */
  readonly propensity: number;
  /** How probabilities come from scores: epsilon-greedy, softmax, plackett-luce, … */
  readonly scheme: string;
  /** Of the scheme, as they were when it was made: epsilon, temperature, floor, … */
  readonly parameters: Readonly<Record<string, number>>;
  readonly policyId: string;
  readonly policyVersion: string;
  /** Of the model that gave the scores. */
  readonly modelVersion: string;
  /** Of the base whose embeddings that model took; empty where it took none. */
  readonly baseVersion: string;
  /** What that model had learned from: next offset by `topic/partition`. */
  readonly modelOffsets: Readonly<Record<string, number>>;
  /** Newest event that was in the features of each set when they were looked up (epoch ms), by the name of the set. */
  readonly featureTimes: Readonly<Record<string, number>>;
  /** Of the generator that drew; with the rest it gives the same choice again. */
  readonly seed: string;
  /** Probability with which such a decision is left out of the log. */
  readonly pdrop: number;
  /** Why something else was shown than what was drawn; null when it was shown. Such a decision is no evidence. */
  readonly overridden: string | null;
  /** Sum of the rewards of the slots. */
  readonly reward: number;
  /** One a slot. */
  readonly outcomes: readonly SlotOutcome[];
  /** Nothing followed within the window; the reward is that of nothing. */
  readonly outcomeMissing: boolean;
  /** Outcomes that came again; they do not count. */
  readonly duplicateOutcomes: number;
  /** Outcomes after the window that were seen before this row was written; they do not count. */
  readonly lateOutcomes: number;
  /** Outcomes up to then count. */
  readonly windowEnd: number;
}

/** One thing that could have been shown. */
export interface DecisionCandidate {
  readonly itemId: string;
  /** What the ranking model said of it. */
  readonly score: number;
  readonly creatorId: string;
  readonly category: string;
  /** In the order that the model takes them. */
  readonly features: readonly number[];
}

/** One position of the page. */
export interface DecisionSlot {
  /** What was drawn: index into `candidates`. */
  readonly candidate: number;
  /** Probability with which it was drawn, given what stands in the slots before it; not rounded. */
  readonly propensity: number;
  /** Its probability in this slot, whatever stands before it; null where that is not known. */
  readonly marginalPropensity: number | null;
  /** What was drawn from: a probability a candidate, given what stands in the slots before. Empty: the scheme gives it. */
  readonly pmf: readonly number[];
}

/** What came of one slot. */
export interface SlotOutcome {
  readonly reward: number;
  /** Sums of the parts over the outcomes of the slot. */
  readonly parts: Readonly<Record<string, number>>;
  /** How many outcomes count; 0: the reward is that of nothing. */
  readonly outcomes: number;
}

/** Avro schema of LoggedDecision. */
export const loggedDecisionSchema = {
  type: 'record',
  name: 'LoggedDecision',
  namespace: 'headrace',
  doc: 'A Decision with what followed from it within the attribution window. Key of the topic: decisionId.',
  fields: [
    { name: 'decisionId', doc: 'Unique; an outcome names it.', type: 'string' },
    { name: 'time', doc: 'When it was made.', type: { type: 'long', logicalType: 'timestamp-millis' } },
    { name: 'userId', doc: 'Decisions of one user belong together in an interval.', type: 'string', default: '' },
    { name: 'surface', type: 'string', default: '' },
    { name: 'context', doc: 'Features of the situation by name, as they were when it was made.', type: { type: 'map', values: 'double' }, default: {} },
    { name: 'attributes', doc: 'What is not a number: segments by which an evaluation can be split.', type: { type: 'map', values: 'string' }, default: {} },
    {
      name: 'candidates',
      doc: 'All that could be shown after filters and rules, in the order that probabilities are given in.',
      type: {
        type: 'array',
        items: {
          type: 'record',
          name: 'DecisionCandidate',
          doc: 'One thing that could have been shown.',
          fields: [
            { name: 'itemId', type: 'string' },
            { name: 'score', doc: 'What the ranking model said of it.', type: 'double', default: 0 },
            { name: 'creatorId', type: 'string', default: '' },
            { name: 'category', type: 'string', default: '' },
            { name: 'features', doc: 'In the order that the model takes them.', type: { type: 'array', items: 'double' }, default: [] },
          ],
        },
      },
    },
    {
      name: 'slots',
      doc: 'What was drawn, from the first position on.',
      type: {
        type: 'array',
        items: {
          type: 'record',
          name: 'DecisionSlot',
          doc: 'One position of the page.',
          fields: [
            { name: 'candidate', doc: 'What was drawn: index into `candidates`.', type: 'int' },
            { name: 'propensity', doc: 'Probability with which it was drawn, given what stands in the slots before it; not rounded.', type: 'double' },
            {
              name: 'marginalPropensity',
              doc: 'Its probability in this slot, whatever stands before it; null where that is not known.',
              type: ['null', 'double'],
              default: null,
            },
            {
              name: 'pmf',
              doc: 'What was drawn from: a probability a candidate, given what stands in the slots before. Empty: the scheme gives it.',
              type: { type: 'array', items: 'double' },
              default: [],
            },
          ],
        },
      },
    },
    { name: 'propensity', doc: 'Probability of all slots together, in their order.', type: 'double' },
    { name: 'scheme', doc: 'How probabilities come from scores: epsilon-greedy, softmax, plackett-luce, …', type: 'string' },
    {
      name: 'parameters',
      doc: 'Of the scheme, as they were when it was made: epsilon, temperature, floor, …',
      type: { type: 'map', values: 'double' },
      default: {},
    },
    { name: 'policyId', type: 'string' },
    { name: 'policyVersion', type: 'string', default: '' },
    { name: 'modelVersion', doc: 'Of the model that gave the scores.', type: 'string', default: '' },
    { name: 'baseVersion', doc: 'Of the base whose embeddings that model took; empty where it took none.', type: 'string', default: '' },
    { name: 'modelOffsets', doc: 'What that model had learned from: next offset by `topic/partition`.', type: { type: 'map', values: 'long' }, default: {} },
    {
      name: 'featureTimes',
      doc: 'Newest event that was in the features of each set when they were looked up (epoch ms), by the name of the set.',
      type: { type: 'map', values: 'long' },
      default: {},
    },
    { name: 'seed', doc: 'Of the generator that drew; with the rest it gives the same choice again.', type: 'string' },
    { name: 'pdrop', doc: 'Probability with which such a decision is left out of the log.', type: 'double', default: 0 },
    {
      name: 'overridden',
      doc: 'Why something else was shown than what was drawn; null when it was shown. Such a decision is no evidence.',
      type: ['null', 'string'],
      default: null,
    },
    { name: 'reward', doc: 'Sum of the rewards of the slots.', type: 'double' },
    {
      name: 'outcomes',
      doc: 'One a slot.',
      type: {
        type: 'array',
        items: {
          type: 'record',
          name: 'SlotOutcome',
          doc: 'What came of one slot.',
          fields: [
            { name: 'reward', type: 'double' },
            { name: 'parts', doc: 'Sums of the parts over the outcomes of the slot.', type: { type: 'map', values: 'double' }, default: {} },
            { name: 'outcomes', doc: 'How many outcomes count; 0: the reward is that of nothing.', type: 'int', default: 0 },
          ],
        },
      },
    },
    { name: 'outcomeMissing', doc: 'Nothing followed within the window; the reward is that of nothing.', type: 'boolean' },
    { name: 'duplicateOutcomes', doc: 'Outcomes that came again; they do not count.', type: 'int', default: 0 },
    { name: 'lateOutcomes', doc: 'Outcomes after the window that were seen before this row was written; they do not count.', type: 'int', default: 0 },
    { name: 'windowEnd', doc: 'Outcomes up to then count.', type: { type: 'long', logicalType: 'timestamp-millis' } },
  ],
} as const satisfies AvroRecordSchema;
