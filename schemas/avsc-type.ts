import avsc from 'avsc';
import type { Schema, Type } from 'avsc';
import { shortName, type AvroRecordSchema } from './avro-schema.js';
import { writeLong } from './binary.js';

/** Where a string lies in its row: what a field named in `places` gives instead of the string. */
export interface Place {
  readonly at: number;
  readonly length: number;
}

/**
 * The avsc type of a schema, with four differences: an enum may be read by one that lacks some of its symbols and has no
 * default (a value with such a symbol is refused); longs beyond 2^52 keep their sign and last bit; an array or map cannot
 * announce more than 65,536 items that its bytes have no room for; a skipped block has no negative size.
 */
export function avscType(schema: AvroRecordSchema): Type {
  return avsc.Type.forSchema(schema as Schema, { omitRecordMethods: true, typeHook });
}

/** The value that a field of a record type gets where it is not written. */
export function defaultOf(record: Type, field: string): unknown {
  return (record as avsc.types.RecordType).field(field).defaultValue();
}

// The parts of avsc's types that subclasses see; not in its declarations.
interface Tap {
  readonly buf: Buffer;
  pos: number;
  readLong(): number;
  skipLong(): void;
  readString(): string;
  skipString(): void;
}
interface Codec {
  _read(tap: Tap): unknown;
  _skip(tap: Tap): void;
}
interface MutableResolver {
  _read: ((tap: Tap) => unknown) | null;
  symbols: (string | undefined)[] | null;
}

// Past the end avsc reads zeros until it has all announced items: minutes and gigabytes for a damaged count.
const roomless = 65_536;

function checkCount(tap: Tap, count: number): void {
  if (count > tap.buf.length - tap.pos && count > roomless) throw new Error(`${count} items in ${tap.buf.length - tap.pos} bytes`);
}

function blockCount(tap: Tap): number {
  let count = tap.readLong();
  if (count < 0) {
    count = -count;
    tap.skipLong();
  }
  checkCount(tap, count);
  return count;
}

function skipBlocks(tap: Tap, skipItem: () => void): void {
  for (let count = tap.readLong(); count; count = tap.readLong()) {
    if (count < 0) {
      const size = tap.readLong();
      if (size < 0) throw new Error(`a block of ${size} bytes`);
      tap.pos += size;
    } else {
      checkCount(tap, count);
      while (count-- > 0) skipItem();
    }
  }
}

class BoundedArray extends avsc.types.ArrayType {
  _read(tap: Tap): unknown[] {
    const items = this.itemsType as unknown as Codec;
    const value: unknown[] = [];
    for (let count = blockCount(tap); count > 0; count = blockCount(tap)) while (count-- > 0) value.push(items._read(tap));
    return value;
  }
  _skip(tap: Tap): void {
    const items = this.itemsType as unknown as Codec;
    skipBlocks(tap, () => items._skip(tap));
  }
}

class BoundedMap extends avsc.types.MapType {
  _read(tap: Tap): Record<string, unknown> {
    const values = (this as unknown as { valuesType: Codec }).valuesType;
    const value: Record<string, unknown> = {};
    for (let count = blockCount(tap); count > 0; count = blockCount(tap)) {
      while (count-- > 0) {
        const key = tap.readString();
        value[key] = values._read(tap);
      }
    }
    return value;
  }
  _skip(tap: Tap): void {
    const values = (this as unknown as { valuesType: Codec }).valuesType;
    skipBlocks(tap, () => {
      tap.skipString();
      values._skip(tap);
    });
  }
}

class OpenEnum extends avsc.types.EnumType {
  // A symbol that maps to undefined makes avsc throw when it is read.
  _update(resolver: MutableResolver, type: avsc.types.EnumType & Codec): void {
    if (type.typeName !== 'enum') return;
    const names = [this.name, ...(this.aliases ?? [])].map((n) => n && shortName(n));
    if (type.name !== undefined && !names.includes(shortName(type.name))) return;
    const fallback = (this as unknown as { default?: string }).default;
    resolver.symbols = type.symbols.map((s) => (this.symbols.includes(s) ? s : fallback));
    resolver._read = type._read;
  }
}

// avsc adds up in doubles, which rounds the sign bit away from 2^53 on.
function readExactLong(tap: Tap): number {
  const from = tap.pos;
  const near = tap.readLong();
  if ((near > -(2 ** 52) && near < 2 ** 52) || tap.pos - from > 10) return near;
  let raw = 0n;
  for (let at = from; at < tap.pos; at++) raw |= BigInt(tap.buf[at]! & 127) << BigInt(7 * (at - from));
  return Number((raw >> 1n) ^ -(raw & 1n));
}

class ExactLong extends avsc.types.LongType {
  _read(tap: Tap): number {
    const value = readExactLong(tap);
    // avsc's own bounds
    if (value >= -9007199254740990 && value <= 9007199254740990) return value;
    throw new Error('a long beyond 2^53');
  }
  _write(tap: Tap, value: unknown): void {
    if (!this.isValid(value)) throw new Error(`${String(value)} is not a long`);
    tap.pos = writeLong(tap.buf, tap.pos, value as number);
  }
}

type Update = { _update(resolver: MutableResolver, type: Type): void };

class ExactDouble extends avsc.types.DoubleType {
  _update(resolver: MutableResolver, type: Type): void {
    (avsc.types.DoubleType.prototype as unknown as Update)._update.call(this, resolver, type);
    if (type.typeName === 'long') resolver._read = readExactLong;
  }
}

class ExactFloat extends avsc.types.FloatType {
  _update(resolver: MutableResolver, type: Type): void {
    (avsc.types.FloatType.prototype as unknown as Update)._update.call(this, resolver, type);
    if (type.typeName === 'long') resolver._read = readExactLong;
  }
}

class PlacedString extends avsc.types.StringType {
  _read(tap: Tap): Place | undefined {
    const length = tap.readLong();
    if (length < 0) {
      tap.pos = tap.buf.length + 1;
      return undefined;
    }
    const at = tap.pos;
    tap.pos += length;
    return { at, length };
  }
}

const exactLong = new ExactLong();
const exactDouble = new ExactDouble();
const exactFloat = new ExactFloat();
/** A string that is read as its `Place`. */
export const placeType: Type = new PlacedString();

function typeHook(schema: Schema, options: unknown): Type | undefined {
  const kind = typeof schema === 'string' ? schema : Array.isArray(schema) || schema instanceof avsc.Type ? '' : (schema as { type: unknown }).type;
  switch (kind) {
    case 'array':
      return new BoundedArray(schema, options);
    case 'map':
      return new BoundedMap(schema, options);
    case 'enum':
      return new OpenEnum(schema, options);
    case 'long':
      return exactLong;
    case 'double':
      return exactDouble;
    case 'float':
      return exactFloat;
    default:
      return undefined;
  }
}
