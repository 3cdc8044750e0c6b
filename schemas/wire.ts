/** Bytes of the Confluent wire format before the Avro body: magic 0, then the schema id as a big-endian int32. */
export const wirePrefixLength = 5;

/**
 * The prefix for values of a schema.
 *
 * @param id schema id as the registry gave it, 0 to 2^31 - 1
 * @see https://docs.confluent.io/platform/current/schema-registry/fundamentals/serdes-develop/index.html#wire-format
 */
export function wirePrefix(id: number): Uint8Array {
  if (!Number.isInteger(id) || id < 0 || id > 0x7fffffff) throw new RangeError(`${id} is not a schema id`);
  return Uint8Array.of(0, id >>> 24, (id >>> 16) & 255, (id >>> 8) & 255, id & 255);
}

/** Schema id of the value at `bytes[offset .. offset + length)`, or -1 when it is not in wire format. */
export function schemaIdAt(bytes: Uint8Array, offset: number, length: number): number {
  if (length < wirePrefixLength || offset < 0 || offset + length > bytes.length || bytes[offset] !== 0) return -1;
  const id = (bytes[offset + 1]! << 24) | (bytes[offset + 2]! << 16) | (bytes[offset + 3]! << 8) | bytes[offset + 4]!;
  return id < 0 ? -1 : id;
}
