import { beforeEach, describe, expect, test } from 'vitest';
import { changelogBlock } from '../../../../connectors/kafka/state/changelog.js';
import type { EpochRecord } from '../../../../connectors/kafka/state/epochs.js';
import { standbyCopies, type StandbyOptions } from '../../../../connectors/kafka/group/standby-copies.js';
import { HeadraceError } from '../../../../dataflow/errors.js';
import type { RecordBlock } from '../../../../dataflow/record-block.js';
import { memoryCopy } from '../../../simulation/memory-copy.js';

const pipeline = 'p';
const key = Buffer.from('k');

/** The changelog of each task, which others write, and a process that follows some of them. */
function world() {
  const written = new Map<number, { start: number; end: number; blocks: RecordBlock[]; last: EpochRecord }>();
  const copy = memoryCopy(new Map(), 'd', 'i', 1);
  const warned: string[] = [];
  /** Awaited before each block is given, and between two looks. */
  const gates = { read: async (_task: number): Promise<void> => undefined, look: () => {} };
  let looked = Promise.resolve();
  const commit = (task: number, epoch: number, value: string): void => {
    const log = written.get(task) ?? { start: 0, end: 0, blocks: [], last: { epoch: 0, positions: [], journal: [], changelogFrom: 0, by: 'x' } };
    const block = changelogBlock(epoch, [{ step: 's', key, value: Buffer.from(value) }], 0)!;
    log.blocks.push({ ...block, baseOffset: log.end });
    // a marker of the transaction follows
    log.end += block.count + 1;
    log.last = { ...log.last, epoch };
    written.set(task, log);
  };
  const reader = {
    bounds: async ({ partition }: { partition: number }) => ({ start: written.get(partition)?.start ?? 0, end: written.get(partition)?.end ?? 0 }),
    async *all({ partition }: { partition: number }, from: number) {
      const log = written.get(partition)!;
      await gates.read(partition);
      if (from < log.start) throw new HeadraceError('HR_OFFSET_GONE', 'the changelog begins later');
      for (const block of [...log.blocks]) if (block.baseOffset >= from) yield block;
    },
  };
  const options = {
    pipeline,
    copy,
    client: { reader, clock: { now: () => 0, wait: () => new Promise<void>((resolve) => (gates.look = resolve)) } },
    log: { lastEpoch: async (_pipeline: string, task: number) => written.get(task)?.last },
    warn: (message: string) => warned.push(message),
  } as unknown as StandbyOptions;
  return {
    written,
    copy,
    warned,
    gates,
    commit,
    standing: standbyCopies(options),
    /** Lets everything run until nothing moves any more. */
    async settle() {
      looked = new Promise((resolve) => setImmediate(resolve));
      await looked;
    },
    valueOf(task: number) {
      const value = copy.state.of(task).get(pipeline, 's', key);
      return value === undefined ? undefined : Buffer.from(value).toString();
    },
  };
}

describe('copies that follow the changelogs of others', () => {
  let at: ReturnType<typeof world>;
  beforeEach(() => {
    at = world();
    at.commit(0, 1, 'a');
    at.commit(1, 1, 'b');
  });

  test('have what is there, and with each look what has come since', async () => {
    at.standing.follow([0, 1]);
    expect(at.standing.ready).toEqual([]);
    await at.settle();
    expect([at.valueOf(0), at.valueOf(1)]).toEqual(['a', 'b']);
    expect(at.standing.ready).toEqual([0, 1]);
    at.commit(1, 2, 'c');
    expect(at.valueOf(1)).toBe('b');
    at.gates.look();
    await at.settle();
    expect(at.valueOf(1)).toBe('c');
    expect(at.copy.point(1)).toEqual({ epoch: 2, next: 3 });
  });

  test('take changes whose epoch does not show yet', async () => {
    at.commit(0, 2, 'later');
    at.written.get(0)!.last = { ...at.written.get(0)!.last, epoch: 1 };
    at.standing.follow([0]);
    await at.settle();
    expect([at.valueOf(0), at.copy.point(0)?.epoch]).toEqual(['later', 2]);
  });

  test('stand still from the moment at which they are followed no more', async () => {
    let open = (): void => undefined;
    at.gates.read = () => new Promise((resolve) => (open = resolve));
    at.standing.follow([0]);
    await at.settle();
    at.standing.follow([]);
    // this process runs the task now
    at.copy.apply([{ task: 0, writes: [{ step: 's', key, value: Buffer.from('own') }], point: { epoch: 5, next: 9 } }]);
    open();
    await at.settle();
    expect([at.valueOf(0), at.copy.point(0), at.standing.ready, at.warned]).toEqual(['own', { epoch: 5, next: 9 }, [], []]);
  });

  test('begin anew where what they had still to read was deleted', async () => {
    at.standing.follow([0]);
    await at.settle();
    at.commit(0, 2, 'gone');
    at.commit(0, 3, 'whole');
    const log = at.written.get(0)!;
    log.start = 4;
    log.last = { ...log.last, changelogFrom: 4 };
    at.gates.look();
    await at.settle();
    expect([at.valueOf(0), at.copy.point(0)]).toEqual(['whole', { epoch: 3, next: 5 }]);
  });

  test('what keeps one from following is told once, and the others go on', async () => {
    at.gates.read = async (task) => {
      if (task === 0) throw new HeadraceError('HR_KAFKA_UNREACHABLE', 'nobody answers');
    };
    at.standing.follow([0, 1]);
    await at.settle();
    at.gates.look();
    await at.settle();
    expect(at.valueOf(1)).toBe('b');
    expect(at.standing.ready).toEqual([1]);
    expect(at.warned).toEqual(['The copy of task 0 of p cannot follow: nobody answers']);
    at.gates.read = async () => undefined;
    at.gates.look();
    await at.settle();
    expect(at.standing.ready).toEqual([0, 1]);
  });
});
