import type { Cut, InputStatus } from './task-group.js';

/**
 * The furthest cut for which everything is read ahead, or undefined when all inputs are at their bound and empty.
 *
 * @param divisible whether a tick that is larger than what is read ahead may be cut; else more has to be read first
 */
export function nextCut(statuses: readonly InputStatus[], divisible = true): Cut | undefined {
  const nextTick = Math.min(...statuses.map((s) => s.nextTick));
  if (nextTick === Number.POSITIVE_INFINITY && statuses.every((s) => s.completeTick === Number.POSITIVE_INFINITY)) return undefined;
  const complete = Math.min(...statuses.map((s) => s.completeTick));
  if (nextTick <= complete || !divisible) return { tick: complete };
  // One tick is larger than what is read ahead: take the first input in order that is not complete as far as it is there.
  const ordered = [...statuses].sort((a, b) => a.task - b.task || a.source - b.source);
  const first = ordered.find((s) => s.completeTick < nextTick);
  if (first === undefined || first.nextTick !== nextTick) return { tick: complete };
  return { tick: nextTick - 1, partial: { tick: nextTick, task: first.task, source: first.source } };
}
