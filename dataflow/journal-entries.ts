import type { JournalEntry } from './ports/log-client.js';

/** The part that a task has in an entry: the bounds, and what became idle, of its own partitions. */
export function entryOfTask(entry: JournalEntry, task: number): JournalEntry {
  const isOwn = ({ partition }: { readonly partition: number }) => partition === task;
  return { ...entry, bounds: entry.bounds.filter(isOwn), ...(entry.idle === undefined ? {} : { idle: entry.idle.filter(isOwn) }) };
}

/** The parts of tasks in one entry as that entry. */
export function joinEntries(parts: readonly [JournalEntry, ...JournalEntry[]]): JournalEntry {
  const isIdle = parts.some((part) => part.idle !== undefined);
  return { ...parts[0], bounds: parts.flatMap((part) => part.bounds), ...(isIdle ? { idle: parts.flatMap((part) => part.idle ?? []) } : {}) };
}
