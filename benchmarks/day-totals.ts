import { count, sum } from '../dataflow/aggregates/index.js';
import { pipeline } from '../dataflow/pipeline.js';
import { BlockWriter } from '../dataflow/record-block.js';
import { definition, topic } from '../dataflow/topic.js';
import { keyBy } from '../operators/key-by.js';
import { to } from '../operators/to.js';
import { window } from '../operators/window.js';
import type { Runtime } from '../runners/engine/job.js';
import { parseRecordSchema } from '../schemas/avro-schema.js';
import { compileRowEncoder } from '../schemas/encoder.js';
import { wirePrefix } from '../schemas/wire.js';

const events = topic('day-events', { key: 'id', time: 'time', value: { id: 'string', time: 'timestamp', amount: 'int' } });
const totals = topic('totals', { key: 'id', value: { id: 'string', windowEnd: 'timestamp', n: 'long', amount: 'long' } });

/** Windows of a day, which stay open: state of as many keys as there are. */
export default pipeline('day-totals', ({ from }) =>
  from(events).pipe(keyBy(events.id), window('totals', { every: '1d' }, { n: count(), amount: sum(events.amount) }), to(totals)),
);

/** Appends one event a key. */
export async function writeAmounts({ log, registry }: Pick<Runtime, 'log' | 'registry'>, { keys, partitions }: { readonly keys: number; readonly partitions: number }): Promise<void> {
  const { schema } = events[definition];
  await log.createTopic('day-events', { partitions });
  const prefix = wirePrefix(await registry.register('day-events-value', JSON.stringify(schema)));
  const encoder = compileRowEncoder<{ id: string; time: number; amount: number }>(parseRecordSchema(schema));
  const value = new Uint8Array(128);
  value.set(prefix);
  const writers = Array.from({ length: partitions }, () => new BlockWriter());
  for (let i = 0; i < keys; i++) {
    const row = { id: `k${i}`, time: 1_760_000_000_000 + (i % 1_000), amount: i % 100 };
    const end = encoder.encode(row, value, prefix.length);
    writers[i % partitions]!.append(Buffer.from(row.id), value.subarray(0, end), row.time);
    if (i % 32_768 === 32_767 || i === keys - 1) {
      await log.append(writers.flatMap((w, partition) => (w.count === 0 ? [] : [{ topic: 'day-events', partition, block: w.take() }])));
    }
  }
}
