import { SchemaError, type AvroRecordSchema } from './avro-schema.js';
import { resolve } from './resolve.js';

/**
 * Compiles a reader of whole records as plain objects: enums are their symbols, timestamps are numbers, a nullable
 * union is its value or null (only unions whose branches cannot be told apart are wrapped, `{ long: 1 }`).
 *
 * @param writer schema of the bytes
 * @param reader schema of the objects
 * @returns a function of the record body at `bytes[start .. end)`; it throws SchemaError when that is no such record
 * @throws SchemaError when the schemas cannot be resolved
 */
export function compileReader<T>(writer: AvroRecordSchema, reader: AvroRecordSchema): (bytes: Uint8Array, start: number, end: number) => T {
  const { read } = resolve(writer, reader);
  return (bytes, start, end) => {
    if (!(start >= 0 && end >= start && end <= bytes.length)) throw new SchemaError(`no record at ${start} to ${end} of ${bytes.length} bytes`);
    try {
      return read(Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start)) as T;
    } catch (error) {
      throw new SchemaError(`${reader.name}: ${(error as Error).message}`, { cause: error });
    }
  };
}
