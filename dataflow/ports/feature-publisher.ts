/** What is known of an entity, for a store outside. Values are absolute: publishing one twice changes nothing. */
export interface PublishedEntity {
  readonly entity: Uint8Array;
  /** Packed tiles, see `packEntity`. */
  readonly value: Uint8Array;
  /** Milliseconds after which the store forgets it. */
  readonly ttlMs: number;
}

/** What a store keeps of the batches of a task. Those of a line follow one another, by term and then by number: where one is, all before it are. */
export interface PublicationMark {
  readonly line: string;
  readonly term: number;
  readonly batch: number;
}

/** Of which state entities are published, and what the store has to have. */
export interface PublishedAt {
  readonly epoch: number;
  readonly set: string;
  readonly task: number;
  /** Event time of the newest record of the set (epoch milliseconds): look-ups answer as of the end of its pane. Undefined: nothing is new. */
  readonly newest: number | undefined;
  /** Milliseconds after which the store forgets all of the set. */
  readonly ttlMs: number;
  /** What is left behind the entities. */
  readonly mark: PublicationMark;
  /** What has to be there: this mark, or a later one of its line. Undefined: whatever it is, for a line begins. */
  readonly least: PublicationMark | undefined;
}

/** What a store had of a task: what it has to have; not all of that, or of another line; or more than this process has published, for the task is another's. The mark is left where it was kept. */
export type FoundMark = 'kept' | 'lost' | 'replaced';

/** Brings features to a store outside of the runtime. */
export interface FeaturePublisher {
  /**
   * Publishes entities as of an epoch, or looks only what the store has, if there are none. What a later epoch has published stays: a process that does not know that it was replaced cannot bring an old value back.
   *
   * @throws HR_FEATURE_STORE the store is out of reach, or refuses; try again, with a mark of its own
   */
  publish(entities: readonly PublishedEntity[], at: PublishedAt): Promise<FoundMark>;
  close(): Promise<void>;
}
