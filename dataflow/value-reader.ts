import { type AvroRecordSchema, parseRecordSchema } from '../schemas/avro-schema.js';
import { compileReader } from '../schemas/reader.js';
import { schemaIdAt, wirePrefixLength } from '../schemas/wire.js';
import type { SchemaRegistry } from './ports/schema-registry.js';

/** Reads a record's value, which lies in `length` bytes from `at`, at once unless its schema is the first of its kind; undefined where the registry does not know the schema. Errors: SchemaError for bytes that are no such value. */
export type ValueReader<T> = (bytes: Uint8Array, at: number, length: number) => T | undefined | Promise<T | undefined>;

/**
 * A reader of whole values, each with the schema that it was written with.
 *
 * *When to use*: outside of a pipeline. *Details*: the registry is asked once a schema.
 *
 * @param schema what the values are read as
 */
export function valueReader<T>(registry: SchemaRegistry, schema: AvroRecordSchema): ValueReader<T> {
  const readers = new Map<number, ReturnType<typeof compileReader<T>> | undefined>();
  const learn = async (id: number): Promise<void> => {
    const written = id < 0 ? undefined : await registry.schemaById(id);
    readers.set(id, written === undefined ? undefined : compileReader<T>(parseRecordSchema(written), schema));
  };
  const readWith = (id: number, bytes: Uint8Array, at: number, length: number) => readers.get(id)?.(bytes, at + wirePrefixLength, at + length);
  return (bytes, at, length) => {
    const id = schemaIdAt(bytes, at, length);
    return readers.has(id) ? readWith(id, bytes, at, length) : learn(id).then(() => readWith(id, bytes, at, length));
  };
}
