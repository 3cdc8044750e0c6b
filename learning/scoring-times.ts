import type { Examples } from './examples.js';
import type { ScoringTimes } from './gate.js';
import type { HeadSessions } from './head-sessions.js';

/** Tries of each head, behind one that is not counted. */
const tries = 15;

/** A head, and the examples as it takes them. */
interface TimedHead {
  readonly parameters: Float32Array;
  readonly examples: Examples;
}

/** Median times that two heads take to score the same examples, tried in turn, so that whatever else the machine does meets both. */
export async function scoringTimes(sessions: Pick<HeadSessions, 'score'>, heads: { readonly champion: TimedHead; readonly candidate: TimedHead }, now: () => number): Promise<ScoringTimes> {
  const times = { champion: [] as number[], candidate: [] as number[] };
  for (let k = 0; k <= tries; k++) {
    for (const which of ['champion', 'candidate'] as const) {
      const started = now();
      await sessions.score(heads[which].parameters, heads[which].examples);
      if (k > 0) times[which].push(now() - started);
    }
  }
  const median = (of: number[]) => of.sort((a, b) => a - b)[tries >> 1]!;
  return { champion: median(times.champion), candidate: median(times.candidate) };
}
