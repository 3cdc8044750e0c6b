import { type Pulse, type TaskGroup, togetherOutside } from './task-group.js';

/** What the run has to know of all groups together. */
export async function pulseOf(groups: readonly TaskGroup[]): Promise<Pulse> {
  const pulses = await Promise.all(groups.map((group) => group.pulse()));
  return {
    bytes: pulses.reduce((sum, p) => sum + p.bytes, 0),
    nextTimer: pulses.reduce((least, p) => Math.min(least, p.nextTimer), Number.POSITIVE_INFINITY),
    outside: togetherOutside(pulses.map((p) => p.outside)),
  };
}

/** Longest wait where several groups are asked: one cannot be called off because another has an outcome. */
const severalGroupsMs = 20;

/** Waits until one of the groups has an outcome, `ms` milliseconds at most. */
export async function awaitOutcome(groups: readonly TaskGroup[], ms: number): Promise<void> {
  const limit = Math.max(1, groups.length > 1 ? Math.min(ms, severalGroupsMs) : ms);
  await Promise.all(groups.map((group) => group.awaitOutcome(limit)));
}
