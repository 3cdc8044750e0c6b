import { HeadraceError } from '../../dataflow/errors.js';
import { type NamedEstimator, standardEstimators } from '../../evaluation/evaluate.js';
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
}

const slateEstimators = (): readonly SlateEstimator[] => [sips(), sips({ selfNormalised: true }), iips(), iips({ selfNormalised: true }), rips(), rips({ selfNormalised: true }), pseudoInverse()];

/** Names of all estimators. */
export function estimatorNames(): readonly string[] {
  return [...standardEstimators(10, true), ...slateEstimators()].map(({ name }) => name);
}

/**
 * The estimators of a list of names; all of decisions where there is none.
 *
 * @param model whether there is an outcome model
 * @param slates whether the log has whole slates
 * @throws HR_ARGUMENT an estimator that there is not; HR_EVALUATION_MODEL one that needs an outcome model; HR_EVALUATION_COLUMNS one that needs slates
 */
export function chosenEstimators(names: readonly string[] | undefined, clip: number, model: boolean, slates: boolean): ChosenEstimators {
  if (names === undefined) return { decisions: standardEstimators(clip, model), slates: [] };
  const all = standardEstimators(clip, true);
  const plain = new Set(standardEstimators(clip, false).map(({ name }) => name));
  const ofSlates = slateEstimators();
  const known = [...all, ...ofSlates].map(({ name }) => name);
  for (const name of names) {
    if (!known.includes(name)) throw new HeadraceError('HR_ARGUMENT', `There is no estimator "${name}".${didYouMean(name, known)}`, { remedy: `Give some of ${known.join(', ')}.` });
    if (!model && all.some((of) => of.name === name) && !plain.has(name)) throw new HeadraceError('HR_EVALUATION_MODEL', `The estimator ${name} needs an outcome model, and a candidate whose whole distribution is known.`, { remedy: 'Give --outcome-model smoothed:10, or leave the estimator out.' });
    if (!slates && ofSlates.some((of) => of.name === name)) throw new HeadraceError('HR_EVALUATION_COLUMNS', `The estimator ${name} needs slates, and the log has none.`, { remedy: 'Log the fields `slate` and `slot`, or leave the estimator out.' });
  }
  return { decisions: all.filter(({ name }) => names.includes(name)), slates: ofSlates.filter(({ name }) => names.includes(name)) };
}
