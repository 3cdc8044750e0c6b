import { HeadraceError } from '../../dataflow/errors.js';
import { type NamedEstimator, standardEstimators } from '../../evaluation/evaluate.js';
import { ips } from '../../evaluation/estimators/ips.js';
import { tuned, type TuningOptions } from '../../evaluation/estimators/tuned.js';
import { cascadeDr } from '../../evaluation/slates/cascade-dr.js';
import { iips } from '../../evaluation/slates/iips.js';
import { pseudoInverse } from '../../evaluation/slates/pseudo-inverse.js';
import { rips } from '../../evaluation/slates/rips.js';
import { sips } from '../../evaluation/slates/sips.js';
import type { SlateEstimator } from '../../evaluation/slates/slate-estimator.js';
import { didYouMean } from '../commands/nearest-name.js';

/** Estimators of decisions and of whole slates. */
export interface ChosenEstimators {
  readonly decisions: readonly NamedEstimator[];
  readonly slates: readonly SlateEstimator[];
  /** Of decisions, on marginal weights. */
  readonly marginal: readonly NamedEstimator[];
}

/** What the log and the settings give to estimators that need more than decisions. */
export interface EstimatorNeeds {
  readonly clip: number;
  /** How λ is chosen, and from what. */
  readonly tuning: TuningOptions & { readonly lambdas?: readonly number[] | undefined };
  /** Whether there is an outcome model. */
  readonly model: boolean;
  /** Whether the log has whole slates. */
  readonly slates: boolean;
  /** Whether classes of actions are given. */
  readonly classes: boolean;
}

/** λ to choose from, where none are given: limits of weights, or shares by which weights are shrunk. */
const limits = [1, 2, 5, 10, 20, 50, 100, Number.POSITIVE_INFINITY];
const defaultLambdas = { ips: limits, dr: limits, switch_dr: limits, dr_os: [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000], ips_sub_gaussian: [0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 0.9], dr_sub_gaussian: [0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 0.9] } as const;

const families = Object.keys(defaultLambdas) as (keyof typeof defaultLambdas)[];

/** The tuned estimators among some names; the others may not take the λ that were given. */
function tunedEstimators(names: readonly string[], { lambdas, ...options }: EstimatorNeeds['tuning']): readonly NamedEstimator[] {
  return families.filter((of) => names.includes(`${of}_tuned`)).map((of) => tuned(of, lambdas ?? defaultLambdas[of], options));
}

const mips: NamedEstimator = { ...ips(), name: 'mips', formula: 'Σ w_e r / n, where w_e is the probability of the class of what was shown under the candidate, over that under the log', source: 'Saito and Joachims, ICML 2022' };

const slateEstimators = (): readonly SlateEstimator[] => [sips(), sips({ selfNormalised: true }), iips(), iips({ selfNormalised: true }), rips(), rips({ selfNormalised: true }), cascadeDr(), pseudoInverse()];

/** Names of all estimators. */
export function estimatorNames(): readonly string[] {
  return [...standardEstimators(10, true), ...families.map((of) => ({ name: `${of}_tuned` })), mips, ...slateEstimators()].map(({ name }) => name);
}

/**
 * The estimators of a list of names; all of decisions that choose nothing themselves where there is none.
 *
 * @throws HR_ARGUMENT an estimator that there is not; HR_EVALUATION_MODEL one that needs an outcome model; HR_EVALUATION_COLUMNS one that needs slates, or classes of actions
 */
export function chosenEstimators(names: readonly string[] | undefined, { clip, tuning, model, slates, classes }: EstimatorNeeds): ChosenEstimators {
  if (names === undefined) return { decisions: standardEstimators(clip, model), slates: [], marginal: classes ? [mips] : [] };
  const all = [...standardEstimators(clip, true), ...tunedEstimators(names, tuning)];
  const plain = new Set([...standardEstimators(clip, false).map(({ name }) => name), 'ips_tuned', 'ips_sub_gaussian_tuned']);
  const ofSlates = slateEstimators();
  const known = estimatorNames();
  for (const name of names) {
    if (!known.includes(name)) throw new HeadraceError('HR_ARGUMENT', `There is no estimator "${name}".${didYouMean(name, known)}`, { remedy: `Give some of ${known.join(', ')}.` });
    const needsModel = name === 'cascade_dr' || (all.some((of) => of.name === name) && !plain.has(name));
    if (!model && needsModel) throw new HeadraceError('HR_EVALUATION_MODEL', `The estimator ${name} needs an outcome model, and a candidate whose whole distribution is known.`, { remedy: 'Give --outcome-model smoothed:10, or leave the estimator out.' });
    if (!slates && ofSlates.some((of) => of.name === name)) throw new HeadraceError('HR_EVALUATION_COLUMNS', `The estimator ${name} needs slates, and the log has none.`, { remedy: 'Log the fields `slate` and `slot`, or leave the estimator out.' });
    if (!classes && name === 'mips') throw new HeadraceError('HR_EVALUATION_COLUMNS', 'The estimator mips needs classes of actions.', { remedy: 'Give --classes FILE with a line action:class for each action, or leave the estimator out.' });
  }
  const chosen = <E extends { readonly name: string }>(of: readonly E[]): readonly E[] => of.filter(({ name }) => names.includes(name));
  return { decisions: chosen(all), slates: chosen(ofSlates), marginal: chosen([mips]) };
}
