import { Subject } from 'rxjs';
import { Batch, columnRows, type Unkeyed } from '../dataflow/batch.js';
import { systemClock } from '../dataflow/clock.js';
import { createMetrics } from '../dataflow/metrics.js';
import type { Signal } from '../dataflow/signal.js';
import { emptyState } from '../dataflow/ports/state-backend.js';
import { createStateTable } from '../dataflow/state/state-table.js';
import type { TaskContext } from '../dataflow/task-context.js';
import { keyBy } from '../operators/key-by.js';
import { window } from '../operators/window.js';
import type { Column, StringColumn } from '../schemas/column.js';
import { compileProjection } from '../schemas/projection.js';
import { type PeerClickRow, peerClicks, userTileAggregates } from './click-tiles-pipeline.js';
import { PeerClicks, peerClickBound, peerClickSchema } from './peer-clicks.js';

const rows = 4_096;
const fields = ['userId', 'eventType', 'category', 'watchMs', 'timestamp'];

/**
 * The window operator alone: user tiles of 5 minutes over 100,000 users, from decoded columns to result columns, with a watermark a
 * batch and an epoch every 64 batches. Decoding and writing do not count.
 */
export async function windowColumns(options: { readonly events: number; readonly seed: number }): Promise<Record<string, string | number>> {
  const batches = decodedBatches(options);
  const source = new Subject<Signal<PeerClickRow>>();
  let results = 0;
  let failure: unknown;
  source
    .pipe(
      keyBy(peerClicks.userId),
      window('user-tiles', { every: '5m' }, userTileAggregates),
    )
    .subscribe({
      next(signal) {
        if (signal.kind === 'batch') results += signal.batch.length;
      },
      error(error: unknown) {
        failure = error;
      },
    });
  const table = createStateTable(emptyState, 'benchmark', 'user-tiles');
  const cpu = process.cpuUsage();
  const started = performance.now();
  source.next({ kind: 'open', partitionedBy: 'userId', context: contextOf(table) });
  let newest = Number.NEGATIVE_INFINITY;
  for (const [i, batch] of batches.entries()) {
    source.next({ kind: 'batch', batch });
    newest = Math.max(newest, batch.times[batch.length - 1]!);
    source.next({ kind: 'watermark', time: newest - 30_000 });
    if (i % 64 === 63) {
      source.next({ kind: 'barrier', epoch: i });
      table.take();
      table.settle();
    }
  }
  source.next({ kind: 'watermark', time: Number.POSITIVE_INFINITY });
  const { user, system } = process.cpuUsage(cpu);
  if (failure !== undefined) throw failure;
  const cpuS = (user + system) / 1e6;
  return { workload: 'window-columns', events: options.events, keys: 100_000, wallS: (performance.now() - started) / 1e3, cpuS, eventsPerCpuS: Math.round(options.events / cpuS), outputs: results };
}

function contextOf(table: ReturnType<typeof createStateTable>): TaskContext {
  const none = () => {
    throw new Error('not part of this benchmark');
  };
  return {
    pipeline: 'benchmark',
    task: 0,
    tasks: 1,
    clock: systemClock,
    artefacts: { put: none, get: none, delete: none },
    metrics: createMetrics(),
    abort: new AbortController().signal,
    bounded: true,
    table: () => table,
    output: none,
    exchange: none,
    local: none,
    watermarks: none,
    deadLetter: none,
    atProcessingTime: none,
    atTickEnd: () => undefined,
    publisher: undefined,
    outside: none,
    warn: none,
  };
}

function decodedBatches({ events, seed }: { readonly events: number; readonly seed: number }): Batch<PeerClickRow, Unkeyed>[] {
  const clicks = new PeerClicks({ events, seed });
  const projection = compileProjection(peerClickSchema, fields, peerClickSchema);
  const batches: Batch<PeerClickRow, Unkeyed>[] = [];
  for (let from = 0; from < events; from += rows) {
    const n = Math.min(rows, events - from);
    const bytes = new Uint8Array(n * peerClickBound);
    const offset = new Int32Array(n);
    const length = new Int32Array(n);
    let at = 0;
    for (let i = 0; i < n; i++) {
      offset[i] = at;
      const end = clicks.encode(from + i, bytes, at);
      length[i] = end - at;
      at = end;
    }
    const { columns } = projection.decode(bytes.slice(0, at), offset, length, n, 0);
    const byName = new Map<string, Column>(fields.map((name, i) => [name, columns[i]!]));
    const times = (byName.get('timestamp') as { data: Float64Array }).data;
    batches.push(new Batch(columnRows(n, byName), times, byName.get('userId') as StringColumn));
  }
  return batches;
}
