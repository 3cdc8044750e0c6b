/* Processes share a pipeline whichever client each has, and shut out one that has it as a whole. */
import { afterAll, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { type KafkaRuntime, openKafka } from '../../../../connectors/kafka/kafka-runtime.js';
import { kafkaSettings } from '../../../../connectors/kafka/kafka-settings.js';
import { openStateCopy, type StateCopy } from '../../../../connectors/kafka/state/state-copy.js';
import { blockOf, readAll } from '../../../contracts/log-client-contract.js';
import { kafkaBrokers } from '../../../services/kafka-brokers.js';
import { temporaryDirectory } from '../../embedded/temporary-directory.js';
import { deleteTopics } from '../delete-topics.js';

const brokers = await kafkaBrokers();
const pipeline = 'share-pipeline';
const input = `${pipeline}-in`;
const output = `${pipeline}-out`;
const tasks = 4;
const clients = ['columnar', 'kafkajs'] as const;

describe.skipIf(brokers === undefined)('who runs a pipeline', () => {
  const clean = () => deleteTopics(brokers!, [input, output], [pipeline]);
  beforeEach(clean);
  afterAll(clean);
  const settingsOf = (client: (typeof clients)[number]) => kafkaSettings({ KAFKA_BROKERS: brokers, HEADRACE_KAFKA_CLIENT: client, KAFKA_SESSION_MS: '6000', KAFKA_STANDBY: '1' })!;
  const opened = async (runtime: KafkaRuntime): Promise<KafkaRuntime> => {
    onTestFinished(() => runtime.close());
    for (const topic of [input, output]) await runtime.log.createTopic(topic, { partitions: tasks });
    return runtime;
  };
  /** A process in the group of the pipeline; it commits one record for each of its tasks. */
  const start = async (client: (typeof clients)[number], exchanges: boolean, named: Partial<StateCopy> = {}) => {
    const runtime = await opened(await openKafka({ settings: settingsOf(client), dataDir: temporaryDirectory(), mode: 'read' }, { openCopy: (...args) => ({ ...openStateCopy(...args), ...named }) }));
    const shares = await runtime.join({ pipeline, tasks, whole: false, exchanges, topics: new Map([[input, tasks]]), terms: 'alike' });
    onTestFinished(() => shares.leave());
    const commit = (epoch: number, owned: readonly number[]) =>
      runtime.log.commit({
        pipeline, epoch, tasks: owned, state: [],
        outputs: owned.map((partition) => ({ topic: output, partition, block: blockOf([{ key: null, value: `${client} ${epoch}`, timestamp: 1 }]) })),
        positions: owned.map((partition) => ({ topic: input, partition, offset: epoch })),
        journal: [],
      });
    return { ...runtime, shares, commit };
  };
  /** Has processes take part until `isDone` likes the tasks that they have. */
  const takePart = async (processes: readonly Awaited<ReturnType<typeof start>>[], isDone: (owned: readonly (readonly number[])[]) => boolean): Promise<readonly (readonly number[])[]> => {
    const owned = processes.map((): readonly number[] => []);
    const goOn = () => !isDone(owned) || processes.some(({ shares }) => shares.moving);
    await Promise.all(
      processes.map(async ({ shares }, i) => {
        while (goOn()) {
          if (shares.moving || owned[i]!.length === 0) owned[i] = (await shares.next()).tasks;
          await new Promise(setImmediate);
        }
      }),
    );
    return owned;
  };

  test.each(clients.flatMap((one) => clients.map((other) => [one, other] as const)))('%s and %s share its tasks, and what one has lost it cannot commit any more', async (one, other) => {
    // where tasks send to one another, a process is a member only while it asks for shares
    const first = await start(one, true);
    expect(await takePart([first], ([all]) => all?.length === tasks)).toEqual([[0, 1, 2, 3]]);
    await first.commit(1, [0, 1, 2, 3]);
    const second = await start(other, true);
    const [mine, others] = (await takePart([first, second], (owned) => owned.every((own) => own.length === tasks / 2))) as [readonly number[], readonly number[]];
    expect([...mine, ...others].sort()).toEqual([0, 1, 2, 3]);
    expect(await first.directory.members(pipeline)).toHaveLength(2);
    await first.commit(2, mine);
    await second.commit(2, others);
    // the first one does not come, and its session ends
    const [taken] = await takePart([second], ([all]) => all?.length === tasks);
    await expect(first.commit(3, mine)).rejects.toMatchObject({ code: 'HR_EPOCH_FENCED' });
    await second.commit(3, taken!);
    for (const task of taken!) expect((await readAll(second.log, output, task)).map((r) => r.value)).toEqual([`${one} 1`, `${mine.includes(task) ? one : other} 2`, `${other} 3`]);
  });

  test.each(clients.flatMap((one) => clients.map((other) => [one, other] as const)))('%s goes on with its tasks while %s joins, and hands over what it lets go', async (one, other) => {
    const first = await start(one, false);
    let { tasks: mine } = await first.shares.next();
    let epoch = 0;
    await first.commit(++epoch, mine);
    const second = await start(other, false);
    let others: readonly number[] = [];
    const joining = takePart([second], ([own]) => {
      others = own!;
      return own!.length === tasks / 2;
    });
    const last = new Map<number, number>();
    // it commits all the time: before, while and after both join
    for (let after = 0; after < 5; after += others.length === tasks / 2 ? 1 : 0) {
      if (first.shares.moving) {
        const share = await first.shares.next();
        expect(share).toEqual({ tasks: mine.slice(0, tasks / 2), kept: mine.slice(0, tasks / 2) });
        mine = share.tasks;
      }
      await first.commit(++epoch, mine);
      for (const task of mine) last.set(task, epoch);
    }
    await joining;
    expect([...mine, ...others].sort()).toEqual([0, 1, 2, 3]);
    // behind the last epoch of what it has
    const next = last.get(others[0]!)! + 1;
    await second.commit(next, others);
    for (let task = 0; task < tasks; task++) {
      const values = Array.from({ length: last.get(task)! }, (_, i) => `${one} ${i + 1}`);
      expect((await readAll(second.log, output, task)).map((r) => r.value)).toEqual(mine.includes(task) ? values : [...values, `${other} ${next}`]);
    }
    expect(last.get(others[0]!)).toBeLessThan(epoch);
  });

  test.each([false, true])('of two processes over copies of one data directory the later one stays, and the other ends with an error (exchanges: %s)', async (exchanges) => {
    const earlier = await start('columnar', exchanges, { instance: 'copied', opening: 2 });
    const { tasks: mine } = await earlier.shares.next();
    await earlier.commit(1, mine);
    const later = await start('columnar', exchanges, { instance: 'copied', opening: 3 });
    const { tasks: theirs } = await later.shares.next();
    await later.commit(2, theirs);
    await expect(earlier.commit(2, mine)).rejects.toMatchObject({ code: 'HR_EPOCH_FENCED' });
    // it joins again, and is told
    const told = { code: 'HR_EPOCH_FENCED', message: expect.stringMatching(/Another process/) as unknown };
    await earlier.shares.lose().catch(() => undefined);
    await expect(earlier.shares.next()).rejects.toMatchObject(told);
    await expect(earlier.shares.lose()).rejects.toMatchObject(told);
    await later.commit(3, theirs);
    expect(later.shares.moving).toBe(false);
  });

  test.each(clients)('a copy of %s follows what another process commits, and who has it takes over from there', async (client) => {
    const entry = { step: 's', key: Buffer.from('k') };
    const first = await start(client, false);
    const { tasks: all } = await first.shares.next();
    const write = (epoch: number, value: string | null) =>
      first.log.commit({ pipeline, epoch, tasks: all, state: all.map((task) => ({ ...entry, task, value: value === null ? null : Buffer.from(value) })), outputs: [], positions: all.map((partition) => ({ topic: input, partition, offset: epoch })), journal: [] });
    await write(1, 'old');
    const second = await start(client, false);
    await second.shares.next();
    const { directory, state, shares } = second;
    const copied = (task: number) => Buffer.from(state.of(task).get(pipeline, entry.step, entry.key) ?? '').toString();
    // first runs all of them until it asks for its next share
    await vi.waitUntil(() => all.every((task) => copied(task) === 'old'), { timeout: 20_000 });
    expect((await directory.members(pipeline))!.map(({ standby }) => standby?.length ?? 0).sort()).toEqual([0, tasks]);
    await write(2, 'new');
    await vi.waitUntil(() => all.every((task) => copied(task) === 'new'), { timeout: 20_000 });
    await first.shares.leave();
    const [taken] = await takePart([second], ([own]) => own?.length === tasks);
    expect(taken).toEqual(all);
    expect(all.map(copied)).toEqual(all.map(() => 'new'));
    await shares.leave();
  });

  test.each(clients)('a group of %s takes over from a process that had it as a whole, which is shut out', async (client) => {
    const whole = await opened(await openKafka({ settings: settingsOf(client), dataDir: temporaryDirectory(), mode: 'write', pipeline, tasks: 1 }));
    const commit = (epoch: number) => whole.log.commit({ pipeline, epoch, outputs: [{ topic: output, partition: 0, block: blockOf([{ key: null, value: `whole ${epoch}`, timestamp: 1 }]) }], state: [], positions: [{ topic: input, partition: 0, offset: epoch }], journal: [] });
    await commit(1);
    const runtime = await opened(await openKafka({ settings: settingsOf('columnar'), dataDir: temporaryDirectory(), mode: 'read' }));
    const shares = await runtime.join({ pipeline, tasks: 1, whole: false, exchanges: false, topics: new Map([[input, 1]]), terms: 'alike' });
    onTestFinished(() => shares.leave());
    expect(await shares.next()).toEqual({ tasks: [0], kept: [] });
    await expect(commit(2)).rejects.toMatchObject({ code: 'HR_EPOCH_FENCED' });
    await runtime.log.commit({ pipeline, epoch: 2, outputs: [], state: [], positions: [{ topic: input, partition: 0, offset: 2 }], journal: [] });
    expect((await readAll(runtime.log, output, 0)).map((r) => r.value)).toEqual(['whole 1']);
  });
});
