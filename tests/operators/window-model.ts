import type { Event, Row } from './stream-model.js';

export interface ModelWindow {
  readonly key: string;
  readonly start: number;
  readonly end: number;
  readonly revision: number;
  /** The rows of the key that are in the window at that time, in order of arrival. */
  readonly rows: readonly Row[];
}

/** Windows by their definition: every row is kept, every window looked at at every watermark. */
export function windowModel(
  events: readonly Event[],
  key: (row: Row) => string,
  { every, size = every, offset = 0, lateness = 0 }: { every: number; size?: number; offset?: number; lateness?: number },
): { results: ModelWindow[]; late: Row[]; firstByLateRecord: number } {
  const held = new Map<string, { key: string; start: number; rows: Row[]; revision: number; touched: boolean }>();
  const results: ModelWindow[] = [];
  const late: Row[] = [];
  let firstByLateRecord = 0;
  let watermark = Number.NEGATIVE_INFINITY;
  for (const event of events) {
    if ('row' in event) {
      const { row } = event;
      let isLate = true;
      for (let start = Math.floor((row.t - offset) / every) * every + offset; start > row.t - size; start -= every) {
        if (start + size + lateness <= watermark) continue;
        isLate = false;
        const name = `${key(row)} ${start}`;
        const window = held.get(name) ?? { key: key(row), start, rows: [], revision: -1, touched: false };
        held.set(name, window);
        window.rows.push(row);
        window.touched = true;
      }
      if (isLate) late.push(row);
    } else {
      if (event.watermark <= watermark) continue;
      const before = watermark;
      watermark = event.watermark;
      for (const window of held.values()) {
        if (!window.touched || window.start + size > watermark) continue;
        window.touched = false;
        window.revision += 1;
        if (window.revision === 0 && window.start + size <= before) firstByLateRecord += 1;
        results.push({ key: window.key, start: window.start, end: window.start + size, revision: window.revision, rows: [...window.rows] });
      }
    }
  }
  return { results, late, firstByLateRecord };
}
