import type { LoggedDecisions } from '../logged-decisions.js';

/** A way to learn the outcome of each action from a log. */
export interface OutcomeModel {
  /** As on the command line: `smoothed:10`. */
  readonly name: string;
  /** Learns from some rows of a log that has actions. */
  fit(log: LoggedDecisions, rows: Int32Array): FittedModel;
}

/** What was learnt. */
export interface FittedModel {
  /** Writes the expected outcome of every action, at one row of a log, to `out`. */
  predict(log: LoggedDecisions, row: number, out: Float64Array): void;
  /** Writes that of some actions, in their order. @default taken from those of all */
  predictSome?(log: LoggedDecisions, row: number, actions: Int32Array, out: Float64Array): void;
}
