import { kafkaError } from '../../../connectors/kafka/kafka-errors.js';
import type { ProducerIdentity } from '../../../connectors/kafka/protocol/transaction-requests.js';
import type { SimulatedTime } from '../simulated-time.js';
import type { BrokerTraits } from './broker-traits.js';

const invalidTransactionState = 48;
const invalidProducerMapping = 49;

/** What a coordinator knows of a transactional id (`TransactionMetadata` of Apache Kafka). */
interface Transactional {
  id: bigint;
  epoch: number;
  /** The epoch before, by which its owner is still known; -1 when another has taken over. */
  lastEpoch: number;
  state: 'empty' | 'ongoing' | 'committing' | 'aborting' | 'committed' | 'aborted';
  /** Partitions of topics and of groups that the transaction has written to: `topic/partition`, `group name`. */
  readonly parts: Set<string>;
  timeoutMs: number;
  /** Which transaction this is. */
  number: number;
}

/** A process has taken an id over, or has had an open transaction aborted by InitProducerId; or nobody has (-1), and it took too long. */
export interface Seizure {
  readonly kind: 'claim' | 'fence';
  readonly transactionalId: string;
  readonly id: bigint;
  readonly epoch: number;
  readonly process: number;
}

export interface TransactionCoordinator {
  /** Takes the id over, or goes on as `before` (KIP-360). */
  init(transactionalId: string, timeoutMs: number, before: ProducerIdentity | undefined, process: number): { readonly error: number; readonly id: bigint; readonly epoch: number };
  /** Adds partitions and groups. */
  add(transactionalId: string, owner: ProducerIdentity, parts: readonly string[]): number;
  /** 0 when the part belongs to the open transaction. */
  verify(transactionalId: string, owner: ProducerIdentity, part: string): number;
  end(transactionalId: string, owner: ProducerIdentity, isCommit: boolean, version: 1 | 2): { readonly error: number; readonly id: bigint; readonly epoch: number };
  /** In the order in which they came to pass. */
  readonly seizures: readonly Seizure[];
  /** No transaction is open or being ended, of the ids that begin so. */
  isSettled(prefix: string): boolean;
}

/** What it needs of the cluster. */
export interface CoordinatorSurroundings {
  readonly time: SimulatedTime;
  readonly traits: BrokerTraits;
  /** Writes the marker of a transaction to a part. */
  mark(part: string, producer: ProducerIdentity, isCommit: boolean): void;
  /** Milliseconds until a marker is written. */
  markerDelay(): number;
}

/** Transactions as Kafka's coordinator has them (`TransactionCoordinator` of Apache Kafka 3.1 to 4.2). */
export function transactionCoordinator({ time, traits, mark, markerDelay }: CoordinatorSurroundings): TransactionCoordinator {
  const known = new Map<string, Transactional>();
  const seizures: Seizure[] = [];
  let nextId = 0n;
  const failed = (error: number) => ({ error, id: -1n, epoch: -1 });
  const isEnding = (t: Transactional): boolean => t.state === 'committing' || t.state === 'aborting';

  const finish = (t: Transactional, isCommit: boolean): void => {
    t.state = isCommit ? 'committing' : 'aborting';
    const producer = { id: t.id, epoch: t.epoch };
    const parts = [...t.parts];
    let left = parts.length;
    const complete = (): void => {
      t.state = isCommit ? 'committed' : 'aborted';
      t.parts.clear();
    };
    if (left === 0) time.after(markerDelay(), complete);
    for (const part of parts) {
      time.after(markerDelay(), () => {
        mark(part, producer, isCommit);
        left -= 1;
        if (left === 0) complete();
      });
    }
  };
  const fence = (t: Transactional, transactionalId: string, process: number): void => {
    t.lastEpoch = traits.fence.keepsOwner ? t.epoch : -1;
    t.epoch += traits.fence.by;
    seizures.push({ kind: 'fence', transactionalId, id: t.id, epoch: t.epoch, process });
    finish(t, false);
  };
  return {
    seizures,
    isSettled: (prefix) => [...known].every(([name, t]) => !name.startsWith(prefix) || (t.state !== 'ongoing' && !isEnding(t))),
    init(transactionalId, timeoutMs, before, process) {
      let t = known.get(transactionalId);
      if (t === undefined) known.set(transactionalId, (t = { id: nextId++, epoch: -1, lastEpoch: -1, state: 'empty', parts: new Set(), timeoutMs, number: 0 }));
      if (before !== undefined && t.epoch >= 0 && before.id !== t.id) return failed(kafkaError.producerFenced);
      if (isEnding(t)) return failed(kafkaError.concurrentTransactions);
      if (t.state === 'ongoing') {
        fence(t, transactionalId, process);
        return failed(kafkaError.concurrentTransactions);
      }
      if (before === undefined) {
        t.epoch += 1;
        t.lastEpoch = -1;
        seizures.push({ kind: 'claim', transactionalId, id: t.id, epoch: t.epoch, process });
      } else if (t.epoch < 0 || before.epoch === t.epoch) {
        t.lastEpoch = t.epoch;
        t.epoch += 1;
      } else if (before.epoch !== t.lastEpoch) return failed(kafkaError.producerFenced);
      t.state = 'empty';
      t.timeoutMs = timeoutMs;
      return { error: 0, id: t.id, epoch: t.epoch };
    },
    add(transactionalId, owner, parts) {
      const t = known.get(transactionalId);
      if (t === undefined || t.id !== owner.id) return invalidProducerMapping;
      if (t.epoch !== owner.epoch) return kafkaError.producerFenced;
      if (isEnding(t)) return kafkaError.concurrentTransactions;
      if (t.state !== 'ongoing') {
        t.state = 'ongoing';
        t.number += 1;
        const { number } = t;
        time.after(t.timeoutMs, () => {
          if (t.state !== 'ongoing' || t.number !== number) return;
          fence(t, transactionalId, -1);
        });
      }
      for (const part of parts) t.parts.add(part);
      return 0;
    },
    verify(transactionalId, owner, part) {
      const t = known.get(transactionalId);
      if (t === undefined || t.id !== owner.id) return invalidProducerMapping;
      if (t.epoch !== owner.epoch) return kafkaError.producerFenced;
      if (isEnding(t)) return kafkaError.concurrentTransactions;
      return t.state === 'ongoing' && t.parts.has(part) ? 0 : invalidTransactionState;
    },
    end(transactionalId, owner, isCommit, version) {
      const t = known.get(transactionalId);
      if (t === undefined || t.id !== owner.id) return failed(invalidProducerMapping);
      const answer = (error: number) => (error === 0 ? { error, id: t.id, epoch: t.epoch } : failed(error));
      const isCurrent = owner.epoch === t.epoch;
      // of version 2 only: the epoch has gone on with the end that is asked for again
      const isRepeated = version === 2 && owner.epoch + 1 === t.epoch && t.state !== 'ongoing' && t.state !== 'empty';
      if (version === 2 && isEnding(t) ? !isRepeated : !isCurrent && !isRepeated) return failed(kafkaError.producerFenced);
      switch (t.state) {
        case 'committing':
        case 'aborting':
          return failed((t.state === 'committing') === isCommit ? kafkaError.concurrentTransactions : invalidTransactionState);
        case 'committed':
        case 'aborted':
          if ((version === 1 || isRepeated) && (t.state === 'committed') === isCommit) return answer(0);
          if (version === 1 || isRepeated || isCommit) return failed(invalidTransactionState);
          break;
        case 'empty':
          if (version === 1 || isCommit) return failed(invalidTransactionState);
          break;
        case 'ongoing':
      }
      if (version === 2) {
        t.lastEpoch = t.epoch;
        t.epoch += 1;
      }
      finish(t, isCommit);
      return answer(0);
    },
  };
}
