/** A member of a group, and the tasks that it would keep. */
export interface TaskHolder {
  readonly member: string;
  /** The tasks that it runs, or has been running. */
  readonly runs: readonly number[];
  /** The tasks that it ran for as long as they were its own: others may run them. @default none */
  readonly ran?: readonly number[];
  /** It goes on running them: nobody else may have one of them before it has let go. */
  readonly goesOn: boolean;
  /** The tasks of which it has a copy of the state that follows the changelog. */
  readonly standby: readonly number[];
  /** The tasks of which it has a copy of the state. */
  readonly copies: readonly number[];
}

/**
 * Spreads tasks evenly over members, and moves as few as that allows (sticky, KIP-54). The answer depends on nothing but the arguments.
 *
 * @param tasks how many there are
 * @param whole all tasks go to one member, and the others stand by
 */
export function spreadTasks(members: readonly TaskHolder[], tasks: number, whole = false): ReadonlyMap<string, readonly number[]> {
  const ordered = [...members].sort((a, b) => b.runs.length - a.runs.length || (a.member < b.member ? -1 : 1)).map((holder) => ({ ...holder, own: [] as number[] }));
  const taken = new Set<number>();
  for (const held of ['runs', 'ran', 'standby', 'copies'] as const) {
    for (const holder of ordered) {
      for (const task of [...(holder[held] ?? [])].sort((a, b) => a - b)) {
        if (task >= tasks || taken.has(task)) continue;
        taken.add(task);
        holder.own.push(task);
      }
    }
  }
  if (whole) {
    const one = ordered.reduce((most, h) => (h.own.length > most.own.length ? h : most));
    return new Map(ordered.map((h) => [h.member, h === one ? Array.from({ length: tasks }, (_, i) => i) : []]));
  }
  // who holds most keeps one more where it does not come out even
  const byHolding = [...ordered].sort((a, b) => b.own.length - a.own.length);
  const least = Math.floor(tasks / ordered.length);
  const more = tasks % ordered.length;
  const room = new Map(byHolding.map((h, i) => [h.member, least + (i < more ? 1 : 0)]));
  const free = Array.from({ length: tasks }, (_, i) => i).filter((task) => !taken.has(task));
  for (const { member, own } of ordered) free.push(...own.splice(room.get(member)!));
  free.sort((a, b) => a - b);
  for (const { member, own } of ordered) own.push(...free.splice(0, room.get(member)! - own.length));
  return new Map(ordered.map(({ member, own }) => [member, own.sort((a, b) => a - b)]));
}

/** What members get in one round. */
export interface Round {
  readonly shares: ReadonlyMap<string, readonly number[]>;
  /** Some tasks are with nobody: who runs them lets go and joins again, and then they are given away. */
  readonly isPartial: boolean;
}

/** One round of spreading tasks (incremental cooperative rebalancing, KIP-429): each member gets of its share what no other is running, so members go on while they join. */
export function spreadRound(members: readonly TaskHolder[], tasks: number, whole = false): Round {
  const going = members.filter(({ goesOn }) => goesOn);
  const isFree = (task: number, member: string): boolean => going.every((other) => other.member === member || !other.runs.includes(task));
  const shares = new Map([...spreadTasks(members, tasks, whole)].map(([member, share]) => [member, share.filter((task) => isFree(task, member))]));
  return { shares, isPartial: [...shares.values()].reduce((sum, { length }) => sum + length, 0) < tasks };
}

/**
 * Says which tasks members keep copies of while others run them: each task has `each` of them where there are so many other members, evenly spread. Who has a copy already goes on with it, as far as that is even.
 *
 * @param shares what members run
 */
export function spreadStandby(members: readonly TaskHolder[], shares: Round['shares'], tasks: number, each: number): ReadonlyMap<string, readonly number[]> {
  const standing = members.map((holder) => ({ ...holder, kept: [] as number[] })).sort((a, b) => (a.member < b.member ? -1 : 1));
  const most = Math.ceil((tasks * each) / Math.max(1, members.length));
  for (let task = 0; task < tasks; task++) {
    // what a member is still to let go of it has anyway
    const others = standing.filter(({ member, runs, goesOn }) => !shares.get(member)!.includes(task) && !(goesOn && runs.includes(task)));
    const cost = ({ standby, copies, kept }: (typeof others)[number]) => (kept.length < most ? 0 : 4) + (standby.includes(task) ? 0 : copies.includes(task) ? 1 : 2);
    others.sort((a, b) => cost(a) - cost(b) || a.kept.length - b.kept.length);
    for (const { kept } of others.slice(0, each)) kept.push(task);
  }
  return new Map(standing.map(({ member, kept }) => [member, kept]));
}
