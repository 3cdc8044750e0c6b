/** A member of a group, and the tasks that it would keep. */
export interface TaskHolder {
  readonly member: string;
  readonly tasks: readonly number[];
  /** Whether it has been running them; else it has copies of their state. */
  readonly runs: boolean;
}

/**
 * Spreads tasks evenly over members, and moves as few as that allows (sticky, KIP-54). The answer depends on nothing but the arguments.
 *
 * @param tasks how many there are
 * @param whole all tasks go to one member, and the others stand by
 */
export function spreadTasks(members: readonly TaskHolder[], tasks: number, whole = false): ReadonlyMap<string, readonly number[]> {
  const ordered = [...members].sort((a, b) => Number(b.runs) - Number(a.runs) || (a.member < b.member ? -1 : 1));
  const taken = new Set<number>();
  const holding = ordered.map(({ member, tasks: holds }) => {
    const own: number[] = [];
    for (const task of [...holds].sort((a, b) => a - b)) {
      if (task >= tasks || taken.has(task)) continue;
      taken.add(task);
      own.push(task);
    }
    return { member, own };
  });
  if (whole) {
    const one = holding.reduce((most, h) => (h.own.length > most.own.length ? h : most));
    return new Map(holding.map((h) => [h.member, h === one ? Array.from({ length: tasks }, (_, i) => i) : []]));
  }
  // who holds most keeps one more where it does not come out even
  const byHolding = [...holding].sort((a, b) => b.own.length - a.own.length);
  const least = Math.floor(tasks / holding.length);
  const more = tasks % holding.length;
  const room = new Map(byHolding.map((h, i) => [h.member, least + (i < more ? 1 : 0)]));
  const free = Array.from({ length: tasks }, (_, i) => i).filter((task) => !taken.has(task));
  for (const { member, own } of holding) free.push(...own.splice(room.get(member)!));
  free.sort((a, b) => a - b);
  for (const { member, own } of holding) own.push(...free.splice(0, room.get(member)! - own.length));
  return new Map(holding.map(({ member, own }) => [member, own.sort((a, b) => a - b)]));
}
