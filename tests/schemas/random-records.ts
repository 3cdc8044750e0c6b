import fc from 'fast-check';
import { isPrimitive, namedTypes, type AvroNamed, type AvroRecordSchema, type AvroType } from '../../schemas/avro-schema.js';

/** Values of a record schema. Longs stay below 2^52, where avsc is exact. */
export function recordOf(schema: AvroRecordSchema): fc.Arbitrary<Record<string, unknown>> {
  return valueOf(schema, namedTypes(schema)) as fc.Arbitrary<Record<string, unknown>>;
}

function valueOf(type: AvroType, names: ReadonlyMap<string, AvroNamed>): fc.Arbitrary<unknown> {
  if (typeof type === 'string') return isPrimitive(type) ? primitives[type] : valueOf(names.get(type)!, names);
  if (Array.isArray(type)) {
    return fc.oneof(...(type as AvroType[]).map((t) => valueOf(t, names)));
  }
  const t = type as Exclude<AvroType, string | readonly AvroType[]>;
  switch (t.type) {
    case 'record':
      return fc.record(Object.fromEntries(t.fields.map((f) => [f.name, valueOf(f.type, names)])));
    case 'enum':
      return fc.constantFrom(...t.symbols);
    case 'fixed':
      return fc.uint8Array({ minLength: t.size, maxLength: t.size }).map((b) => Buffer.from(b));
    case 'array':
      return fc.array(valueOf(t.items, names), { maxLength: 4 });
    case 'map':
      return fc.dictionary(fc.stringMatching(/^[a-z]{1,3}$/), valueOf(t.values, names), { maxKeys: 3 });
    default:
      return primitives[t.type];
  }
}

const long = fc.oneof(
  fc.integer({ min: -70, max: 70 }),
  fc.integer(),
  fc.maxSafeInteger().filter((n) => Math.abs(n) < 2 ** 52),
  fc.integer({ min: 1_700_000_000_000, max: 1_800_000_000_000 }),
);

const primitives = {
  null: fc.constant(null),
  boolean: fc.boolean(),
  int: fc.oneof(fc.integer({ min: -70, max: 70 }), fc.integer()),
  long,
  float: fc.float(),
  double: fc.double(),
  bytes: fc.uint8Array({ maxLength: 5 }).map((b) => Buffer.from(b)),
  string: fc.oneof(fc.string({ maxLength: 6 }), fc.string({ unit: 'grapheme', maxLength: 4 }), fc.constant('\ufeffx'), fc.string({ minLength: 60, maxLength: 80 })),
} as const satisfies Record<string, fc.Arbitrary<unknown>>;

/** A change of a payload: positions are fractions of its length. */
export type Mutation =
  | { readonly kind: 'none' }
  | { readonly kind: 'flip'; readonly at: number; readonly bit: number }
  | { readonly kind: 'set'; readonly at: number; readonly byte: number }
  | { readonly kind: 'truncate'; readonly at: number }
  | { readonly kind: 'insert'; readonly at: number; readonly bytes: Uint8Array }
  | { readonly kind: 'remove'; readonly at: number; readonly count: number };

/** @param top largest byte that a mutation may bring in; below 128 it makes no varint longer */
export function mutation(top = 255): fc.Arbitrary<Mutation> {
  const at = fc.nat(999).map((n) => n / 1000);
  const byte = fc.oneof(fc.nat(12), fc.nat(top));
  return fc.oneof(
    fc.record({ kind: fc.constant('none' as const) }),
    fc.record({ kind: fc.constant('flip' as const), at, bit: fc.nat(top > 127 ? 7 : 6) }),
    fc.record({ kind: fc.constant('set' as const), at, byte }),
    fc.record({ kind: fc.constant('truncate' as const), at }),
    fc.record({ kind: fc.constant('insert' as const), at, bytes: fc.array(byte, { minLength: 1, maxLength: 9 }).map((b) => Uint8Array.from(b)) }),
    fc.record({ kind: fc.constant('remove' as const), at, count: fc.integer({ min: 1, max: 3 }) }),
  );
}

export function mutate(payload: Buffer, m: Mutation): Buffer {
  if (m.kind === 'none') return payload;
  const at = Math.floor(m.at * payload.length);
  const out = Buffer.from(payload);
  switch (m.kind) {
    case 'flip':
      if (at < out.length) out[at]! ^= 1 << m.bit;
      return out;
    case 'set':
      if (at < out.length) out[at] = m.byte;
      return out;
    case 'truncate':
      return out.subarray(0, at);
    case 'insert':
      return Buffer.concat([out.subarray(0, at), m.bytes, out.subarray(at)]);
    case 'remove':
      return Buffer.concat([out.subarray(0, at), out.subarray(at + m.count)]);
  }
}
