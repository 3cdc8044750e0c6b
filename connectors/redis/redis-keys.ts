/** What the keys of a set's entities begin with: the entity follows. */
export function entityPrefix(prefix: string, set: string): string {
  return `${prefix}${set}:e:`;
}

/** Key of the newest event of a set. */
export function newestKey(prefix: string, set: string): string {
  return `${prefix}${set}:newest`;
}
