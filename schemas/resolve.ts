import type { Resolver, types, Type } from 'avsc';
import { SchemaError, type AvroField, type AvroRecordSchema, type AvroType } from './avro-schema.js';
import { avscType, placeType } from './avsc-type.js';

/** Reads one field of a row, which starts at `at`; gives its value and the position after it, -1 when it is cut off. */
export type FieldReader = (row: Buffer, at: number) => { value: unknown; offset: number };

/** Rows of a writer's schema as objects of a reader's. Both functions throw for bytes that are no such value. */
export interface Resolution {
  read(row: Buffer): Record<string, unknown>;
  field(readerField: string, writerField: string): FieldReader;
}

/**
 * Resolves a reader's schema against a writer's through avsc, with its type of `avscType` and two more differences: a union
 * with null may be read as its other branch (rows with null are bad, the others are not), and named types match by short
 * name, as the specification has it.
 *
 * @param places names of string fields of the reader that are to be read as `Place`
 * @throws SchemaError when the schemas cannot be resolved
 * @see https://avro.apache.org/docs/1.12.0/specification/#schema-resolution
 */
export function resolve(writer: AvroRecordSchema, reader: AvroRecordSchema, places: ReadonlySet<string> = new Set()): Resolution {
  try {
    const from = avscType(writer);
    const widened = reader.fields.filter((f) => !hasNull(f.type) && hasNull(writerField(writer, f)?.type)).map((f) => f.name);
    const fields = reader.fields.map((f) => {
      const type = places.has(f.name) ? placed(f.type) : f.type;
      return widened.includes(f.name) ? { ...f, type: Array.isArray(type) ? [...(type as AvroType[]), 'null'] : [type, 'null'] } : { ...f, type };
    });
    const to = avscType({ ...reader, fields } as AvroRecordSchema);
    const resolver = recordResolver(writer, reader, from, to);
    return {
      read(row) {
        const value = to.fromBuffer(row, resolver) as Record<string, unknown>;
        for (const name of widened) if (value[name] === null) throw new SchemaError(`${name} is null`);
        return value;
      },
      field(readerField, writerField) {
        const type = fieldType(to, readerField);
        const fieldResolver: Resolver = type.createResolver(fieldType(from, writerField), { ignoreNamespaces: true });
        const notNull = widened.includes(readerField);
        return (row, at) => {
          const decoded = type.decode(row, at, fieldResolver) as { value: unknown; offset: number };
          return notNull && decoded.value === null ? { value: null, offset: -1 } : decoded;
        };
      },
    };
  } catch (error) {
    throw new SchemaError(`${reader.name} cannot be read from ${writer.name}: ${(error as Error).message}`, { cause: error });
  }
}

/** The resolver of two records; where there is none, the error names the first field that cannot be read. */
function recordResolver(writer: AvroRecordSchema, reader: AvroRecordSchema, from: Type, to: Type): Resolver {
  try {
    return to.createResolver(from, { ignoreNamespaces: true });
  } catch (error) {
    for (const field of reader.fields) {
      const written = writerField(writer, field);
      if (written === undefined) continue;
      try {
        fieldType(to, field.name).createResolver(fieldType(from, written.name), { ignoreNamespaces: true });
      } catch (cause) {
        throw new SchemaError(`field ${field.name}: ${(cause as Error).message}`, { cause });
      }
    }
    throw error;
  }
}

/** The writer's field that a reader's field is read from: the one of its name or of an alias. */
export function writerField(writer: AvroRecordSchema, field: AvroField): AvroField | undefined {
  return writer.fields.find((w) => w.name === field.name || field.aliases?.includes(w.name));
}

function hasNull(type: AvroType | undefined): boolean {
  return Array.isArray(type) ? type.includes('null') : type === 'null';
}

function fieldType(record: Type, name: string): Type {
  return (record as types.RecordType).field(name).type;
}

function placed(type: AvroType): unknown {
  return Array.isArray(type) ? type.map((t: AvroType) => (isString(t) ? placeType : t)) : placeType;
}

function isString(type: AvroType): boolean {
  return type === 'string' || (typeof type === 'object' && 'type' in type && type.type === 'string');
}
