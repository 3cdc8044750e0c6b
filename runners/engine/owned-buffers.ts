/**
 * The buffers of all typed arrays in a message that span their buffer wholly: they can be moved to another thread instead of copied. Views of a part
 * (and Node's pooled buffers) are left to be copied, since others may look at the rest.
 */
export function ownedBuffers(message: unknown): ArrayBuffer[] {
  const found = new Set<ArrayBuffer>();
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    if (ArrayBuffer.isView(value)) {
      if (value.buffer instanceof ArrayBuffer && value.byteLength === value.buffer.byteLength && value.byteLength > smallest) found.add(value.buffer);
      return;
    }
    for (const inner of Array.isArray(value) ? value : value instanceof Map ? value.values() : Object.values(value)) visit(inner);
  };
  visit(message);
  return [...found];
}

/** Copying less than this is cheaper than moving it. */
const smallest = 4_096;
