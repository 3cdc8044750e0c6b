/** Keeps bytes under the hash of what they are: models, savepoints, whatever is too large for a record. */
export interface ArtefactStore {
  /** Stores bytes, durably when this resolves, and gives their SHA-256 as hexadecimal digits. The same bytes again change nothing. Errors: HR_DISK_FULL. */
  put(bytes: Uint8Array): Promise<string>;
  /** The bytes of a hash, which are the caller's: they may move to a thread. Errors: HR_MODEL_CORRUPT they are missing, or no longer those. */
  get(digest: string): Promise<Uint8Array>;
  /** Forgets the bytes of a hash; one that is not there is fine. */
  delete(digest: string): Promise<void>;
}
