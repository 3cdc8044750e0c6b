/** Key of an entity's packed tiles. */
export function entityKey(prefix: string, set: string, entity: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(`${prefix}${set}:e:`), entity]);
}

/** Key of the newest event of a set. */
export function newestKey(prefix: string, set: string): Buffer {
  return Buffer.from(`${prefix}${set}:newest`);
}
