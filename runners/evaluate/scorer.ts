import { openTableModel } from '../../connectors/onnx/table-model.js';
import { HeadraceError } from '../../dataflow/errors.js';
import type { PolicyFunction } from '../../evaluation/policy-function.js';
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

/** An ONNX model from the context of decisions to a number an action. Errors: HR_EVALUATION_POLICY when its shape is another. */
export function onnxScorer(file: string): Scorer {
  return {
    needsContext: true,
    async bind(table) {
      const actions = actionsOf(table, file);
      const model = await openTableModel(file);
      const { features, context } = table;
      const fault =
        context === undefined
          ? `takes ${model.features ?? 'some'} features, and ${table.source} has no context`
          : model.features !== undefined && model.features !== features
            ? `takes ${model.features} features, and the context of ${table.source} has ${features}`
            : model.outputs !== undefined && model.outputs !== actions
              ? `gives ${model.outputs} numbers a decision, and ${table.source} has ${actions} actions`
              : undefined;
      if (fault !== undefined) {
        await model.close();
        throw new HeadraceError('HR_EVALUATION_POLICY', `The model ${file} ${fault}.`, { remedy: 'Give a model from [decisions, context] to [decisions, actions], for the context and actions of this log.' });
      }
      return {
        close: () => model.close(),
        async scores(rows) {
          const values = new Float32Array(rows.length * features);
          rows.forEach((row, k) => {
            for (let f = 0; f < features; f++) values[k * features + f] = context![row * features + f]!;
          });
          const out = await model.run(values, rows.length);
          if (out.width !== actions) throw new HeadraceError('HR_EVALUATION_POLICY', `The model ${file} gives ${out.width} numbers a decision, and ${table.source} has ${actions} actions.`);
          return out.values;
        },
      };
    },
  };
}

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
            const given = called(decide as PolicyFunction, { actions: places.map((a) => all[a]!), context, slot: table.slot?.[row] ?? 0, time: table.time?.[row] }, file, table.place(row));
            if (given.length !== places.length) throw new HeadraceError('HR_EVALUATION_POLICY', `${file} gave ${given.length} numbers for the ${places.length} actions of ${table.place(row)}.`, { remedy: 'Return one number for each of `actions`, in their order.' });
            places.forEach((a, at) => (out[k * actions + a] = typeof given[at] === 'number' ? given[at] : NaN));
          });
          return Promise.resolve(out);
        },
      };
    },
  };
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
