import type { LogClient } from '../../dataflow/ports/log-client.js';
import type { RecordBlock } from '../../dataflow/record-block.js';

/** A log whose values show no schema ids: other tests register schemas in the same registry, so that ids differ between two runs. */
export function withoutSchemaIds(log: LogClient): LogClient {
  return {
    ...log,
    async read(topic, partition, offset) {
      const block = await log.read(topic, partition, offset);
      return block && withSchemaId(block, 0);
    },
  };
}

/** A block with another schema id in all values that have one. */
export function withSchemaId(block: RecordBlock, id: number): RecordBlock {
  const bytes = block.bytes.slice();
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  for (let row = 0; row < block.count; row++) {
    const at = block.valueOffset[row]!;
    if (block.valueLength[row]! > 5 && bytes[at] === 0) view.setUint32(at + 1, id);
  }
  return { ...block, bytes };
}
