import type { KafkaSettings } from '../../connectors/kafka/kafka-settings.js';
import type { ErrorCode } from '../../dataflow/errors.js';
import { type NumberColumn, numberColumn } from './number-column.js';

/** Lines or records of a log that are no decision, for one reason. */
export interface RefusedLines {
  readonly code: ErrorCode;
  readonly rows: number;
  /** Where the first one is: `line 7`, `partition 0, offset 12`. */
  readonly first: string;
  /** What is wrong with that one. */
  readonly example: string;
}

/** Lines or records that are right and yet no decision to evaluate on. */
export interface PassedOver {
  readonly what: string;
  readonly rows: number;
}

/** What could be chosen, where that differs between decisions: those of row `i` are from `start[i]` up to `start[i + 1]`. */
export interface Choices {
  readonly start: Float64Array;
  readonly action: Float64Array;
  /** Of each, the probability that it was drawn with. */
  readonly probability: Float64Array | undefined;
  /** Of each, what the model of that time said of it. */
  readonly score: Float64Array | undefined;
  /** Choices × features, `width` of them a choice. */
  readonly features: Float64Array | undefined;
  readonly width: number;
}

/** What became of decisions that were drawn again. */
export interface DrawnAgain {
  looked: number;
  other: number;
  first: string;
}

/** A log of decisions as columns: a value a decision in each. Missing numbers are NaN; a column that has no number at all is undefined. */
export interface DecisionTable {
  /** Path or topic. */
  readonly source: string;
  readonly format: string;
  readonly length: number;
  readonly reward: Float64Array;
  readonly propensity: Float64Array;
  readonly action: Float64Array | undefined;
  /** Number of actions; those of `names` where actions have names. */
  readonly actions: number | undefined;
  /** Whether the log does not say which actions there were, so that `actions` is what was seen of them. */
  readonly actionsAreGuessed: boolean;
  readonly names: readonly string[] | undefined;
  readonly choices: Choices | undefined;
  /** How many actions a decision had, from action 0 on, where that differs and `choices` does not tell. */
  readonly counts: Float64Array | undefined;
  readonly slot: Float64Array | undefined;
  /** The decision's id as a number: two rows of one decision are found by it. */
  readonly decision: Float64Array | undefined;
  /** 1 where an outcome came, 0 where the reward stands for none. */
  readonly joined: Float64Array | undefined;
  /** 1 where an outcome came too late to count. */
  readonly late: Float64Array | undefined;
  /** The page that a slot is part of, as a number. */
  readonly slate: Float64Array | undefined;
  /** Whether one reward stands for a whole slate; it is in the row of the last slot. */
  readonly slateReward: boolean;
  readonly user: Float64Array | undefined;
  readonly time: Float64Array | undefined;
  readonly logger: Float64Array | undefined;
  readonly loggers: readonly string[];
  readonly pdrop: Float64Array | undefined;
  /** Decisions × features. */
  readonly context: Float64Array | undefined;
  readonly features: number;
  readonly segment: Float64Array | undefined;
  readonly segments: readonly string[];
  /** Decisions that were drawn again from their seed, how many of them show something else, and where the first of those is; undefined where there are no seeds. */
  readonly draws?: DrawnAgain | undefined;
  /** Columns that were asked for by name. */
  readonly extra: ReadonlyMap<string, Float64Array | undefined>;
  /** Where the decision of a row is in the log, for messages. */
  place(row: number): string;
  readonly refused: readonly RefusedLines[];
  readonly passedOver: readonly PassedOver[];
}

/** What a reader is asked for, beyond the decisions. */
export interface DecisionLogOptions {
  /** Where topics are, if not in the data directory. */
  readonly kafka?: KafkaSettings | undefined;
  /** Column, or path of fields (`parts.watch`), that the reward is in. @default that of the format */
  readonly reward?: string | undefined;
  /** Column, or path of fields, by which decisions are put into segments. @default `segment`, where the format has it */
  readonly segment?: string | undefined;
  /** Further columns of numbers, by name. */
  readonly extra?: readonly string[] | undefined;
  /** Whether a model needs the context, and the features and scores of actions; else they are not kept. @default false */
  readonly context?: boolean | undefined;
  /** Called now and then with the lines or records read so far. It may throw to end the reading. */
  readonly progress?: ((count: number) => void) | undefined;
  /** What messages call the log. @default its path */
  readonly name?: string | undefined;
  /** What the input `-` reads. @default process.stdin */
  readonly stdin?: AsyncIterable<Uint8Array> | undefined;
}

/** A decision on its way into the table. What is not given is missing. */
export interface DecisionRow {
  reward: number;
  propensity: number;
  action?: number | undefined;
  slot?: number | undefined;
  slate?: number | undefined;
  decision?: number | undefined;
  joined?: number | undefined;
  late?: number | undefined;
  user?: number | undefined;
  time?: number | undefined;
  logger?: number | undefined;
  pdrop?: number | undefined;
  segment?: number | undefined;
  context?: readonly number[] | undefined;
  /** How many actions there were, from action 0 on. */
  count?: number | undefined;
  /** Actions that could be chosen, and their probabilities in the same order. */
  choices?: readonly number[] | undefined;
  probabilities?: readonly number[] | undefined;
  scores?: readonly number[] | undefined;
  features?: readonly (readonly number[])[] | undefined;
  extra?: readonly number[] | undefined;
}

/** Text values numbered in the order in which they come. */
export interface Naming {
  number(name: string): number;
  readonly names: readonly string[];
}

export function naming(): Naming {
  const numbers = new Map<string, number>();
  const names: string[] = [];
  return {
    names,
    number(name) {
      const known = numbers.get(name);
      if (known !== undefined) return known;
      numbers.set(name, names.length);
      return names.push(name) - 1;
    },
  };
}

/** Collects decisions into columns: no object is kept for any of them. */
export interface TableBuilder {
  readonly length: number;
  /** Adds a decision that stands at line, or offset, `at`. */
  add(at: number, row: DecisionRow): void;
  refuse(code: ErrorCode, first: string, example: string): void;
  passOver(what: string): void;
  finish(of: Pick<DecisionTable, 'actions' | 'names'> & Partial<Pick<DecisionTable, 'actionsAreGuessed' | 'slateReward' | 'loggers' | 'segments' | 'place'>>): DecisionTable;
}

/** @param extra names of columns beyond those of a decision */
export function tableBuilder(source: string, format: string, extra: readonly string[] = []): TableBuilder {
  const scalars = ['reward', 'propensity', 'action', 'count', 'slot', 'slate', 'decision', 'joined', 'late', 'user', 'time', 'logger', 'pdrop', 'segment'] as const;
  const columns = Object.fromEntries([...scalars, 'at'].map((name) => [name, numberColumn()])) as Record<(typeof scalars)[number] | 'at', NumberColumn>;
  const extras = extra.map(() => numberColumn());
  const choiceStart = numberColumn();
  const choiceAction = numberColumn();
  const choiceProbability = numberColumn();
  const choiceScore = numberColumn();
  const choiceFeatures = numberColumn();
  const context = numberColumn();
  const refused = new Map<ErrorCode, { rows: number; first: string; example: string }>();
  const passedOver = new Map<string, number>();
  let features = -1;
  let choiceWidth = -1;
  let length = 0;
  let chosen = false;
  const refuse: TableBuilder['refuse'] = (code, first, example) => {
    const seen = refused.get(code);
    if (seen === undefined) refused.set(code, { rows: 1, first, example });
    else seen.rows++;
  };
  return {
    get length() {
      return length;
    },
    refuse,
    passOver: (what) => void passedOver.set(what, (passedOver.get(what) ?? 0) + 1),
    add(at, row) {
      const width = row.context?.length ?? 0;
      if (features < 0) features = width;
      if (width !== features) return refuse('HR_EVALUATION_COLUMNS', `line ${at}`, `the context has ${width} values, the first one has ${features}`);
      for (const of of row.features ?? []) {
        if (choiceWidth < 0) choiceWidth = of.length;
        if (of.length !== choiceWidth) return refuse('HR_EVALUATION_COLUMNS', `line ${at}`, `an action has ${of.length} features, the first one has ${choiceWidth}`);
      }
      // one by one: a loop over names would look each up
      columns.reward.push(row.reward ?? NaN);
      columns.propensity.push(row.propensity ?? NaN);
      columns.action.push(row.action ?? NaN);
      columns.count.push(row.count ?? NaN);
      columns.slot.push(row.slot ?? NaN);
      columns.slate.push(row.slate ?? NaN);
      columns.decision.push(row.decision ?? NaN);
      columns.joined.push(row.joined ?? NaN);
      columns.late.push(row.late ?? NaN);
      columns.user.push(row.user ?? NaN);
      columns.time.push(row.time ?? NaN);
      columns.logger.push(row.logger ?? NaN);
      columns.pdrop.push(row.pdrop ?? NaN);
      columns.segment.push(row.segment ?? NaN);
      columns.at.push(at);
      for (let k = 0; k < features; k++) context.push(row.context![k]!);
      extras.forEach((column, k) => column.push(row.extra?.[k] ?? NaN));
      choiceStart.push(choiceAction.length);
      if (row.choices !== undefined) {
        chosen = true;
        for (let k = 0; k < row.choices.length; k++) {
          choiceAction.push(row.choices[k]!);
          choiceProbability.push(row.probabilities?.[k] ?? NaN);
          choiceScore.push(row.scores?.[k] ?? NaN);
          for (let f = 0; f < choiceWidth; f++) choiceFeatures.push(row.features?.[k]?.[f] ?? NaN);
        }
      }
      length++;
    },
    finish({ actions, actionsAreGuessed = false, names, slateReward = false, loggers = [], segments = [], place }) {
      const none = (): Float64Array => new Float64Array(length).fill(NaN);
      choiceStart.push(choiceAction.length);
      const at = columns.at.values();
      return {
        source,
        format,
        length,
        reward: columns.reward.values() ?? none(),
        propensity: columns.propensity.values() ?? none(),
        action: columns.action.values(),
        actions,
        actionsAreGuessed: actionsAreGuessed && actions !== undefined,
        names,
        choices: chosen
          ? {
              start: choiceStart.values()!,
              action: choiceAction.values() ?? new Float64Array(0),
              probability: choiceProbability.values(),
              score: choiceScore.values(),
              features: choiceFeatures.values(),
              width: Math.max(0, choiceWidth),
            }
          : undefined,
        counts: differing(columns.count.values(), actions),
        slot: columns.slot.values(),
        decision: columns.decision.values(),
        joined: columns.joined.values(),
        late: columns.late.values(),
        slate: columns.slate.values(),
        slateReward,
        user: columns.user.values(),
        time: columns.time.values(),
        logger: columns.logger.values(),
        loggers,
        pdrop: columns.pdrop.values(),
        context: context.values(),
        features: Math.max(0, features),
        segment: columns.segment.values(),
        segments,
        extra: new Map(extra.map((name, k) => [name, extras[k]!.values()])),
        place: place ?? ((row) => `line ${at![row]}`),
        refused: Array.from(refused, ([code, of]) => ({ code, ...of })),
        passedOver: Array.from(passedOver, ([what, rows]) => ({ what, rows })),
      };
    },
  };
}

/** The counts, unless all decisions had all actions. */
function differing(counts: Float64Array | undefined, actions: number | undefined): Float64Array | undefined {
  return counts?.some((count) => count !== actions) === true ? counts.map((count) => (Number.isNaN(count) ? (actions ?? NaN) : count)) : undefined;
}
