import { openTableModel, type TableModel } from '../../connectors/onnx/table-model.js';
import { HeadraceError } from '../../dataflow/errors.js';
import type { PolicyDecision, PolicyFunction } from '../../evaluation/policy-function.js';
import type { DecisionTable } from '../decision-logs/decision-table.js';
import { loadUserModule } from '../load-pipeline.js';
import { actionsOf, forChoices } from './policy.js';

/** A model that gives each action a number: a score, or a probability. */
export interface Scorer {
  readonly needsContext: boolean;
  bind(table: DecisionTable): Promise<BoundScorer>;
}

export interface BoundScorer {
  /** Rows × actions. What could not be chosen at a row is NaN, where the model was not asked for it. */
  scores(rows: Int32Array): Promise<Float64Array>;
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
        return { close: () => model.close(), scores: (rows) => (single ? scoreActions(table, model, rows, actions, wanted) : scoreDecisions(table, model, rows, actions, file)) };
      } catch (error) {
        await model.close();
        throw error;
      }
    },
  };
}

async function scoreDecisions(table: DecisionTable, model: TableModel, rows: Int32Array, actions: number, file: string): Promise<Float64Array> {
  const { features, context } = table;
  const values = new Float32Array(rows.length * features);
  rows.forEach((row, k) => values.set(context!.subarray(row * features, (row + 1) * features), k * features));
  const out = await model.run(values, rows.length);
  if (out.width !== actions) throw shapeError(file, `gives ${out.width} numbers a decision, and ${table.source} has ${actions} actions`);
  return out.values;
}

/** Asks the model for each action that could be chosen. */
async function scoreActions(table: DecisionTable, model: TableModel, rows: Int32Array, actions: number, wanted: number): Promise<Float64Array> {
  const { features, context } = table;
  const { start, action, width, features: own } = table.choices!;
  const places = Array.from(rows).flatMap((row, k) => Array.from({ length: start[row + 1]! - start[row]! }, (_, c) => ({ row, k, at: start[row]! + c })));
  const values = new Float32Array(places.length * wanted);
  const before = wanted - width;
  places.forEach(({ row, at }, i) => {
    if (before > 0) values.set(context!.subarray(row * features, row * features + before), i * wanted);
    values.set(own!.subarray(at * width, (at + 1) * width), i * wanted + before);
  });
  const scored = await model.run(values, places.length);
  const out = new Float64Array(rows.length * actions).fill(NaN);
  places.forEach(({ k, at }, i) => (out[k * actions + action[at]!] = scored.values[i * scored.width]!));
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
    const actions = actionsOf(table, 'scores');
    const { start, action, score } = choices;
    return Promise.resolve({
      scores(rows) {
        const out = new Float64Array(rows.length * actions).fill(NaN);
        rows.forEach((row, k) => {
          for (let c = start[row]!; c < start[row + 1]!; c++) out[k * actions + action[c]!] = score[c]!;
        });
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
        scores: (rows) => {
          const out = new Float64Array(rows.length * actions).fill(NaN);
          rows.forEach((row, k) => {
            const places: number[] = [];
            forChoices(table, row, actions, (a) => places.push(a));
            const context = table.context === undefined ? [] : Array.from(table.context.subarray(row * table.features, (row + 1) * table.features));
            const given = called(decide as PolicyFunction, { actions: places.map((a) => all[a]!), context, ...choiceFacts(table, row), slot: table.slot?.[row] ?? 0, time: table.time?.[row] }, file, table.place(row));
            if (given.length !== places.length) throw new HeadraceError('HR_EVALUATION_POLICY', `${file} gave ${given.length} numbers for the ${places.length} actions of ${table.place(row)}.`, { remedy: 'Return one number for each of `actions`, in their order.' });
            places.forEach((a, at) => (out[k * actions + a] = typeof given[at] === 'number' ? given[at] : NaN));
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
