import { type Duration, durationMs } from '../../dataflow/duration.js';
import { HeadraceError } from '../../dataflow/errors.js';
import { featuresAt, noTiles } from '../../dataflow/features/feature-values.js';
import { type FeatureSet, paneMs } from '../../dataflow/features/features.js';
import { checkOptions } from '../../dataflow/known-options.js';
import type { Decision } from '../../schemas/generated/decision.js';
import type { HeadLayout } from '../head-plan.js';

/** What a feature set gives to decisions. */
export interface ServedSetOptions {
  readonly set: FeatureSet<never, string>;
  /** Whose features they are: those of the user are logged in the context, those of items and creators with each candidate. */
  readonly of: 'user' | 'item' | 'creator';
  /** The feature of the set, such as `ctr_24h`, by the name under which it is logged. */
  readonly features: Readonly<Record<string, string>>;
}

/** Limits from which on served features are told of. */
export interface SkewLimits {
  /** Share of the values that may differ from what their events say: events that come late are in the one and not in the other. @default 0.02 */
  readonly mismatch?: number;
  /** Share of the values that may be missing though there are events. @default 0.01 */
  readonly missing?: number;
  /** Symmetric mean absolute percentage error. @default 0.02 */
  readonly smape?: number;
  /** Age of the newest event in a set's features when they are looked up, that 99 % of the look-ups keep. Values of look-ups that are older are not compared. @default '10m' */
  readonly age?: Duration;
  /** Relative difference up to which two values are the same. @default 1e-6 */
  readonly tolerance?: number;
  /** Values, or look-ups, that an interval needs to be judged by. @default 100 */
  readonly least?: number;
}

/** Which features decisions are made with, and how they are checked. */
export interface ServedFeaturesOptions {
  /** The model that they are served to. */
  readonly model: string;
  /** Names of what decisions log, as the head takes it. */
  readonly layout: HeadLayout;
  readonly sets: readonly ServedSetOptions[];
  /** What is served for a feature that has no value. @default 0 */
  readonly absent?: number;
  /** Share of the users, items and creators that are checked, by the hash of their names. @default 0.1 */
  readonly share?: number;
  /** Decisions from then on are checked (epoch ms): put it one longest window behind the first event that is kept, where older ones are gone. @default all */
  readonly since?: number;
  readonly limits?: SkewLimits;
}

/** A set as decisions log it. */
export interface ServedSet {
  readonly set: FeatureSet;
  readonly of: ServedSetOptions['of'];
  readonly features: readonly { readonly name: string; readonly feature: string; /** Place in the candidate's features. */ readonly place: number }[];
}

/** `ServedFeaturesOptions` with all defaults. */
export interface ServedFeatures {
  readonly model: string;
  readonly layout: HeadLayout;
  readonly sets: readonly ServedSet[];
  readonly absent: number;
  readonly share: number;
  readonly since: number;
  readonly limits: { readonly mismatch: number; readonly missing: number; readonly smape: number; readonly ageMs: number; readonly tolerance: number; readonly least: number };
}

/** What a decision has logged of one entity and set. */
export interface ServedValues {
  readonly entity: string;
  /** When it was decided. */
  readonly time: number;
  /** Newest event that the look-up knew of; null where the decision does not tell. */
  readonly newest: number | null;
  /** In the order of the set's features; null: it is not there, or not a number. */
  readonly values: readonly (number | null)[];
}

/**
 * Declares which features decisions are made with, so that what was served can be held against the events.
 *
 * @throws HR_FEATURE a set has no such feature; HR_ARGUMENT decisions log nothing of that name, or a number is out of its range
 * @example
 * const served = servedFeatures({
 *   model: 'ranking-head',
 *   layout: { context: ['clicks_24h'], candidate: ['score', 'ctr_24h'] },
 *   sets: [
 *     { set: userFeatures, of: 'user', features: { clicks_24h: 'clicks_24h' } },
 *     { set: itemFeatures, of: 'item', features: { ctr_24h: 'ctr_24h' } },
 *   ],
 * });
 */
export function servedFeatures(options: ServedFeaturesOptions): ServedFeatures {
  const what = `the served features of "${options.model}"`;
  checkOptions(options, ['model', 'layout', 'sets', 'absent', 'share', 'since', 'limits'], what);
  checkOptions(options.limits ?? {}, ['mismatch', 'missing', 'smape', 'age', 'tolerance', 'least'], `${what}: limits`);
  const { layout, absent = 0, share = 0.1, since = Number.NEGATIVE_INFINITY, limits: { mismatch = 0.02, missing = 0.01, smape = 0.02, age = '10m', tolerance = 1e-6, least = 100 } = {} } = options;
  if (!(share > 0 && share <= 1)) throw new HeadraceError('HR_ARGUMENT', `${what}: share is ${share}; it is over 0 and up to 1.`);
  for (const [name, limit] of Object.entries({ mismatch, missing, smape })) if (!(limit > 0 && limit < 1)) throw new HeadraceError('HR_ARGUMENT', `${what}: ${name} is ${limit}; it is over 0 and less than 1.`);
  const sets = options.sets.map((given): ServedSet => {
    const set = given.set as unknown as FeatureSet;
    const known = featuresAt(set, noTiles, 0);
    const logged = given.of === 'user' ? layout.context : layout.candidate;
    const features = Object.entries(given.features).map(([name, feature]) => {
      if (!(feature in known) && !(feature.replace(/\{.*\}$/s, '') in known)) throw new HeadraceError('HR_FEATURE', `${what}: the feature set ${set.name} has no feature "${feature}"; it has ${Object.keys(known).join(', ')}.`);
      const place = logged.indexOf(name);
      if (place < 0) throw new HeadraceError('HR_ARGUMENT', `${what}: the layout has no ${given.of === 'user' ? 'context' : 'candidate'} feature "${name}".`);
      return { name, feature, place };
    });
    return { set, of: given.of, features };
  });
  return { model: options.model, layout, sets, absent, share, since, limits: { mismatch, missing, smape, ageMs: durationMs(age, `${what}: age`, paneMs.small), tolerance, least } };
}

/**
 * What a decision has logged of a set: of its user, or of each item or creator that it shows.
 *
 * @throws HR_EXAMPLES a candidate has another number of features than the layout
 */
export function servedValues({ layout, since }: ServedFeatures, { set, of, features }: ServedSet, decision: Decision): ServedValues[] {
  if (decision.time < since) return [];
  const newest = decision.featureTimes[set.name];
  const facts = { time: decision.time, newest: newest === undefined ? null : Number(newest) };
  const number = (value: number | undefined) => (value !== undefined && Number.isFinite(value) ? value : null);
  if (of === 'user') return [{ ...facts, entity: decision.userId, values: features.map(({ name }) => number(decision.context[name])) }];
  const byEntity = new Map<string, ServedValues>();
  for (const { candidate: shown } of decision.slots) {
    const candidate = decision.candidates[shown];
    if (candidate === undefined || candidate.features.length !== layout.candidate.length) {
      throw new HeadraceError('HR_EXAMPLES', `Decision ${decision.decisionId}: a candidate has ${candidate?.features.length ?? 'no'} features; ${layout.candidate.length} are declared.`);
    }
    const entity = of === 'item' ? candidate.itemId : candidate.creatorId;
    byEntity.set(entity, { ...facts, entity, values: features.map(({ place }) => number(candidate.features[place])) });
  }
  return [...byEntity.values()];
}
