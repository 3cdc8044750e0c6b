import type { Clock } from '../dataflow/clock.js';
import { asHeadraceError, HeadraceError } from '../dataflow/errors.js';
import type { Metrics } from '../dataflow/metrics.js';
import type { LogClient } from '../dataflow/ports/log-client.js';
import type { SchemaRegistry } from '../dataflow/ports/schema-registry.js';
import type { Warehouse } from '../dataflow/ports/warehouse.js';
import { definition } from '../dataflow/topic.js';
import { type AvroRecordSchema, parseRecordSchema } from '../schemas/avro-schema.js';
import type { PipelineGraph } from './engine/task.js';
import { checkTable, openTopicCopy, type TopicCopy } from './copy-topic.js';

/** A topic that a pipeline writes, and the table that it is copied to. */
export interface WarehouseTarget {
  readonly topic: string;
  readonly table: string;
  readonly schema: AvroRecordSchema;
}

/** The topics of a pipeline that go to tables as well. */
export function warehouseTargets({ steps }: PipelineGraph): WarehouseTarget[] {
  return steps.flatMap(({ table, topic }) => (table === undefined || topic === undefined ? [] : [{ topic: topic[definition].name, table, schema: parseRecordSchema(topic[definition].schema) }]));
}

/** Copies topics to the warehouse behind the epochs that write them. */
export interface WarehouseCopier {
  /** The log, whose commits the copier hears of. */
  readonly log: LogClient;
  /** Copies up to the ends of the topics as they are now. Errors: what the warehouse refuses; while it is out of reach this waits, up to `abort`. */
  drain(abort: AbortSignal): Promise<void>;
  /** What is under way is given up. */
  stop(): void;
}

/** A table is added to at most once in so long: ClickHouse merges what is inserted, and few large inserts are cheaper. */
const copyEveryMs = 1_000;
/** After so long all partitions are looked at, also those that other processes write: one of them may have ended before it had copied. */
const lookEveryMs = 30_000;
/** A run that is stopped gives the last copy so long; the next run copies what is left. */
const stopMs = 3_000;
/** Pauses after failures in a row: they double up to the longest. */
const firstPauseMs = 200;
const longestPauseMs = 10_000;

/**
 * Copies topics that a run writes to tables, from the topics themselves: so there is nothing to keep while the warehouse is away, and nothing to lose. Where to go on stands in the table.
 *
 * @throws HR_WAREHOUSE_TABLE, HR_CLICKHOUSE_QUERY when a table cannot be had; a warehouse that is out of reach is told and waited for
 */
export async function openWarehouseCopier(options: {
  readonly log: LogClient;
  readonly registry: SchemaRegistry;
  readonly warehouse: Warehouse;
  readonly targets: readonly WarehouseTarget[];
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly warn: (what: string, message: string) => void;
}): Promise<WarehouseCopier> {
  const { log, registry, warehouse, targets } = options;
  for (const target of targets) {
    try {
      await checkTable({ log, registry, warehouse, ...target });
    } catch (error) {
      if (!isAway(error)) throw error;
      options.warn(`warehouse ${target.table}`, waiting(error, target));
    }
  }
  const followers = targets.map((target) => follow(target, options));
  return {
    log: {
      ...log,
      async commit(change) {
        await log.commit(change);
        for (const follower of followers) follower.hear(change.outputs);
      },
    },
    drain: async (abort) => void (await Promise.all(followers.map((follower) => follower.drain(abort)))),
    stop() {
      for (const follower of followers) follower.stop();
    },
  };
}

function follow(target: WarehouseTarget, { log, registry, warehouse, clock, metrics, warn }: Parameters<typeof openWarehouseCopier>[0]) {
  const { topic, table } = target;
  const fresh = new Set<number>();
  let looksAtAll = true;
  let copy: TopicCopy | undefined;
  let running: Promise<void> | undefined;
  let cancelTurn: (() => void) | undefined;
  let cancelLook: () => void = () => undefined;
  let stopped = false;
  let failures = 0;

  /** Copies what is new; the failure, if there was one. */
  const copyFresh = async (): Promise<HeadraceError | undefined> => {
    try {
      if (copy === undefined) {
        if (!(await log.topics()).some((t) => t.name === topic)) return undefined;
        copy = await openTopicCopy({ log, registry, warehouse, topic, table });
      }
      if (looksAtAll) {
        await copy.refresh();
        for (let p = 0; p < copy.partitions; p++) fresh.add(p);
      }
      looksAtAll = false;
      while (fresh.size > 0 && !stopped) {
        const some = [...fresh];
        fresh.clear();
        try {
          const { records, ended } = await copy.some(some);
          metrics.add('headrace_warehouse_records_total', table, records);
          if (!ended) for (const p of some) fresh.add(p);
        } catch (error) {
          for (const p of some) fresh.add(p);
          throw error;
        }
        failures = 0;
      }
      return undefined;
    } catch (error) {
      failures += 1;
      copy = undefined;
      looksAtAll = true;
      if (!stopped) warn(`warehouse ${table}`, waiting(error, target));
      return asHeadraceError(error, 'HR_WAREHOUSE', { topic });
    }
  };
  /** One at a time. */
  const run = async (): Promise<HeadraceError | undefined> => {
    while (running !== undefined) await running;
    let failure: HeadraceError | undefined;
    running = copyFresh().then((failed) => void (failure = failed));
    await running;
    running = undefined;
    return failure;
  };
  const schedule = (ms: number): void => {
    if (stopped || cancelTurn !== undefined) return;
    cancelTurn = clock.after!(ms, () => {
      cancelTurn = undefined;
      void run().then(() => {
        if (fresh.size > 0 || failures > 0) schedule(failures === 0 ? copyEveryMs : pauseAfter(failures));
      });
    });
  };
  const lookLater = (): void => {
    cancelLook = clock.after!(lookEveryMs, () => {
      looksAtAll = true;
      schedule(0);
      lookLater();
    });
  };
  schedule(0);
  lookLater();
  return {
    hear(outputs: readonly { readonly topic: string; readonly partition: number }[]) {
      for (const output of outputs) if (output.topic === topic) fresh.add(output.partition);
      if (fresh.size > 0) schedule(copyEveryMs);
    },
    async drain(abort: AbortSignal) {
      looksAtAll = true;
      for (let failure = await soonAfter(abort, run(), clock); failure !== undefined && !abort.aborted; failure = await soonAfter(abort, run(), clock)) {
        if (!isAway(failure)) throw failure;
        await new Promise<void>((resolve) => {
          const cancel = clock.after!(pauseAfter(failures), resolve);
          abort.addEventListener('abort', () => (cancel(), resolve()), { once: true });
        });
      }
    },
    stop() {
      stopped = true;
      cancelTurn?.();
      cancelLook();
    },
  };
}

/** What comes of some work, or nothing when that takes longer than a run has to stop. */
function soonAfter<R>(abort: AbortSignal, work: Promise<R>, clock: Clock): Promise<R | undefined> {
  return new Promise((resolve, reject) => {
    let cancel: () => void = () => undefined;
    const begin = () => (cancel = clock.after!(stopMs, () => resolve(undefined)));
    if (abort.aborted) begin();
    else abort.addEventListener('abort', begin, { once: true });
    const end = () => {
      abort.removeEventListener('abort', begin);
      cancel();
    };
    void work.then(resolve, reject).finally(end);
  });
}

function pauseAfter(failures: number): number {
  return Math.min(longestPauseMs, firstPauseMs * 2 ** (failures - 1));
}

function isAway(error: unknown): boolean {
  return error instanceof HeadraceError && error.code === 'HR_WAREHOUSE';
}

function waiting(error: unknown, { topic, table }: WarehouseTarget): string {
  return `${asHeadraceError(error, 'HR_WAREHOUSE', { topic }).format()}\n  The pipeline goes on; table ${table} gets what topic ${topic} has when it can be written again.`;
}
