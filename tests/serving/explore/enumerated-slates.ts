/** All ordered slates of `slots` out of `n` places. */
export function slates(n: number, slots: number, before: readonly number[] = []): number[][] {
  if (before.length === Math.min(slots, n)) return [[...before]];
  return Array.from({ length: n }, (_, i) => i).filter((i) => !before.includes(i)).flatMap((i) => slates(n, slots, [...before, i]));
}

/** Probabilities of slates, made by playing a random process to its end in all ways. */
export type SlateProbabilities = ReadonlyMap<string, number>;

/** A step of a process: the ways in which it goes on, with their probabilities. */
export type Ways = readonly { readonly p: number; readonly next: Process }[];

/** What has been shown so far, and the ways from here; without ways it is at its end. */
export interface Process {
  readonly shown: readonly number[];
  readonly ways?: () => Ways;
}

export function playedOut(start: Process): SlateProbabilities {
  const out = new Map<string, number>();
  const walk = ({ shown, ways }: Process, p: number): void => {
    if (ways === undefined) out.set(shown.join(), (out.get(shown.join()) ?? 0) + p);
    else for (const way of ways()) if (way.p > 0) walk(way.next, p * way.p);
  };
  walk(start, 1);
  return out;
}

/** Draws items without replacement: `pick` gives the ways to choose one of those that are left. */
export function filling(n: number, slots: number, pick: (left: readonly number[], shown: readonly number[]) => readonly { readonly p: number; readonly item: number }[], shown: readonly number[] = []): Process {
  const left = Array.from({ length: n }, (_, i) => i).filter((i) => !shown.includes(i));
  if (shown.length === slots || left.length === 0) return { shown };
  return { shown, ways: () => pick(left, shown).map(({ p, item }) => ({ p, next: filling(n, slots, pick, [...shown, item]) })) };
}

export const anyOf = (left: readonly number[]) => left.map((item) => ({ p: 1 / left.length, item }));

export const bestOf = (scores: readonly number[]) => (left: readonly number[]) => {
  const best = Math.max(...left.map((i) => scores[i]!));
  return anyOf(left.filter((i) => scores[i] === best));
};
