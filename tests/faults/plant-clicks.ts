import { openEmbedded } from '../../connectors/embedded/embedded-runtime.js';
import { partitionOf } from '../../dataflow/partitioner.js';
import { BlockWriter } from '../../dataflow/record-block.js';
import { parseRecordSchema } from '../../schemas/avro-schema.js';
import { compileRowEncoder } from '../../schemas/encoder.js';
import { type ClickEvent, clickEventSchema } from '../../schemas/generated/click-event.js';
import { wirePrefix } from '../../schemas/wire.js';
import { writeEvents } from '../../runners/import/write-events.js';
import { clickWorld } from '../../runners/simulate/click-world.js';

/** Events in one append, and with them one bad record of each kind in turn. */
const slice = 200;
/** One event in so many comes four appends late. */
const heldBack = 37;

/**
 * A click world of three hours in the topic clicks of `dataDir`, in small blocks, with late events and records between them that cannot be read.
 * Of three partitions or more the second one ends half-way and the last one has nothing but such records.
 */
export async function plantClicks(dataDir: string, options: { readonly events: number; readonly seed: number; readonly partitions?: number; readonly startHour?: number }): Promise<void> {
  const { partitions = 4, startHour = 0 } = options;
  const { log, registry, close } = openEmbedded({ dataDir, mode: 'write' });
  try {
    const start = Date.UTC(2026, 0, 5, startHour);
    const world = clickWorld({ events: options.events, seed: options.seed, users: Math.max(200, options.events / 10), items: 100, rate: options.events / 10_800, start });
    const events = [...world].filter(({ userId, timestamp }) => {
      const user = Buffer.from(userId);
      const partition = partitionOf(user, 0, user.length, partitions);
      return partitions < 3 || (partition === 1 && timestamp < start + 5_400_000) || (partition !== 1 && partition !== partitions - 1);
    });
    const late = new Map<number, ClickEvent[]>();
    for (let at = 0, n = 0; at < events.length; at += slice, n++) {
      const arriving = events.slice(at, at + slice);
      late.set(n + 4, arriving.filter((_, i) => (at + i) % heldBack === 0));
      const written = [...arriving.filter((_, i) => (at + i) % heldBack !== 0), ...(late.get(n) ?? [])];
      await writeEvents(written.map((event) => ({ event })), { log, registry, input: 'test', partitions });
      const id = (await registry.latest('clicks-value'))!.id;
      const encode = compileRowEncoder<ClickEvent>(parseRecordSchema(clickEventSchema));
      const bytesOf = (event: ClickEvent) => {
        const bytes = new Uint8Array(5 + encode.bound(event));
        bytes.set(wirePrefix(id));
        return bytes.subarray(0, encode.encode(event, bytes, 5));
      };
      const good = bytesOf(events[at]!);
      const kinds: readonly (Uint8Array | null)[] = [
        good.subarray(0, good.length >> 1),
        null,
        new Uint8Array(0),
        Buffer.from('not Avro at all'),
        bytesOf({ ...events[at]!, timestamp: Math.floor(events[at]!.timestamp / 1_000) }),
        bytesOf({ ...events[at]!, timestamp: events[at]!.timestamp * 1_000 }),
        bytesOf({ ...events[at]!, watchMs: 13 }),
      ];
      const writer = new BlockWriter();
      const user = Buffer.from(events[at]!.userId);
      writer.append(n % 2 === 0 ? null : user, kinds[n % kinds.length]!, 0);
      await log.append([{ topic: 'clicks', partition: n % 5 === 4 ? partitions - 1 : partitionOf(user, 0, user.length, partitions), block: writer.take() }]);
    }
  } finally {
    await close();
  }
}
