/** A safeguard that is taken out of the code under test. */
export interface Mutant {
  /** What is no longer done. */
  readonly without: string;
  readonly file: string;
  /** Text of the source, and what stands in its place. */
  readonly from: string;
  readonly to: string;
  /** The pipeline that shows it. @default by the seed */
  readonly pipeline?: string;
  /** The bug was there, and a seed has found it. */
  readonly wasFound?: true;
  /** A few seeds are enough. */
  readonly isFoundSoon?: true;
}

/** Each of them breaks exactly once, or the liveness of a run, in a way that only faults show; the simulation has to find all of them. */
export const mutants: readonly Mutant[] = [
  {
    without: 'a new producer after the end of a transaction was not confirmed: it is asked for again, and one that is still on its way hits the next transaction (version 1)',
    file: 'connectors/kafka/transactions/transactional-producer.ts',
    from: "identity = await cluster.coordinator('transaction', transactionalId, endTransactionRequest(version === 2 ? 5 : 3, transactionalId, owner, true));",
    to: "identity = await cluster.patiently('the end', () => cluster.coordinator('transaction', transactionalId, endTransactionRequest(version === 2 ? 5 : 3, transactionalId, owner, true)));",
  },
  {
    without: 'the look whether a transaction of unknown end is there: it is written again',
    file: 'connectors/kafka/transactions/commit-once.ts',
    from: 'if (error instanceof UnknownEnd && ',
    to: 'if (error === undefined && ',
    isFoundSoon: true,
  },
  {
    without: 'doubt about a transaction of unknown end: it is taken to be there',
    file: 'connectors/kafka/transactions/commit-once.ts',
    from: "(await patiently('the end of a transaction', () => isThere(reader, error.first)))",
    to: 'error.first.size > 0',
    isFoundSoon: true,
  },
  {
    without: 'the order of the outputs in what is looked for after an end that was not confirmed: a record of the changelog may be deleted by then',
    file: 'connectors/kafka/transactions/commit-once.ts',
    from: 'this.first = new Map(names.filter((name) => first.has(name)).map((name) => [name, first.get(name)!]));',
    to: 'this.first = names.length === 0 ? new Map() : first;',
    wasFound: true,
  },
  {
    without: 'the old identity of a producer that recovers: a process that stood still takes over from the one that took over',
    file: 'connectors/kafka/transactions/transactional-producer.ts',
    from: 'identity = await init(identity);',
    to: 'identity = await init(undefined);',
    isFoundSoon: true,
  },
  {
    without: 'aborted transactions left out by readers',
    file: 'connectors/kafka/records/decode-records.ts',
    from: 'if ((attributes & attribute.transactional) !== 0 && dropping.has(producerId)) continue;',
    to: '',
  },
  {
    without: 'the abort before a producer recovers, with transactions of version 2: Kafka 4.0 and 4.1 then refuse the owner',
    file: 'connectors/kafka/transactions/transactional-producer.ts',
    from: '=== 2) await abort(identity);',
    to: '=== 9) await abort(identity);',
    wasFound: true,
  },
  {
    without: 'the look for epochs after the last one while state is restored: the copy goes on behind changes that it does not have',
    file: 'connectors/kafka/state/restore-task.ts',
    from: "if (changed > epoch && as === 'owner') throw fenced();",
    to: "if (changed > epoch && as === 'owner') continue;",
    wasFound: true,
  },
  {
    without: 'what a copy that stands by finds of epochs that do not show yet: it goes on behind them',
    file: 'connectors/kafka/state/restore-task.ts',
    from: "(changed > epoch && as === 'reader')",
    to: "(changed > epoch && as !== 'owner')",
  },
  {
    without: 'the look whether a member of a group has missed a generation: it goes on where it was, though another has had its tasks meanwhile',
    file: 'connectors/kafka/group/join-pipeline.ts',
    from: 'if (life !== before?.life) release();',
    to: 'if (before === undefined) release();',
    wasFound: true,
  },
  {
    without: 'the round in which a task that moves is with nobody: it is given away while another runs it',
    file: 'connectors/kafka/group/spread-tasks.ts',
    from: 'other.member === member || !other.runs.includes(task)',
    to: 'other.member !== member || true',
    isFoundSoon: true,
  },
  {
    without: 'the answer to a member that what it tells to run may have been with others meanwhile: it goes on',
    file: 'connectors/kafka/group/membership.ts',
    from: 'if (known !== since || !isKept) beginAnew();',
    to: 'if (known !== since) beginAnew();',
  },
  {
    without: 'the look at the generation of what a member tells to run: it is left alone, though it may have been with others meanwhile',
    file: 'connectors/kafka/group/membership.ts',
    from: 'led?.generation === before && led.owners.get(member) === generation',
    to: 'generation >= 0',
  },
  {
    without: 'the look at who has the name of a member now: it ends where a coordinator takes over that knows the process before it on its machine',
    file: 'connectors/kafka/group/membership.ts',
    from: 'answer === kafkaError.fencedInstance && (await hasSuccessor(cluster, identity, incarnation))',
    to: 'answer === kafkaError.fencedInstance',
    wasFound: true,
    isFoundSoon: true,
  },
  {
    without: 'the generation that a member commits with: one that has lost its tasks commits all the same',
    file: 'connectors/kafka/kafka-log.ts',
    from: 'offsets: { member: ownership.member ?? inGeneration',
    to: 'offsets: { member: inGeneration',
  },
  {
    without: 'the key at which a slice of a snapshot was cut: the next one begins behind it',
    file: 'connectors/kafka/state/snapshot-rounds.ts',
    from: 'key = Uint8Array.from(entry.key);',
    to: 'key = Uint8Array.from([...entry.key, 0]);',
  },
  {
    without: 'the way back of a process that others have shut out while it took its tasks: it ends with an error',
    file: 'runners/engine/job.ts',
    from: "if (shares === undefined || !(error instanceof HeadraceError) || error.code !== 'HR_EPOCH_FENCED') throw error;",
    to: "if (shares === undefined || !(error instanceof HeadraceError) || error.code !== 'HR_EPOCH_FENCED' || /restored/.test(error.message)) throw error;",
    pipeline: 'user-tally',
    wasFound: true,
  },
  {
    without: 'the place up to which records were taken: an epoch commits how far they were read ahead',
    file: 'runners/engine/task-group.ts',
    from: 'flushed.positions.push({ topic: source.topic.name, partition, offset: input.offset });',
    to: 'flushed.positions.push({ topic: source.topic.name, partition, offset: input.offset + input.buffered });',
    pipeline: 'user-tally',
    isFoundSoon: true,
  },
  {
    without: 'the newest event time of each input in the state: after a restart watermarks begin anew',
    file: 'runners/engine/task-group.ts',
    from: 'sources.put(progressKey(source.topic.name, partition), progress);',
    to: '',
    pipeline: 'user-tally',
  },
  {
    without: 'the look whether the copy of a task is of its last epoch: any copy is taken',
    file: 'connectors/kafka/state/restore-task.ts',
    from: 'if (point?.epoch === epoch) return;',
    to: 'if (point !== undefined) return;',
    pipeline: 'user-tally',
  },
];
