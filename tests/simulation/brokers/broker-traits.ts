/** How brokers of a release treat transactions. */
export interface BrokerTraits {
  readonly release: string;
  /** 2: an epoch a transaction (KIP-890). */
  readonly transactionVersion: 0 | 2;
  /** A leader asks the coordinator whether a partition is part of the transaction before it begins one there (Kafka 3.6 and later). */
  readonly verifiesPartitions: boolean;
  /**
   * What InitProducerId does when it meets an open transaction, besides aborting it: the epochs it goes on by, and whether the owner before is still known by its epoch. When it is not,
   * an owner that recovers so is refused, though nobody else has claimed the id.
   */
  readonly fence: { readonly by: 1 | 2; readonly keepsOwner: boolean };
}

/** Read from the sources of Apache Kafka, and asked of a real 4.2 (`broker-probe.test.ts`). */
export const brokerReleases: readonly BrokerTraits[] = [
  { release: '3.1', transactionVersion: 0, verifiesPartitions: false, fence: { by: 1, keepsOwner: false } },
  { release: '3.9', transactionVersion: 0, verifiesPartitions: true, fence: { by: 1, keepsOwner: false } },
  { release: '4.0', transactionVersion: 2, verifiesPartitions: true, fence: { by: 2, keepsOwner: false } },
  { release: '4.2', transactionVersion: 2, verifiesPartitions: true, fence: { by: 1, keepsOwner: true } },
];
