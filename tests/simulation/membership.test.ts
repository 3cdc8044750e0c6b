/*
 * Members of a group on simulated brokers, step by step: who has which task after each round.
 */
import { describe, expect, test } from 'vitest';
import { createCluster } from '../../connectors/kafka/cluster.js';
import { kafkaSettings } from '../../connectors/kafka/kafka-settings.js';
import { createMembership, type Membership } from '../../connectors/kafka/membership.js';
import { brokerReleases } from './brokers/broker-traits.js';
import { simulatedBrokers } from './brokers/simulated-brokers.js';
import { calm, drawFate } from './faults.js';
import { simulatedNetwork } from './simulated-network.js';
import { type SimulatedProcess, simulatedProcess } from './simulated-process.js';
import { simulatedTime } from './simulated-time.js';

const group = 'members';
const tasks = 4;
const shortSessionMs = 3_000;

/** Two brokers, and what it takes to be a member. */
function world(sessionMs = shortSessionMs) {
  const time = simulatedTime(7);
  const traits = brokerReleases.at(-1)!;
  const brokers = simulatedBrokers(time, traits, 2, () => 1);
  const network = simulatedNetwork({ time, brokers, fate: (key) => drawFate(time, calm, key, traits), note: () => undefined });
  const settings = { ...kafkaSettings({ KAFKA_BROKERS: 'broker-0:9092,broker-1:9092' })!, sessionMs };
  let processes = 0;
  const member = (instance: string): { readonly process: SimulatedProcess; readonly membership: Membership } => {
    const process = simulatedProcess(time, processes++, 0);
    const cluster = createCluster({ settings, clock: process.clock, transport: network.transport(process) });
    return { process, membership: createMembership({ cluster, group, instance, incarnation: { number: process.id, process: `process ${process.id}` }, tasks, whole: false, goesOn: true, copies: () => [], topics: new Map([['in', tasks]]) }) };
  };
  /** Waits for something that a member does. */
  const after = async <T>(promise: Promise<T>): Promise<T> => {
    let isOver = false;
    void promise.finally(() => (isOver = true)).catch(() => undefined);
    await time.runUntil(() => isOver, 100_000);
    return promise;
  };
  const until = async (is: () => boolean): Promise<void> => {
    expect(await time.runUntil(is, 4 * sessionMs)).toBe(true);
  };
  return { time, brokers, member, after, until };
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

  test('begins anew where another coordinator has played a round of the same number without it', async () => {
    // longer than a round waits for a member
    const { time, brokers, member, after, until } = world(60_000);
    const [a, b] = [member('a'), member('b')];
    const first = await after(a.membership.join([]));
    await after(b.membership.join([]));
    await until(() => a.membership.given!.tasks.length === 2);
    a.membership.letGo([0, 1]);
    await until(() => b.membership.given!.tasks.length === 2);
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
    const { brokers, member, after, until } = world(60_000);
    const [a, b] = [member('a'), member('b')];
    await after(a.membership.join([]));
    await after(b.membership.join([]));
    await until(() => a.membership.given!.tasks.length === 2);
    a.membership.letGo([0, 1]);
    await until(() => b.membership.given!.tasks.length === 2);
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
