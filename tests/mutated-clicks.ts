import { parseRecordSchema } from '../schemas/avro-schema.js';
import { compileRowEncoder } from '../schemas/encoder.js';
import { type ClickEvent, clickEventSchema } from '../schemas/generated/click-event.js';
import { wirePrefix, wirePrefixLength } from '../schemas/wire.js';
import { clickWorld } from '../runners/simulate/click-world.js';
import type { Random } from '../dataflow/splitmix.js';

/** A record as it is written; both may be null. */
export interface RawRecord {
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly timestamp: number;
}

/** Event times in a wrong unit, or of no age of man. */
const wrongTimes: readonly ((ms: number) => number)[] = [(ms) => Math.floor(ms / 1_000), (ms) => ms * 1_000, () => Date.UTC(2101, 0, 1), () => Date.UTC(1907, 0, 1), () => -(2 ** 52)];

/** Wire-format click events, each spoilt in one or a few ways; now and then one is left whole. */
export function* mutatedClicks(count: number, schemaId: number, random: Random): Generator<RawRecord> {
  const encoder = compileRowEncoder<ClickEvent>(parseRecordSchema(clickEventSchema));
  const encode = (event: ClickEvent): Buffer => {
    const bytes = Buffer.alloc(wirePrefixLength + encoder.bound(event));
    bytes.set(wirePrefix(schemaId));
    return bytes.subarray(0, encoder.encode(event, bytes, wirePrefixLength));
  };
  let before: Uint8Array = Buffer.alloc(0);
  for (const event of clickWorld({ events: count, seed: random.next() >>> 0, users: 3_000 })) {
    const key = Buffer.from(event.userId);
    const whole = encode(event);
    const record = { key, timestamp: event.timestamp };
    const at = random.below(whole.length);
    switch (random.below(16)) {
      case 0:
        yield { ...record, value: whole };
        break;
      case 1:
        yield { ...record, value: whole.subarray(0, at) };
        break;
      case 2:
        yield { ...record, value: Buffer.concat([whole.subarray(0, at), randomBytes(1 + random.below(8), random), whole.subarray(at)]) };
        break;
      case 3:
        yield { ...record, value: Buffer.concat([whole.subarray(0, at), whole.subarray(at + 1 + random.below(8))]) };
        break;
      case 4:
        // Ids that are free, those of other topics, and what is no id.
        yield { ...record, value: Buffer.concat([[Buffer.of(0, 0, 0, 0, random.below(6)), Buffer.of(0, 255, 255, 255, 255), randomBytes(5, random)][random.below(3)]!, whole.subarray(5)]) };
        break;
      case 5:
        yield { ...record, value: [Buffer.alloc(0), null, randomBytes(random.below(40), random)][random.below(3)]! };
        break;
      case 6:
        yield { ...record, key: null, value: whole };
        break;
      case 7:
        yield { ...record, value: encode({ ...event, timestamp: wrongTimes[random.below(wrongTimes.length)]!(event.timestamp) }) };
        break;
      case 8:
        // The front of one record and the back of another.
        yield { ...record, value: Buffer.concat([whole.subarray(0, at), before.subarray(random.below(before.length + 1))]) };
        break;
      case 9:
        // A length that has no end.
        yield { ...record, value: Buffer.concat([whole.subarray(0, at), Buffer.alloc(1 + random.below(12), 0xff), whole.subarray(at)]) };
        break;
      default: {
        const value = Buffer.from(whole);
        for (let flips = 1 + random.below(3); flips > 0; flips--) value[random.below(value.length)]! ^= 1 << random.below(8);
        yield { ...record, value };
      }
    }
    before = whole;
  }
}

function randomBytes(n: number, random: Random): Buffer {
  return Buffer.from(Array.from({ length: n }, () => random.below(256)));
}
