import type { Finding } from '../../evaluation/diagnostics/finding.js';
import { percent } from '../../evaluation/diagnostics/checks/score.js';
import type { DecisionTable } from '../decision-logs/decision-table.js';

/** Where more decisions than this show something else, the seeds are not those of the draws, and nothing follows. */
const mostChanged = 0.5;

/** Decisions that show something else than their seed draws: re-ranked pages, as far as the log has seeds and distributions. */
export function drawChanged({ draws }: DecisionTable): readonly Finding[] {
  if (draws === undefined || draws.other === 0) return [];
  const share = draws.other / draws.looked;
  const numbers = { share, decisions: draws.other, looked: draws.looked };
  if (share > mostChanged) return [{ code: 'DRAW_CHANGED', severity: 'info', message: `${percent(share)} of the decisions show something else than their seeds draw: these are not the seeds that they were drawn with.`, numbers }];
  return [{ code: 'DRAW_CHANGED', severity: 'error', message: `${draws.other} of ${draws.looked} decisions (${percent(share)}) show something else than was drawn, the first at ${draws.first}: their propensities are not those of what was shown.`, numbers }];
}
