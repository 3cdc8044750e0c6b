import { type Interaction, interactionsOf } from '../learning/base/interactions.js';
import { choicesOf, encodeChoices } from '../learning/choice-blocks.js';
import { headPlan, type HeadPlan } from '../learning/head-plan.js';
import { columnsOf, inOneOrder, type RowColumns } from '../learning/row-blocks.js';
import { rowsOf, type TrainingRow } from '../learning/training-rows.js';
import { rankingHead } from '../pipelines/ranking-head.js';
import { loggedDecisionWorld } from '../runners/simulate/logged-decision-world.js';
import type { WorldItem } from '../runners/simulate/decision-world.js';
import { epsilonGreedy } from '../serving/explore/epsilon-greedy.js';

const hour = 3_600_000;

/** A world with drift, as the examples of each hour, the decisions of its last part that policies are valued by, and what was clicked. Pages of three slots, 30 % of them explored. */
export function driftingRows({ days, decisionsPerDay, seed, drift = 0.5 }: { readonly days: number; readonly decisionsPerDay: number; readonly seed: number; readonly drift?: number }): { readonly plan: HeadPlan; readonly hours: readonly RowColumns[]; readonly choices: readonly (readonly Uint8Array[])[]; readonly interactions: readonly (readonly Interaction[])[] } {
  const plan = headPlan({ model: rankingHead.model, layout: rankingHead.layout, hidden: [32, 16], training: rankingHead.training, policy: { epsilon: 0.1 }, seed });
  const lists: TrainingRow[][] = Array.from({ length: 24 * days }, () => []);
  const interactions: Interaction[][] = lists.map(() => []);
  const decisions = days * decisionsPerDay;
  const start = Date.UTC(2026, 0, 5);
  const policy = epsilonGreedy<WorldItem>({ epsilon: 0.3, slots: 3, id: 'simulated' });
  for (const decision of loggedDecisionWorld({ decisions, rate: decisionsPerDay / 86_400, seed, drift, policy, start, pmf: 'scheme' })) {
    const h = Math.min(lists.length - 1, Math.floor((decision.time - start) / hour));
    interactions[h]!.push(...interactionsOf(decision));
    for (const row of rowsOf(decision, plan)) lists[h]!.push({ ...row, source: '', next: 0 });
  }
  return { plan, hours: lists.map((list) => inOneOrder(columnsOf(list, plan.shape.inputs))), choices: lists.map((list) => [encodeChoices(choicesOf(list.flatMap(({ choice }) => choice ?? []), plan.shape.inputs))]), interactions };
}
