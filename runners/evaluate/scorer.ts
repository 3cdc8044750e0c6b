import { openTableModel, type TableModel } from '../../connectors/onnx/table-model.js';
import { HeadraceError } from '../../dataflow/errors.js';
import type { PolicyDecision, PolicyFunction } from '../../evaluation/policy-function.js';
import type { DecisionTable } from '../decision-logs/decision-table.js';
import { loadUserModule } from '../load-pipeline.js';
import { actionsOf, type RowChoices } from './policy.js';

/** A model that gives each action a number: a score, or a probability. */
export interface Scorer {
  readonly needsContext: boolean;
  bind(table: DecisionTable): Promise<BoundScorer>;
}

export interface BoundScorer {
  /** A number for each of the choices. */
  scores(rows: Int32Array, choices: RowChoices): Promise<Float64Array>;
  close?(): Promise<void>;
}

/**
 * An ONNX model. Either from the context of a decision to a number an action, or from context and features of an action (or these alone) to one number.
 *
 * Errors: HR_EVALUATION_POLICY when its shape is another.
 */
export function onnxScorer(file: string): Scorer {
  return {
    needsContext: true,
    async bind(table) {
      const actions = actionsOf(table, file);
      const model = await openTableModel(file);
      const { choices, features } = table;
      const own = choices?.features === undefined ? 0 : choices.width;
      const known = `the context of ${table.source} has ${features}${own > 0 ? ` and an action ${own} more` : ''}`;
      try {
        if (features === 0 && own === 0) throw shapeError(file, `takes ${model.features ?? 'some'} features, and ${table.source} has no context`);
        const single = own > 0 && (model.outputs === 1 || model.features === features + own);
        const wanted = model.features ?? (single ? features + own : features);
        if (single ? wanted !== features + own && wanted !== own : wanted !== features) throw shapeError(file, `takes ${wanted} features, and ${known}`);
        if (model.outputs !== undefined && model.outputs !== (single ? 1 : actions)) throw shapeError(file, `gives ${model.outputs} numbers a decision, and ${table.source} has ${actions} actions`);
        return { close: () => model.close(), scores: (rows, of) => (single ? scoreActions(table, model, rows, of, wanted) : scoreDecisions(table, model, rows, of, actions, file)) };
      } catch (error) {
        await model.close();
        throw error;
      }
    },
  };
}

async function scoreDecisions(table: DecisionTable, model: TableModel, rows: Int32Array, choices: RowChoices, actions: number, file: string): Promise<Float64Array> {
  const { features, context } = table;
  const values = new Float32Array(rows.length * features);
  rows.forEach((row, k) => values.set(context!.subarray(row * features, (row + 1) * features), k * features));
  const out = await model.run(values, rows.length);
  if (out.width !== actions) throw shapeError(file, `gives ${out.width} numbers a decision, and ${table.source} has ${actions} actions`);
  const scores = new Float64Array(choices.action.length);
  for (let k = 0; k < rows.length; k++) for (let c = choices.start[k]!; c < choices.start[k + 1]!; c++) scores[c] = out.values[k * actions + choices.action[c]!]!;
  return scores;
}

/** Asks the model for each action that could be chosen. */
async function scoreActions(table: DecisionTable, model: TableModel, rows: Int32Array, choices: RowChoices, wanted: number): Promise<Float64Array> {
  const { features, context } = table;
  const { start, width, features: own } = table.choices!;
  const before = wanted - width;
  const out = new Float64Array(choices.action.length).fill(NaN);
  // a row without a list has no features to ask with
  const listed = Array.from(rows.keys()).filter((k) => start[rows[k]! + 1]! > start[rows[k]!]!);
  const values = new Float32Array(listed.reduce((sum, k) => sum + choices.start[k + 1]! - choices.start[k]!, 0) * wanted);
  let at = 0;
  for (const k of listed) {
    const row = rows[k]!;
    for (let c = start[row]!; c < start[row + 1]!; c++, at += wanted) {
      if (before > 0) values.set(context!.subarray(row * features, row * features + before), at);
      values.set(own!.subarray(c * width, (c + 1) * width), at + before);
    }
  }
  const scored = await model.run(values, values.length / wanted);
  let i = 0;
  for (const k of listed) for (let c = choices.start[k]!; c < choices.start[k + 1]!; c++, i++) out[c] = scored.values[i * scored.width]!;
  return out;
}

function shapeError(file: string, what: string): HeadraceError {
  return new HeadraceError('HR_EVALUATION_POLICY', `The model ${file} ${what}.`, { remedy: 'Give a model from [decisions, context] to [decisions, actions], or from [actions, context and features] to [actions, 1].' });
}

/** What was logged as the score of each action. Errors: HR_EVALUATION_LOG where there is none. */
export const loggedScores: Scorer = {
  needsContext: true,
  bind(table) {
    const { choices } = table;
    if (choices?.score === undefined) throw new HeadraceError('HR_EVALUATION_LOG', `${table.source} has no scores.`, { remedy: 'Log the scores of the actions, or give a model: epsilon-greedy:0.05@FILE.onnx.' });
    const { start, score } = choices;
    return Promise.resolve({
      scores(rows, of) {
        const out = new Float64Array(of.action.length).fill(NaN);
        rows.forEach((row, k) => out.set(score.subarray(start[row], start[row + 1]), of.start[k]));
        return Promise.resolve(out);
      },
    });
  },
};

/** A module whose default export is a function from a decision to a number for each of its actions. Errors: HR_EVALUATION_POLICY. */
export function moduleScorer(file: string): Scorer {
  return {
    needsContext: true,
    async bind(table) {
      const actions = actionsOf(table, file);
      const decide = (await loadUserModule(file, 'HR_EVALUATION_POLICY'))['default'];
      if (typeof decide !== 'function') throw new HeadraceError('HR_EVALUATION_POLICY', `${file} has no function as default export.`, { remedy: 'Write `export default ({ actions, context }) => actions.map(…)`: a number for each action.' });
      const all = table.names ?? Array.from({ length: actions }, (_, a) => a);
      return {
        scores: (rows, choices) => {
          const out = new Float64Array(choices.action.length).fill(NaN);
          rows.forEach((row, k) => {
            const places = Array.from(choices.action.subarray(choices.start[k], choices.start[k + 1]));
            const context = table.context === undefined ? [] : Array.from(table.context.subarray(row * table.features, (row + 1) * table.features));
            const given = called(decide as PolicyFunction, { actions: places.map((a) => all[a]!), context, ...choiceFacts(table, row), slot: table.slot?.[row] ?? 0, time: table.time?.[row] }, file, table.place(row));
            if (given.length !== places.length) throw new HeadraceError('HR_EVALUATION_POLICY', `${file} gave ${given.length} numbers for the ${places.length} actions of ${table.place(row)}.`, { remedy: 'Return one number for each of `actions`, in their order.' });
            places.forEach((_, at) => (out[choices.start[k]! + at] = typeof given[at] === 'number' ? given[at] : NaN));
          });
          return Promise.resolve(out);
        },
      };
    },
  };
}

/** What is logged with each choice of a row. */
function choiceFacts({ choices }: DecisionTable, row: number): Pick<PolicyDecision, 'scores' | 'features'> {
  if (choices === undefined) return { scores: undefined, features: undefined };
  const { start, score, features, width } = choices;
  const [from, to] = [start[row]!, start[row + 1]!];
  return { scores: score && Array.from(score.subarray(from, to)), features: features && Array.from({ length: to - from }, (_, c) => Array.from(features.subarray((from + c) * width, (from + c + 1) * width))) };
}

function called(decide: PolicyFunction, decision: Parameters<PolicyFunction>[0], file: string, place: string): ArrayLike<number> {
  let given: unknown;
  try {
    given = decide(decision);
  } catch (cause) {
    throw new HeadraceError('HR_EVALUATION_POLICY', `${file} failed at ${place}: ${cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause)}`, { cause, remedy: 'Mend the policy; nothing was evaluated.' });
  }
  if (Array.isArray(given) || given instanceof Float64Array || given instanceof Float32Array) return given as ArrayLike<number>;
  const what = given instanceof Promise ? 'a promise' : given === null ? 'null' : `a ${typeof given}`;
  throw new HeadraceError('HR_EVALUATION_POLICY', `${file} gave ${what} at ${place}, and not a list of numbers.`, { remedy: 'Return one number for each of `actions`, in their order.' });
}
