import { offsetAt } from '../dataflow/record-block.js';
import type { Runtime } from '../runners/engine/job.js';
import { parseRecordSchema } from '../schemas/avro-schema.js';
import { compileReader } from '../schemas/reader.js';
import { schemaIdAt, wirePrefixLength } from '../schemas/wire.js';

/** Checksum of a topic of tiles as the peers define it: a sum over the rows' hashes, so that order does not matter and duplicates do. */
export async function topicChecksum({ log, registry }: Pick<Runtime, 'log' | 'registry'>, topic: string): Promise<{ outputs: number; checksum: bigint }> {
  const { partitions } = (await log.topics()).find((t) => t.name === topic)!;
  let outputs = 0;
  let sum = 0n;
  let read: ((bytes: Uint8Array, start: number, end: number) => Record<string, unknown>) | undefined;
  for (let partition = 0; partition < partitions; partition++) {
    for (let { start: offset } = await log.bounds(topic, partition); ; ) {
      const block = await log.read(topic, partition, offset);
      if (block === undefined) break;
      offset = offsetAt(block, block.count - 1) + 1;
      if (read === undefined) {
        const text = await registry.schemaById(schemaIdAt(block.bytes, block.valueOffset[0]!, block.valueLength[0]!));
        const schema = parseRecordSchema(text);
        read = compileReader(schema, schema);
      }
      for (let i = 0; i < block.count; i++) {
        const key = Buffer.from(block.bytes.buffer, block.bytes.byteOffset + block.keyOffset[i]!, block.keyLength[i]!).toString();
        if (key.startsWith('~flush')) continue;
        const start = block.valueOffset[i]!;
        const row = read(block.bytes, start + wirePrefixLength, start + block.valueLength[i]!);
        const values = Object.entries(row).filter(([name]) => name !== 'userId' && name !== 'itemId').map(([, v]) => (Array.isArray(v) ? v.join(',') : String(v)));
        outputs += 1;
        sum += rowHash([key, ...values].join('|'));
      }
    }
  }
  return { outputs, checksum: sum & ((1n << 53n) - 1n) };
}

/** Two FNV-1a hashes of a text in one number of 53 bits. */
export function rowHash(text: string): bigint {
  let h1 = 0x811c9dc5;
  let h2 = 0x9747b28c;
  for (let i = 0; i < text.length; i++) {
    const x = text.charCodeAt(i);
    h1 = Math.imul(h1 ^ x, 16_777_619);
    h2 = Math.imul(h2 ^ x, 16_777_619);
  }
  return (BigInt(h2 & 0x1fffff) << 32n) | BigInt(h1 >>> 0);
}
