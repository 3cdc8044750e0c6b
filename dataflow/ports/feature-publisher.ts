/** What is known of an entity, for a store outside. Values are absolute: publishing one twice changes nothing. */
export interface PublishedEntity {
  readonly set: string;
  readonly entity: Uint8Array;
  /** Packed tiles, see `packEntity`. */
  readonly value: Uint8Array;
}

/** Brings features to a store outside of the runtime. */
export interface FeaturePublisher {
  /**
   * Publishes entities as of an epoch. What a later epoch has published stays: a process that does not know that it was replaced cannot bring an old value back.
   *
   * @param newest event time of the newest record of the set (epoch milliseconds): look-ups answer as of the end of its pane
   * @param ttlMs milliseconds after which the store forgets them
   * @throws HR_FEATURE_STORE the store is out of reach, or refuses; try again
   */
  publish(entities: readonly PublishedEntity[], at: { readonly epoch: number; readonly set: string; readonly newest: number; readonly ttlMs: number }): Promise<void>;
  close(): Promise<void>;
}
