/*
 * Groups that grow and shrink on simulated brokers, of processes whose thread is busy for moments: how many tasks move.
 */
import { expect, test } from 'vitest';
import { brokerErrorOf, kafkaError } from '../../connectors/kafka/kafka-errors.js';
import type { Membership } from '../../connectors/kafka/group/membership.js';
import { calm } from './faults.js';
import { groupWorld } from './group-world.js';

const group = 'moves';
const tasks = 8;
const epochMs = 20;
const sessionMs = 10_000;
const seeds = 60;

/** Starts and stops processes step by step. Gives how often one has begun a task in each step, and how often one came too late for its tasks. */
async function movesOf(seed: number, steps: readonly { readonly starts?: readonly string[]; readonly stops?: readonly string[] }[]): Promise<{ readonly moves: number[]; readonly late: number }> {
  let late = 0;
  const { time, member, until } = groupWorld({
    group, tasks, sessionMs, seed,
    weather: { ...calm, latencyMs: seed % 2 === 0 ? 1.5 : 30 },
    note: (what, _process, { key }, _broker, answer) => (late += what === 'answered' && key === 14 && brokerErrorOf(answer)?.number === kafkaError.rebalanceInProgress ? 1 : 0),
  });
  const { between, chance } = time;
  let begun = 0;
  const running = new Map<string, readonly number[]>();
  const wanted = new Set<string>();
  const run = async (name: string): Promise<void> => {
    let own: { readonly tasks: readonly number[]; readonly life: number } | undefined;
    const onGiven = () => own !== undefined && membership.given!.life === own.life && membership.letGo(own.tasks);
    const { process, membership }: { process: ReturnType<typeof member>['process']; membership: Membership } = member(name, { onGiven });
    const isBusy = (): void => {
      if (chance(0.5)) process.stall(between(20, 250));
      time.after(between(100, 500), isBusy);
    };
    isBusy();
    while (wanted.has(name)) {
      const given = own !== undefined && !membership.moving ? membership.given! : await membership.join([]);
      const kept: readonly number[] = given.life === own?.life ? own.tasks : [];
      begun += given.tasks.filter((task) => !kept.includes(task)).length;
      own = { tasks: given.tasks, life: given.life };
      running.set(name, own.tasks);
      membership.letGo(own.tasks);
      while (wanted.has(name) && !membership.moving && membership.given === given) await process.clock.wait(epochMs);
    }
    running.delete(name);
    await membership.leave();
  };
  const isEven = (): boolean => {
    const sizes = [...running.values()].map((own) => own.length);
    return sizes.length === wanted.size && sizes.reduce((a, b) => a + b, 0) === tasks && Math.max(...sizes) - Math.min(...sizes) <= 1;
  };
  const moves: number[] = [];
  for (const { starts = [], stops = [] } of steps) {
    const before = begun;
    for (const name of starts) {
      wanted.add(name);
      time.after(between(0, 200), () => void run(name));
    }
    for (const name of stops) time.after(between(0, 200), () => void wanted.delete(name));
    const soon = time.now() + 300;
    await until(() => time.now() > soon && isEven());
    const after = time.now() + 2_000;
    await until(() => time.now() > after && isEven());
    moves.push(begun - before);
  }
  return { moves, late };
}

test('where processes come and go one by one, only as many tasks move as have to, also where some come too late for a round', async () => {
  let late = 0;
  for (let seed = 1; seed <= seeds; seed++) {
    const run = await movesOf(seed, [{ starts: ['a'] }, { starts: ['b'] }, { starts: ['c'] }, { stops: ['b'] }, { stops: ['c'] }]);
    // of eight tasks a third process gets two, and of three processes one that goes has two or three
    expect([[8, 4, 2, 2, 4], [8, 4, 2, 3, 4]], `seed ${seed}`).toContainEqual(run.moves);
    late += run.late;
  }
  expect(late).toBeGreaterThan(seeds / 10);
});

test('where three come at once, hardly more tasks move than if they had come one by one', async () => {
  const moves: number[] = [];
  for (let seed = 1; seed <= seeds; seed++) moves.push((await movesOf(seed, [{ starts: ['a'] }, { starts: ['b', 'c', 'd'] }])).moves[1]!);
  // one by one 4, 2 and 2; a round that ends before its tasks are spread has all begin anew
  expect(moves.filter((n) => n > 8).length).toBeLessThanOrEqual(seeds / 20);
  expect(Math.min(...moves)).toBe(6);
});
