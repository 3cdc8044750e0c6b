import { Batch, type KeyedBy } from '../batch.js';
import { createPaneStore, type StepMeta } from '../state/pane-store.js';
import { createRanking, type RankedRows, type Ranking, type RankingRule } from './ranking.js';
import type { StateTable } from '../state/state-table.js';
import { withColumns } from '../with-columns.js';

/** The rankings of one task: one for each window, or one that changes for ever. */
export interface Rankings {
  /** Offers rows; answers how many came after their window. */
  add(batch: Batch<unknown>, first: Float64Array, second: Float64Array | undefined): number;
  /** Event time has reached `time`: the rows that are due. */
  advance(time: number): Iterable<Batch<unknown>>;
  /** Puts what has changed into the table; answers how many rows are held. */
  save(): number;
}

interface Meta extends StepMeta {
  readonly keyedBy?: KeyedBy | undefined;
  /** Windows that end up to here are closed, also where the end of a bounded input closed them. */
  readonly closedTo?: number | undefined;
  /** Number of the ranking that is in use, and when keys were last looked through. */
  readonly generation?: number;
  readonly swept?: number | undefined;
}

/** Keys are looked through so many times while one waits to expire: they stay up to that share longer. */
const sweepsPerExpiry = 4;

/**
 * @param every length of windows in milliseconds; undefined: no windows
 * @param expire milliseconds after which a key without new rows is forgotten; Infinity: never
 * @param text what rows are ranked by: other state does not fit
 */
export function createRankings(options: {
  readonly rule: RankingRule;
  readonly every: number | undefined;
  readonly expire: number;
  readonly retractions: boolean;
  readonly table: StateTable;
  readonly task: number;
  readonly text: string;
}): Rankings {
  const { rule, every, expire, retractions } = options;
  const create = () => createRanking(rule, every === undefined);
  const store = createPaneStore<Ranking, Meta>(options.table, options.task, { layout: `${rule.n} ${rule.ties} ${every} ${retractions} ${options.text}`, create });
  const { panes, meta } = store.load();
  let keyedBy = meta.keyedBy;
  let watermark = meta.watermark ?? Number.NEGATIVE_INFINITY;
  let lastFinite = watermark;
  let closedTo = meta.closedTo ?? Number.NEGATIVE_INFINITY;
  let generation = meta.generation ?? 0;
  let swept = meta.swept ?? Number.NEGATIVE_INFINITY;

  const batchOf = (ranking: Ranking, due: RankedRows, windowEnd: number | undefined): Batch<unknown> => {
    const n = due.slots.length;
    const number = (data: Float64Array) => ({ kind: 'number', data }) as const;
    const times = windowEnd === undefined ? ranking.times(due.slots) : new Float64Array(n).fill(windowEnd - 1);
    const rows = withColumns(ranking.rows(due.slots), [
      ['rank', number(due.ranks)] as const,
      ...(windowEnd === undefined ? [] : [['windowStart', number(new Float64Array(n).fill(windowEnd - every!))] as const, ['windowEnd', number(new Float64Array(n).fill(windowEnd))] as const]),
      ...(retractions ? [['change', { kind: 'enum', symbols: ['insert', 'retract'], data: Int32Array.from(due.retracted) }] as const] : []),
    ]);
    return new Batch(rows, times, due.keys, keyedBy);
  };
  const add = (start: number, batch: Batch<unknown>, first: Float64Array, second: Float64Array | undefined) => {
    let ranking = panes.get(start);
    if (ranking === undefined) panes.set(start, (ranking = create()));
    ranking.add(batch, first, second);
  };

  return {
    add(batch, first, second) {
      keyedBy = batch.keyedBy;
      if (every === undefined) {
        add(generation, batch, first, second);
        return 0;
      }
      const byWindow = new Map<number, number[]>();
      let late = 0;
      for (let i = 0; i < batch.length; i++) {
        const start = Math.floor(batch.times[i]! / every) * every;
        if (start + every <= watermark || start + every <= closedTo) {
          late += 1;
          continue;
        }
        const rows = byWindow.get(start);
        if (rows === undefined) byWindow.set(start, [i]);
        else rows.push(i);
      }
      for (const [start, rows] of byWindow) {
        if (rows.length === batch.length) add(start, batch, first, second);
        else add(start, batch.select(Int32Array.from(rows)), Float64Array.from(rows, (i) => first[i]!), second && Float64Array.from(rows, (i) => second[i]!));
      }
      return late;
    },
    *advance(time) {
      if (time <= watermark) return;
      watermark = time;
      if (time !== Number.POSITIVE_INFINITY) lastFinite = time;
      if (every !== undefined) {
        for (const start of [...panes.keys()].filter((s) => s + every <= time).sort((a, b) => a - b)) {
          const ranking = panes.get(start)!;
          yield batchOf(ranking, ranking.all(), start + every);
          panes.delete(start);
          store.drop(start);
          closedTo = Math.max(closedTo, start + every);
        }
        return;
      }
      const ranking = panes.get(generation);
      if (ranking === undefined) return;
      const due = ranking.changes(retractions);
      if (due.slots.length > 0) yield batchOf(ranking, due, undefined);
      ranking.settle();
      if (time === Number.POSITIVE_INFINITY || expire === Number.POSITIVE_INFINITY || time < swept + expire / sweepsPerExpiry) return;
      swept = time;
      if (!ranking.forget(time - expire)) return;
      panes.delete(generation);
      store.drop(generation);
      generation += 1;
      panes.set(generation, ranking);
    },
    save() {
      store.save(panes, {
        keyedBy,
        closedTo: Number.isFinite(closedTo) ? closedTo : undefined,
        generation,
        swept: Number.isFinite(swept) ? swept : undefined,
        watermark: Number.isFinite(lastFinite) ? lastFinite : undefined,
      });
      return [...panes.values()].reduce((sum, ranking) => sum + ranking.size, 0);
    },
  };
}
