/** What the keys of a set's entities begin with: the entity follows. */
export function entityPrefix(prefix: string, set: string): string {
  return `${prefix}${set}:e:`;
}

/** Key of the mark of a task of a set, see `PublicationMark`. */
export function markKey(prefix: string, set: string, task: number): string {
  return `${prefix}${set}:mark:${task}`;
}

/** Key of the newest event of a set. */
export function newestKey(prefix: string, set: string): string {
  return `${prefix}${set}:newest`;
}
