import { HeadraceError } from '../../../dataflow/errors.js';
import { entryOfTask } from '../../../dataflow/journal-entries.js';
import type { EpochCommit, JournalEntry, LogClient, Position } from '../../../dataflow/ports/log-client.js';
import type { SharedPipeline, TaskShares } from '../../../dataflow/ports/task-shares.js';
import type { RecordBlock } from '../../../dataflow/record-block.js';
import { offsetAt } from '../../../dataflow/record-block.js';
import type { Random } from '../../../dataflow/splitmix.js';
import type { Runtime } from '../../../runners/engine/job.js';
import { sliceBlock } from '../../../runners/engine/record-rows.js';
import { memoryRuntime, type MemoryRuntime } from '../../../runners/testing/memory-runtime.js';

/** The process is killed: nothing of it happens any more. */
export class Killed extends Error {}

/** Lets one of those that wait go on at a time, chosen by a seed: what processes do alternates in any order. */
export interface Turns {
  /** Resolves when it is this one's turn. */
  next(isKilled?: () => boolean): Promise<void>;
  /** Runs until nobody waits and `isOver`. */
  run(isOver: () => boolean): Promise<void>;
}

export function createTurns(random: Random): Turns {
  const waiting: { readonly go: () => void; readonly kill: () => void; readonly isKilled: () => boolean }[] = [];
  return {
    next: (isKilled = () => false) => new Promise((go, reject) => waiting.push({ go, kill: () => reject(new Killed()), isKilled })),
    async run(isOver) {
      while (!isOver()) {
        // all that can happen without a turn happens first
        await new Promise(setImmediate);
        if (waiting.length === 0) continue;
        const [chosen] = waiting.splice(random.below(waiting.length), 1);
        if (chosen!.isKilled()) chosen!.kill();
        else chosen!.go();
      }
    },
  };
}

/** One runtime in memory that several processes share, as they do on Kafka: a group gives tasks to its members, and commits of who has lost them are refused. */
export interface SharedMemory {
  readonly all: MemoryRuntime;
  readonly journal: () => readonly (readonly JournalEntry[])[];
  /** Up to where an input is processed. */
  readonly position: (topic: string, partition: number) => number;
  /** Runs that were sent from task to task. */
  readonly sent: () => number;
  /** The runtime as a process sees it. */
  join(isKilled: () => boolean): { readonly runtime: Runtime; readonly gone: () => void; /** Its session is over: it learns of it when it commits, or looks. */ readonly expire: () => void };
}

interface Member {
  ready: ((tasks: readonly number[]) => void) | undefined;
  moving: boolean;
  tasks: readonly number[];
  generation: number;
  isWhole: boolean;
}

export function sharedMemory(tasks: number, turns: Turns, random: Random): SharedMemory {
  const all = memoryRuntime();
  const last = Array.from({ length: tasks }, () => ({ epoch: 0, positions: new Map<string, Position>(), journal: [] as JournalEntry[] }));
  const parcels = Array.from({ length: tasks }, (): RecordBlock[] => []);
  /** Parcels before are deleted. */
  const starts = new Float64Array(tasks);
  let members: Member[] = [];
  let generation = 0;
  let senders = 0;

  const rebalance = () => {
    for (const member of members) member.moving = true;
    if (members.some(({ ready }) => ready === undefined)) return;
    generation += 1;
    const isWhole = members.some((member) => member.isWhole);
    const order = Array.from({ length: tasks }, (_, i) => i).sort(() => random.below(3) - 1);
    members.forEach((member, i) => {
      const ready = member.ready!;
      Object.assign(member, { ready: undefined, moving: false, generation, tasks: order.filter((_, n) => (isWhole ? i === 0 : n % members.length === i)).sort((a, b) => a - b) });
      ready(member.tasks);
    });
  };
  return {
    all,
    journal: () => last.map(({ journal }) => journal),
    position: (topic, partition) => last[partition]!.positions.get(topic)?.offset ?? 0,
    sent: () => parcels.reduce((sum, blocks) => sum + blocks.length, 0),
    join(isKilled) {
      const member: Member = { ready: undefined, moving: true, tasks: [], generation: -1, isWhole: false };
      const turn = async () => {
        await turns.next(isKilled);
        if (isKilled()) throw new Killed();
      };
      const log: LogClient = {
        ...all.log,
        async committed() {
          const own = member.tasks.map((task) => last[task]!);
          if (own.every(({ epoch }) => epoch === 0)) return undefined;
          return { epoch: Math.max(...own.map(({ epoch }) => epoch)), positions: own.flatMap(({ positions }) => [...positions.values()]) };
        },
        async bounds(topic, partition) {
          await turn();
          return all.log.bounds(topic, partition);
        },
        async commit({ epoch, outputs, state, positions, journal, parcels: between, tasks: own = [], pipeline }: EpochCommit) {
          await turn();
          if (member.generation !== generation) throw new HeadraceError('HR_EPOCH_FENCED', 'Others have the tasks.');
          await all.log.append(outputs);
          all.writeState(pipeline, state);
          for (const task of own) {
            const part = last[task]!;
            part.epoch = epoch;
            for (const position of positions) if (position.partition === task) part.positions.set(position.topic, position);
            part.journal.push(...journal.map((entry) => entryOfTask(entry, task)));
          }
          for (const { task, offset } of between?.done ?? []) starts[task] = Math.max(starts[task]!, offset);
          for (const { task, block } of between?.sent ?? []) {
            const blocks = parcels[task]!;
            const before = blocks.at(-1);
            // offsets have gaps, as behind the markers of Kafka
            blocks.push({ ...block, baseOffset: before === undefined ? 0 : offsetAt(before, before.count - 1) + 2 });
          }
        },
      };
      const join = async (shared: SharedPipeline): Promise<TaskShares> => {
        member.isWhole = shared.whole;
        members.push(member);
        rebalance();
        let sender = '';
        return {
          get moving() {
            return member.moving;
          },
          parcels: {
            get sender() {
              return sender;
            },
            async bounds(task) {
              const end = parcels[task]!.at(-1);
              return { start: starts[task]!, end: end === undefined ? 0 : offsetAt(end, end.count - 1) + 1 };
            },
            async read(task, offset) {
              await turn();
              if (offset < starts[task]!) throw new HeadraceError('HR_EPOCH_FENCED', 'Others have the tasks.');
              const block = parcels[task]!.find((b) => offsetAt(b, b.count - 1) >= offset);
              return block === undefined || offsetAt(block, 0) >= offset ? block : sliceBlock(block, offset - block.baseOffset, block.count);
            },
          },
          async next() {
            sender = `s${senders++}`;
            if (!members.includes(member)) members.push(member);
            const given = new Promise<readonly number[]>((resolve) => (member.ready = resolve));
            rebalance();
            return { tasks: await given, kept: [] };
          },
          lose: async () => undefined,
          async leave() {
            gone();
          },
        };
      };
      const gone = () => {
        if (!members.includes(member)) return;
        members = members.filter((m) => m !== member);
        member.generation = -1;
        if (members.length > 0) rebalance();
      };
      const expire = () => {
        if (member.ready !== undefined) return;
        gone();
        member.moving = true;
      };
      return { runtime: { ...all, log, join }, gone, expire };
    },
  };
}
