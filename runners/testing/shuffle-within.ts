import type { Random } from '../../dataflow/splitmix.js';

/** The records in another order in which none is further behind an earlier one than `disorderMs`; as they are where they do not keep to that themselves. */
export function shuffleWithin<T>(records: readonly T[], time: (record: T) => number, disorderMs: number, random: Random): T[] {
  let newest = Number.NEGATIVE_INFINITY;
  for (const record of records) {
    newest = Math.max(newest, time(record));
    if (time(record) < newest - disorderMs) return [...records];
  }
  // Who is moved back by less than the disorder cannot be overtaken by more than that.
  return records
    .map((record) => ({ record, place: time(record) + random.unit() * disorderMs }))
    .sort((a, b) => a.place - b.place)
    .map(({ record }) => record);
}
