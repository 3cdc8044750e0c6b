import type { ModelEvent } from '../schemas/generated/model-event.js';
import type { HeadPlan } from './head-plan.js';
import type { IntervalOutcome } from './train-interval.js';

/** The versions of a model that a training has to do with. */
export interface ModelLine {
  /** Versions that were ever registered. */
  readonly versions: number;
  readonly champion: ModelEvent | undefined;
  /** The champion before, while there is one to go back to. */
  readonly previous: ModelEvent | undefined;
  /** On their way to be champion, oldest first; each was trained from the one before it. */
  readonly trials: readonly ModelEvent[];
  /** The champion of the base. */
  readonly base?: Pick<ModelEvent, 'version' | 'artefact'> | undefined;
}

export const noVersions: ModelLine = { versions: 0, champion: undefined, previous: undefined, trials: [] };

/** The line behind a change of the base: a new champion is it from then on. One that is retired without another stays: heads name it. */
export function baseChangedBy(line: ModelLine, event: ModelEvent): ModelLine {
  return event.stage === 'CHAMPION' ? { ...line, base: event } : line;
}

/** The line behind a change that somebody else has made: a person's promotion or rollback. Whoever makes a champion by hand means it, so there is nothing to go back to by itself. */
export function changedBy(line: ModelLine, event: ModelEvent): ModelLine {
  const versions = Math.max(line.versions, event.version);
  const others = line.trials.filter((trial) => trial.version !== event.version);
  if (event.stage === 'CHAMPION') return { ...line, versions, champion: event, previous: undefined, trials: others.filter((trial) => trial.version > event.version && trial.parent !== null && isFrom(others, trial, event.version)) };
  if (event.stage === 'SHADOW' || event.stage === 'CANARY') return { ...line, versions, trials: [...others, event].sort((a, b) => a.version - b.version) };
  const isChampion = line.champion?.version === event.version;
  return { ...line, versions, champion: isChampion ? undefined : line.champion, previous: line.previous?.version === event.version ? undefined : line.previous, trials: others };
}

function isFrom(trials: readonly ModelEvent[], trial: ModelEvent, ancestor: number): boolean {
  if (trial.parent === null || trial.parent === ancestor) return trial.parent === ancestor;
  const parent = trials.find(({ version }) => version === trial.parent);
  return parent !== undefined && isFrom(trials, parent, ancestor);
}

/** What a candidate is registered with. */
export interface CandidateFacts {
  readonly artefact: string;
  readonly bytes: number;
  readonly inputs: Readonly<Record<string, number>>;
}

/**
 * The line behind an interval, and the events that tell of it: first what a guardrail has ended, then the versions that go on by a stage, then the candidate.
 *
 * @param options.candidate undefined: none was trained
 * @param options.isContested somebody has changed the line meanwhile: the candidate is registered, and goes no further by itself
 */
export function lineAfter(line: ModelLine, outcome: IntervalOutcome, options: { readonly plan: HeadPlan; readonly time: number; readonly source: string; readonly candidate: CandidateFacts | undefined; readonly isContested: boolean }): { readonly line: ModelLine; readonly events: readonly ModelEvent[] } {
  const { plan, time, source, candidate } = options;
  const events: ModelEvent[] = [];
  let { versions, champion, previous } = line;
  let trials = [...line.trials];
  const staged = (of: ModelEvent, stage: ModelEvent['stage'], reason: string): ModelEvent => {
    const event: ModelEvent = { ...of, time, kind: 'STAGED', stage, share: stage === 'CANARY' ? plan.canaryShare : 0, reason, source };
    events.push(event);
    return event;
  };
  const crown = (next: ModelEvent, reason: string) => {
    if (champion !== undefined) previous = staged(champion, 'RETIRED', `${plan.model} ${next.version} takes its place`);
    champion = staged(next, 'CHAMPION', reason);
  };
  const advanced = (version: ModelEvent, reason: string) => {
    const done = version.stage === 'SHADOW' ? 'shadow' : version.stage === 'CANARY' ? 'canary' : undefined;
    const next = plan.rollout[done === undefined ? 0 : plan.rollout.indexOf(done) + 1];
    // The first one has nobody to be compared with.
    if (next === undefined || champion === undefined) crown(version, reason);
    else trials.push(staged(version, next === 'shadow' ? 'SHADOW' : 'CANARY', reason));
  };

  if (!options.isContested) {
    if (outcome.rolledBack !== undefined && previous !== undefined) {
      const back = previous;
      crown(back, `rolled back from version ${champion!.version}: ${outcome.rolledBack}`);
      previous = undefined;
    }
    if (outcome.failedTrial !== undefined) {
      const { index, why } = outcome.failedTrial;
      for (const [i, trial] of trials.splice(index).entries()) staged(trial, 'RETIRED', i === 0 ? why : `it was trained from version ${trial.parent}, which had to go`);
    }
    if (outcome.judgesTrials) for (const trial of trials.splice(0)) advanced(trial, 'it was not worse than the champion');
  }
  if (candidate !== undefined && outcome.head !== undefined) {
    const isPassed = outcome.verdict.verdict === 'passed';
    const { auc, entropy, calibration } = outcome.candidate!;
    const metrics = Object.fromEntries(Object.entries({ auc, entropy, calibration, learned: outcome.learned, replayed: outcome.replayed, negatives: outcome.head.negatives, base: line.base?.version ?? null }).filter((e): e is [string, number] => e[1] !== null));
    const refused = outcome.verdict.checks.filter((c) => c.verdict !== 'passed').map((c) => `${c.name}: ${c.why}`).join('; ');
    versions += 1;
    const registered: ModelEvent = {
      model: plan.model,
      version: versions,
      time,
      kind: 'REGISTERED',
      stage: isPassed ? 'CANDIDATE' : 'REJECTED',
      share: 0,
      artefact: candidate.artefact,
      bytes: candidate.bytes,
      parent: outcome.parent,
      metrics,
      verdict: JSON.stringify(outcome.verdict),
      inputs: { ...candidate.inputs },
      reason: isPassed && options.isContested ? 'the champion was changed while it was trained: it goes no further by itself' : refused,
      source,
    };
    events.push(registered);
    if (isPassed && !options.isContested) advanced(registered, 'it has passed the gate');
  }
  return { line: { ...line, versions, champion, previous, trials }, events };
}
