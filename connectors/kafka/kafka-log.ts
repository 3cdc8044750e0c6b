import { randomUUID } from 'node:crypto';
import { checkEpoch, checkNewTopic, checkSameTopic } from '../../dataflow/check-log.js';
import { HeadraceError } from '../../dataflow/errors.js';
import { entryOfTask, joinEntries } from '../../dataflow/journal-entries.js';
import type { Committed, EpochCommit, JournalEntry, LogClient, Position } from '../../dataflow/ports/log-client.js';
import type { RecordBlock } from '../../dataflow/record-block.js';
import { changelogBlock } from './state/changelog.js';
import { type EpochRecord, epochBlock, epochRecord, withPositions } from './state/epochs.js';
import { changelogTopic, epochsTopic, internalPrefix, parcelsTopic } from './internal-topics.js';
import type { KafkaClient } from './kafka-client.js';
import type { TopicPartition } from './protocol/requests.js';
import { type RoundSizes, type SnapshotRounds, snapshotRounds } from './state/snapshot-rounds.js';
import type { StateCopy } from './state/state-copy.js';
import { keptFor } from './topic-admin.js';
import { type CommittingMember, inGeneration, type TransactionalProducer } from './transactions/transaction.js';

/** Which tasks of a pipeline a process writes, and as whom. */
export interface Ownership {
  /** How many tasks there are. */
  readonly tasks: number;
  readonly owned: readonly number[];
  /** Transactional id of this process. */
  readonly transactionalId: string;
  /** Who it is in the group. @default nobody: the transactional id alone shuts others out */
  readonly member?: CommittingMember;
  /** Tasks that have been taken over before, by `take`. */
  readonly taken?: ReadonlyMap<number, TakenTask>;
  /** Tasks send to one another: when it is claimed, all that has been sent to them can be read. @default false */
  readonly exchanges?: boolean;
}

/** The log on Kafka, with what its runtime needs beyond the port. */
export interface KafkaLog extends LogClient {
  /**
   * Takes tasks over, and gives back those that are not named: the last transaction of who had them is settled. Gives their last epochs.
   *
   * @param ownership by default the pipeline as a whole, under one transactional id: another process that writes it is shut out
   * @throws HR_STATE_MISMATCH when the pipeline has run with another number of tasks
   */
  claim(pipeline: string, ownership?: Ownership): Promise<ReadonlyMap<number, EpochRecord | undefined>>;
  /** Takes a task over beside those that a process is writing, who goes on: `claim` adds it. @param transactionalId that of the process */
  take(pipeline: string, task: number, transactionalId: string): Promise<TakenTask>;
  /** The record of the last epoch of a task, whoever committed it. */
  lastEpoch(pipeline: string, task: number): Promise<EpochRecord | undefined>;
  /** The same of all tasks. */
  lastEpochs(pipeline: string): Promise<ReadonlyMap<number, EpochRecord>>;
  /** Makes the internal topics of a pipeline. @throws HR_STATE_MISMATCH as `claim` */
  prepare(pipeline: string, tasks: number, exchanges?: boolean): Promise<void>;
  /** Writes a pipeline no longer: the next claim begins with a producer of its own. */
  release(pipeline: string): void;
  /** Keeps the copy of the state of claimed tasks up to date from now on, and their changelogs short. */
  attach(pipeline: string, copy: StateCopy): Promise<void>;
}

export interface KafkaLogOptions {
  readonly client: KafkaClient;
  /** Epoch milliseconds, for the timestamps of internal records. */
  readonly now?: () => number;
  /** Names that are unique among processes, for producers outside of a pipeline. @default random UUIDs */
  readonly uniqueName?: () => string;
  /** How long the changelog gets before the state is written again. */
  readonly rounds?: RoundSizes;
}

/** A task that was taken over: what whoever had it before has left is settled. */
export interface TakenTask {
  /** Its last epoch. */
  last: EpochRecord | undefined;
}

/** A task that this process writes: a partition of the epochs and of the changelog. */
interface Part extends TakenTask {
  rounds?: SnapshotRounds;
  /** Offset up to which the changelog was deleted, and one past its last record. */
  deletedTo: number;
  changelogEnd: number;
}

/** Offsets of what was sent to a task that stay behind what it has need of: deleting is a request. */
const parcelsKept = 1_000;

/** A pipeline that this process writes. */
interface Writing {
  readonly producer: TransactionalProducer;
  readonly ownership: Ownership;
  readonly parts: ReadonlyMap<number, Part>;
  /** Offsets up to which what was sent to tasks was deleted. */
  readonly parcelsDeletedTo: Map<number, number>;
  copy?: StateCopy;
}

/**
 * Topics, epochs and positions on Kafka. A commit is one transaction: outputs, for each task a record of the epoch with positions and journal and the changes of
 * its state, and the positions as offsets of the group that is named as the pipeline, for the tools that show them and for the coordinator, which refuses them from a
 * process that has lost its tasks. Records of aborted and open transactions are never seen. Retention goes by the broker's clock.
 */
export function kafkaLog({ client, now = Date.now, uniqueName = randomUUID, rounds }: KafkaLogOptions): KafkaLog {
  const { reader } = client;
  const pipelines = new Map<string, Promise<Writing>>();
  let appending: Promise<TransactionalProducer> | undefined;

  const checkPartition = async ({ topic, partition }: TopicPartition): Promise<TopicPartition> => {
    const count = await client.partitions(topic);
    if (Number.isInteger(partition) && partition >= 0 && partition < count) return { topic, partition };
    throw new HeadraceError('HR_ARGUMENT', `${topic} has the partitions 0 to ${count - 1}, and not ${partition}.`, { place: { topic, partition } });
  };
  const lastEpoch = async (pipeline: string, task: number): Promise<EpochRecord | undefined> => {
    const block = await reader.last({ topic: epochsTopic(pipeline), partition: task }, 8);
    return block === undefined ? undefined : epochRecord(block, block.count - 1);
  };
  const lastEpochs = async (pipeline: string): Promise<ReadonlyMap<number, EpochRecord>> => {
    const topic = epochsTopic(pipeline);
    if (!(await client.hasTopic(topic))) return new Map();
    const all = await Promise.all(Array.from({ length: await client.partitions(topic) }, async (_, task) => [task, await lastEpoch(pipeline, task)] as const));
    return new Map(all.flatMap(([task, record]) => (record === undefined ? [] : [[task, record] as const])));
  };
  const takePart = async (pipeline: string, task: number, transactionalId: string): Promise<Part> => {
    const ownerOf = (block: RecordBlock, row: number) => epochRecord(block, row).by;
    await client.settleOthers({ topic: epochsTopic(pipeline), partition: task }, transactionalId, ownerOf);
    // the end of a transaction shows in one topic before it does in another; its owner is known from the epochs
    await client.settleOthers({ topic: changelogTopic(pipeline), partition: task }, transactionalId, () => undefined);
    const changelog = await reader.bounds({ topic: changelogTopic(pipeline), partition: task });
    return { last: await lastEpoch(pipeline, task), deletedTo: changelog.start, changelogEnd: changelog.end };
  };
  const prepare = async (pipeline: string, tasks: number, exchanges = false): Promise<void> => {
    for (const name of [epochsTopic(pipeline), changelogTopic(pipeline), ...(exchanges ? [parcelsTopic(pipeline)] : [])]) await client.ensureTopic(name, tasks, keptFor(Number.POSITIVE_INFINITY));
    const known = await client.partitions(epochsTopic(pipeline));
    if (known === tasks) return;
    throw new HeadraceError('HR_STATE_MISMATCH', `${pipeline} has state of ${known} tasks, and its input topics have ${tasks} partitions now.`, {
      place: { pipeline },
      remedy: 'Read topics with as many partitions as before, or run the pipeline under another name.',
    });
  };
  const takeOver = async (pipeline: string, ownership: Ownership, before: Writing | undefined): Promise<Writing> => {
    const producer = before?.producer ?? client.producer(ownership.transactionalId, { exclusive: true });
    if (before === undefined) {
      await prepare(pipeline, ownership.tasks);
      // a group and who has the pipeline as a whole do not know of one another
      if (ownership.member !== undefined) await client.producer(wholeId(pipeline)).claim();
      await producer.claim();
    }
    const parts = await Promise.all(ownership.owned.map(async (task) => [task, before?.parts.get(task) ?? (ownership.taken?.get(task) as Part | undefined) ?? (await takePart(pipeline, task, ownership.transactionalId))] as const));
    // who had a task before may have sent to any other
    if (ownership.exchanges === true) await Promise.all(ownership.owned.map((task) => client.settlePresent({ topic: parcelsTopic(pipeline), partition: task })));
    return { producer, ownership, parts: new Map(parts), parcelsDeletedTo: before?.parcelsDeletedTo ?? new Map() };
  };
  const begin = (pipeline: string, ownership: Ownership, before?: Promise<Writing>): Promise<Writing> => {
    // after a failure, everything is looked up anew
    const made = (async () => takeOver(pipeline, ownership, await before))();
    made.catch(() => pipelines.delete(pipeline));
    pipelines.set(pipeline, made);
    return made;
  };
  const alone = (pipeline: string): Ownership => ({ tasks: 1, owned: [0], transactionalId: wholeId(pipeline) });
  const writing = (pipeline: string): Promise<Writing> => pipelines.get(pipeline) ?? begin(pipeline, alone(pipeline));
  const log: KafkaLog = {
    async topics() {
      return (await client.topics()).filter(({ name }) => !name.startsWith(internalPrefix)).sort((a, b) => (a.name < b.name ? -1 : 1));
    },
    async createTopic(name, settings) {
      checkNewTopic(name, settings);
      const { partitions, retentionMs = Number.POSITIVE_INFINITY } = settings;
      await client.ensureTopic(name, partitions, keptFor(retentionMs));
      checkSameTopic({ name, partitions: await client.partitions(name), retentionMs: await client.retention(name) }, settings);
    },
    identity: (topic) => client.topicId(topic),
    async bounds(topic, partition) {
      return reader.bounds(await checkPartition({ topic, partition }));
    },
    async read(topic, partition, offset) {
      return reader.read(await checkPartition({ topic, partition }), offset);
    },
    async seek(topic, partition, time) {
      return reader.seek(await checkPartition({ topic, partition }), time);
    },
    async append(outputs) {
      await checkAll(outputs);
      if (outputs.every(({ block }) => block.count === 0)) return;
      appending ??= (async () => {
        const producer = client.producer(`headrace-append-${uniqueName()}`);
        await producer.claim();
        return producer;
      })();
      appending.catch(() => (appending = undefined));
      await (await appending).commit({ outputs });
    },
    async commit(change) {
      const { pipeline, epoch, outputs, positions, times } = change;
      await checkAll(outputs);
      await checkAll(positions);
      const { producer, ownership, parts, copy, parcelsDeletedTo } = await writing(pipeline);
      const tasks = change.tasks ?? [...parts.keys()];
      checkEpoch([...parts.values()].reduce((last, part) => Math.max(last, part.last?.epoch ?? 0), 0), epoch, pipeline);
      const shares = tasks.map((task) => {
        const part = parts.get(task);
        if (part === undefined) throw new HeadraceError('HR_EPOCH_FENCED', `Task ${task} of ${pipeline} is not with this process.`, { place: { pipeline } });
        const own = parts.size === 1 && change.tasks === undefined ? change : shareOf(change, task);
        const record: EpochRecord = { epoch, positions: withPositions(part.last?.positions ?? [], own.positions), journal: own.journal, changelogFrom: part.rounds?.from ?? part.last?.changelogFrom ?? 0, by: ownership.transactionalId, ...(times && { times }) };
        const changes = changelogBlock(epoch, [...(part.rounds?.slice(own.state) ?? []), ...own.state], now());
        return { task, part, record, state: own.state, changes, changelog: { topic: changelogTopic(pipeline), partition: task } };
      });
      const first = await producer.commit({
        // the first is what is looked for when the end of the transaction is not known
        outputs: [
          ...shares.map(({ task, record }) => ({ topic: epochsTopic(pipeline), partition: task, block: epochBlock(record, now()) })),
          ...shares.flatMap(({ changes, changelog }) => (changes === undefined ? [] : [{ ...changelog, block: changes }])),
          ...(change.parcels?.sent ?? []).map(({ task, block }) => ({ topic: parcelsTopic(pipeline), partition: task, block })),
          ...outputs,
        ],
        offsets: { member: ownership.member ?? inGeneration({ group: pipeline, generation: -1, member: '' }), positions: committedOffsets(pipeline, change, ownership, shares) },
        async stillNext() {
          // who shares the pipeline has shut out who had it as a whole, and kafkajs takes the id back
          const shared = ownership.member === undefined && (await client.members(pipeline)).length > 0;
          const last = await Promise.all(shares.map(async ({ task }) => (await lastEpoch(pipeline, task))?.epoch));
          if (shared || shares.some(({ part }, i) => part.last?.epoch !== last[i])) throw new HeadraceError('HR_EPOCH_FENCED', `Another process has taken over ${pipeline}.`, { place: { pipeline } });
        },
      });
      for (const { part, record, changes, changelog } of shares) {
        part.last = record;
        if (changes !== undefined) part.changelogEnd = first.get(`${changelog.topic}/${changelog.partition}`)! + changes.count;
      }
      copy?.apply(shares.map(({ task, part, state, changes }) => ({ task, writes: changes === undefined ? [] : state, point: { epoch, next: part.changelogEnd } })));
      for (const { part, record, changes, changelog } of shares) {
        if (changes !== undefined) part.rounds?.written(part.changelogEnd - changes.count);
        if (record.changelogFrom <= part.deletedTo) continue;
        await client.deleteRecords(changelog, record.changelogFrom);
        part.deletedTo = record.changelogFrom;
      }
      for (const { task, offset } of change.parcels?.done ?? []) {
        if (offset - (parcelsDeletedTo.get(task) ?? 0) < parcelsKept) continue;
        const at = { topic: parcelsTopic(pipeline), partition: task };
        if (offset < Number.POSITIVE_INFINITY) await client.deleteRecords(at, offset);
        else if (await client.hasTopic(at.topic)) await client.deleteRecords(at, (await reader.bounds(at)).end);
        parcelsDeletedTo.set(task, offset);
      }
    },
    async committed(pipeline) {
      const known = pipelines.get(pipeline);
      return togetherCommitted(known === undefined ? [...(await lastEpochs(pipeline)).values()] : [...(await known).parts.values()].flatMap((part) => part.last ?? []));
    },
    async journal(pipeline) {
      const topic = epochsTopic(pipeline);
      if (!(await client.hasTopic(topic))) return [];
      const parts: JournalEntry[][] = [];
      for (let partition = 0; partition < (await client.partitions(topic)); partition++) {
        const entries: JournalEntry[] = [];
        for await (const block of reader.all({ topic, partition }, (await reader.bounds({ topic, partition })).start)) {
          for (let row = 0; row < block.count; row++) entries.push(...epochRecord(block, row).journal);
        }
        parts.push(entries);
      }
      return joinJournals(parts);
    },
    take: takePart,
    lastEpoch,
    lastEpochs,
    prepare,
    release: (pipeline) => void pipelines.delete(pipeline),
    async claim(pipeline, ownership = alone(pipeline)) {
      const { parts } = await begin(pipeline, ownership, pipelines.get(pipeline));
      return new Map([...parts].map(([task, { last }]) => [task, last]));
    },
    async attach(pipeline, copy) {
      const own = await writing(pipeline);
      own.copy = copy;
      for (const [task, part] of own.parts) part.rounds ??= snapshotRounds(copy.state.of(task), pipeline, part.last?.changelogFrom ?? 0, rounds);
    },
    close: () => client.close(),
  };
  const checkAll = async (places: readonly (TopicPartition | Position | EpochCommit['outputs'][number])[]): Promise<void> => {
    const seen = new Set<string>();
    for (const at of places) {
      const name = `${at.topic}/${at.partition}`;
      if (!seen.has(name)) await checkPartition(at);
      seen.add(name);
    }
  };
  return log;
}

/**
 * The offsets that an epoch commits: those that are known at least, since the coordinator refuses them from a process that has lost its tasks, and from one that has no part in a group that is
 * running. A member commits some in any case, that nobody reads; who has the pipeline as a whole is shut out by its transactional id.
 */
function committedOffsets(pipeline: string, { epoch, positions }: EpochCommit, { member }: Ownership, shares: readonly { readonly task: number; readonly record: EpochRecord }[]): readonly Position[] {
  if (positions.length > 0) return positions;
  const known = shares.flatMap(({ record }) => record.positions);
  return known.length > 0 || member === undefined ? known : shares.map(({ task }) => ({ topic: epochsTopic(pipeline), partition: task, offset: epoch }));
}

/** What an epoch changes of one task. */
function shareOf({ state, positions, journal }: EpochCommit, task: number): Pick<EpochCommit, 'state' | 'positions' | 'journal'> {
  return {
    state: state.filter((write) => (write.task ?? 0) === task),
    positions: positions.filter(({ partition }) => partition === task),
    journal: journal.map((entry) => entryOfTask(entry, task)),
  };
}

/** What tasks have committed last as one commit. */
export function togetherCommitted(records: readonly EpochRecord[]): Committed | undefined {
  if (records.length === 0) return undefined;
  const { epoch, times } = records.reduce((a, b) => (b.epoch > a.epoch ? b : a));
  return { epoch, positions: withPositions([], records.flatMap((record) => record.positions)), ...(times && { times }) };
}

/** The journals of tasks as one: entries with one number are parts of one entry. */
export function joinJournals(parts: readonly (readonly JournalEntry[])[]): JournalEntry[] {
  const joined = new Map<number, JournalEntry>();
  for (const entries of parts) {
    for (const [i, entry] of entries.entries()) {
      const index = entry.index ?? i;
      const known = joined.get(index);
      joined.set(index, known === undefined ? entry : joinEntries([known, entry]));
    }
  }
  return [...joined].sort(([a], [b]) => a - b).map(([, entry]) => entry);
}

/** Transactional id of a process that has a pipeline as a whole. */
export function wholeId(pipeline: string): string {
  return `headrace.${pipeline}`;
}
