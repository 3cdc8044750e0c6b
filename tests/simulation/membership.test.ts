/*
 * Members of a group on simulated brokers, step by step: who has which task after each round.
 */
import { describe, expect, test } from 'vitest';
import { type GroupWorld, groupWorld } from './group-world.js';

const group = 'members';
const tasks = 4;
const shortSessionMs = 3_000;
const world = (sessionMs = shortSessionMs) => groupWorld({ group, tasks, sessionMs });

/** Two members, of which one has handed half of its tasks over to the other. */
async function twoMembers({ member, after, until }: GroupWorld) {
  const [a, b] = [member('a'), member('b')];
  const first = await after(a.membership.join([]));
  await after(b.membership.join([]));
  await until(() => a.membership.given!.tasks.length === 2);
  a.membership.letGo([0, 1]);
  await until(() => b.membership.given!.tasks.length === 2);
  b.membership.letGo([2, 3]);
  return { a, b, first };
}

describe('a member that goes on', () => {
  test('keeps what it runs while another joins, and hands over what it lets go', async () => {
    const { member, after, until } = world();
    const [a, b] = [member('a'), member('b')];
    const first = await after(a.membership.join([]));
    expect(first.tasks).toEqual([0, 1, 2, 3]);
    const begun = first.member.now();
    expect((await after(b.membership.join([]))).tasks).toEqual([]);
    await until(() => a.membership.given!.tasks.length === 2);
    const { given } = a.membership;
    expect(given).toMatchObject({ tasks: [0, 1], life: first.life });
    expect(a.membership.moving).toBe(false);
    // it commits in the new generation what it has begun in the one before
    expect(first.member.now()).toEqual({ ...begun, generation: begun.generation + 1 });
    expect(b.membership.given!.tasks).toEqual([]);
    a.membership.letGo([0, 1]);
    await until(() => b.membership.given!.tasks.length === 2);
    expect([a.membership.given!.tasks, b.membership.given!.tasks]).toEqual([[0, 1], [2, 3]]);
    expect(a.membership.given!.life).toBe(first.life);
  });

  test('that dies before it lets go, and comes back without it, leaves no task with nobody', async () => {
    const { member, after, until } = world();
    const [a, b] = [member('a'), member('b')];
    await after(a.membership.join([]));
    await after(b.membership.join([]));
    await until(() => a.membership.given!.tasks.length === 2);
    a.process.kill();
    const again = member('a');
    // it takes the place of itself, and gets what that was given
    expect((await after(again.membership.join([]))).tasks).toEqual([0, 1]);
    await until(() => b.membership.given!.tasks.length === 2);
    expect(again.membership.given!.tasks).toEqual([0, 1]);
  });

  test('whose session is over begins anew, and commits nothing of before', async () => {
    const { member, after, until } = world();
    const [a, b] = [member('a'), member('b')];
    const first = await after(a.membership.join([]));
    await after(b.membership.join([]));
    await until(() => a.membership.given!.tasks.length === 2);
    a.process.stall(2 * shortSessionMs);
    await until(() => b.membership.given!.tasks.length === tasks);
    await until(() => a.membership.given!.life !== first.life);
    expect(() => first.member.now()).toThrow(expect.objectContaining({ code: 'HR_EPOCH_FENCED' }));
    await expect(first.member.renewed!({ group, generation: 1, member: 'a-1' })).rejects.toMatchObject({ code: 'HR_EPOCH_FENCED' });
    // it holds nothing, and waits until the other lets go
    expect(a.membership.given!.tasks).toEqual([]);
  });

  test('keeps what it runs where it comes too late for the tasks of a round', async () => {
    const on = world();
    const { brokers, member, after, until } = on;
    const { a, b } = await twoMembers(on);
    const before = b.membership.given!;
    const { generation, member: name } = before.member.now();
    const c = member('c');
    const joining = c.membership.join([]);
    await until(() => brokers.groups.heartbeat(group, name, 'b', generation + 1) === 0);
    // it has joined, and does not ask for its tasks before the next round has begun
    b.process.stall(500);
    await after(joining);
    await until(() => a.membership.given!.member.now().generation === generation + 1);
    await after(member('d').membership.join([]));
    await until(() => b.membership.given !== before);
    expect(b.membership.given!.member.now().generation).toBeGreaterThan(generation + 1);
    expect(b.membership.given!.life).toBe(before.life);
    expect(before.member.now().generation).toBe(b.membership.given!.member.now().generation);
  });

  test('begins anew where another coordinator has played a round of the same number without it', async () => {
    // longer than a round waits for a member
    const on = world(60_000);
    const { time, brokers, member, after, until } = on;
    const { a, first } = await twoMembers(on);
    const { generation, member: name } = first.member.now();
    const joining = member('c').membership.join([]);
    // all have joined, and none has been given tasks: another broker, who takes over then, knows the round before
    await until(() => brokers.groups.heartbeat(group, name, 'a', generation + 1) === 0);
    a.process.stall(40_000);
    brokers.move(`group ${group}`, 10);
    await after(joining);
    await time.runUntil(() => a.membership.given!.life !== first.life, 60_000);
    expect(a.membership.given!.life).not.toBe(first.life);
    expect(() => first.member.now()).toThrow(expect.objectContaining({ code: 'HR_EPOCH_FENCED' }));
  });
});

describe('a process that takes the place of the one before it', () => {
  test('joins again where a coordinator takes over that knows the one before, and not it', async () => {
    const on = world(60_000);
    const { brokers, member, after, until } = on;
    const { a, b } = await twoMembers(on);
    const { generation, member: name } = b.membership.given!.member.now();
    a.process.kill();
    // a round is being played when the next process on the machine of `a` joins it: nothing is written down of it before the end of the round
    const c = member('c');
    const joining = c.membership.join([]);
    await until(() => brokers.groups.heartbeat(group, name, 'b', generation) !== 0);
    const again = member('a');
    const coming = again.membership.join([]);
    await until(() => brokers.groups.heartbeat(group, name, 'b', generation + 1) === 0);
    brokers.move(`group ${group}`, 10);
    await after(coming);
    await after(joining);
    await until(() => again.membership.given!.tasks.length > 0);
    expect(again.membership.replaced).toBe(false);
  });

  test('is the only one that stays: the one before ends, also when the coordinator knows that one again', async () => {
    const { time, brokers, member, after, until } = world();
    const [a, b] = [member('a'), member('b')];
    await after(a.membership.join([]));
    await after(b.membership.join([]));
    await until(() => a.membership.given!.tasks.length === 2);
    const later = member('a');
    const given = await after(later.membership.join([]));
    expect(given.tasks).toEqual([0, 1]);
    await until(() => a.membership.replaced);
    await expect(after(a.membership.join([]))).rejects.toMatchObject({ code: 'HR_EPOCH_FENCED', message: expect.stringContaining('as a') as unknown });
    brokers.move(`group ${group}`, 10);
    await time.runUntil(() => false, 4 * shortSessionMs);
    expect(later.membership.replaced).toBe(false);
    expect(brokers.groups.members(group).map(({ instance }) => instance).sort()).toEqual(['a', 'b']);
  });
});

describe('members that would run the pipeline otherwise than others', () => {
  test('are told so, and the others go on with what they run', async () => {
    const on = world();
    const { member, after, until } = on;
    const { a, b, first } = await twoMembers(on);
    const given = b.membership.given!;
    const c = member('c', { terms: 'bounded' });
    await expect(after(c.membership.join([]))).rejects.toMatchObject({ code: 'HR_GROUP_MISMATCH', message: 'Other processes run members live; this one would run it bounded.' });
    await after(c.membership.leave());
    const { generation } = given.member.now();
    await until(() => given.member.now().generation > generation);
    expect(a.membership.given).toMatchObject({ tasks: [0, 1], life: first.life });
    expect(b.membership.given).toMatchObject({ tasks: [2, 3], life: given.life });
  });

  test('are refused also in the place of the one that led', async () => {
    const on = world();
    const { member, after, until } = on;
    const { a, b } = await twoMembers(on);
    a.process.kill();
    const again = member('a', { terms: 'bounded' });
    await expect(after(again.membership.join([]))).rejects.toMatchObject({ code: 'HR_GROUP_MISMATCH' });
    await after(again.membership.leave());
    await until(() => b.membership.given!.tasks.length === tasks);
  });

  test('go on where the one that ran it so has died, and they have its name', async () => {
    const { member, after } = world();
    const a = member('a');
    await after(a.membership.join([]));
    a.process.kill();
    const again = member('a', { terms: 'bounded' });
    expect((await after(again.membership.join([]))).tasks).toEqual([0, 1, 2, 3]);
  });
});
