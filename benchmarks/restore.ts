import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openEmbedded } from '../connectors/embedded/embedded-runtime.js';
import { count, sum } from '../dataflow/aggregates/index.js';
import { pipeline } from '../dataflow/pipeline.js';
import { BlockWriter } from '../dataflow/record-block.js';
import { topic } from '../dataflow/topic.js';
import { keyBy } from '../operators/key-by.js';
import { to } from '../operators/to.js';
import { window } from '../operators/window.js';
import { runEmbedded } from '../runners/run-embedded.js';
import { compileRowEncoder } from '../schemas/encoder.js';
import { parseRecordSchema } from '../schemas/avro-schema.js';
import { wirePrefix } from '../schemas/wire.js';
import { definition } from '../dataflow/topic.js';

const events = topic('events', { key: 'id', time: 'time', value: { id: 'string', time: 'timestamp', amount: 'int' } });
const totals = topic('totals', { key: 'id', value: { id: 'string', windowEnd: 'timestamp', n: 'long', amount: 'long' } });

const dayTotals = pipeline('day-totals', ({ from }) =>
  from(events).pipe(keyBy(events.id), window('totals', { every: '1d' }, { n: count(), amount: sum(events.amount) }), to(totals)),
);

/** A window with a million open keys: how long a restart takes until it processes again. */
export async function restore(options: { readonly keys: number }): Promise<Record<string, string | number>> {
  const dataDir = await mkdtemp(join(tmpdir(), 'headrace-restore-'));
  try {
    await write(dataDir, 0, options.keys);
    await runOnce(dataDir);
    await write(dataDir, 0, 1);
    const started = performance.now();
    const cpu = process.cpuUsage();
    await runOnce(dataDir);
    const { user, system } = process.cpuUsage(cpu);
    const wallS = (performance.now() - started) / 1e3;
    return { workload: 'restore', keys: options.keys, wallS, cpuS: (user + system) / 1e6, resultsOfRestored: await resultsAtEnd(dataDir) };
  } finally {
    await rm(dataDir, { recursive: true });
  }
}

/** Closes the windows and counts their rows: as many as keys, when the state was whole. */
async function resultsAtEnd(dataDir: string): Promise<number> {
  await runEmbedded(dayTotals, { dataDir, bounded: true });
  const { log, close } = openEmbedded({ dataDir, mode: 'read' });
  let rows = 0;
  for (let partition = 0; partition < 4; partition++) rows += (await log.bounds('totals', partition)).end;
  await close();
  return rows;
}

/** A live run until it has processed all there is: windows stay open. */
async function runOnce(dataDir: string): Promise<void> {
  const stop = new AbortController();
  await runEmbedded(dayTotals, {
    dataDir,
    abort: stop.signal,
    wait() {
      stop.abort();
      return Promise.resolve();
    },
  });
}

async function write(dataDir: string, from: number, to_: number): Promise<void> {
  const { log, registry, close } = openEmbedded({ dataDir, mode: 'write', owner: 'benchmark' });
  const { schema } = events[definition];
  await log.createTopic('events', { partitions: 4 });
  const prefix = wirePrefix(await registry.register('events-value', JSON.stringify(schema)));
  const encoder = compileRowEncoder<{ id: string; time: number; amount: number }>(parseRecordSchema(schema));
  const value = new Uint8Array(128);
  value.set(prefix);
  const writers = Array.from({ length: 4 }, () => new BlockWriter());
  for (let i = from; i < to_; i++) {
    const row = { id: `k${i}`, time: 1_760_000_000_000 + (i % 1_000), amount: i % 100 };
    const end = encoder.encode(row, value, prefix.length);
    writers[i % 4]!.append(Buffer.from(row.id), value.subarray(0, end), row.time);
    if (i % 32_768 === 32_767 || i === to_ - 1) {
      await log.append(writers.flatMap((w, partition) => (w.count === 0 ? [] : [{ topic: 'events', partition, block: w.take() }])));
    }
  }
  await close();
}
