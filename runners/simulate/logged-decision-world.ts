import type { LoggedDecision } from '../../schemas/generated/logged-decision.js';
import { decisionWorld, type DecisionWorldOptions } from './decision-world.js';

/** Half an hour: what `propensity-log` waits for outcomes. */
const attributionMs = 1_800_000;

/** The decisions of `decisionWorld` with what followed from them, as `propensity-log` writes them; outcomes that come twice count once. */
export function* loggedDecisionWorld(options: DecisionWorldOptions): Generator<LoggedDecision, void, undefined> {
  for (const { decision, outcomes } of decisionWorld(options)) {
    const once = [...new Map(outcomes.map((outcome) => [outcome.outcomeId, outcome])).values()];
    const slots = decision.slots.map((_, slot) => {
      const own = once.filter((outcome) => outcome.slot === slot);
      const parts = own[0]?.parts ?? {};
      return { reward: parts['click'] ?? 0, parts, outcomes: own.length };
    });
    yield { ...decision, reward: slots.reduce((sum, { reward }) => sum + reward, 0), outcomes: slots, outcomeMissing: once.length === 0, duplicateOutcomes: outcomes.length - once.length, lateOutcomes: 0, windowEnd: decision.time + attributionMs };
  }
}
