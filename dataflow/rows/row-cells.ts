import { deserialize, serialize } from 'node:v8';
import { cell, type Column, type StringColumn } from '../../schemas/column.js';
import type { ByteReader, ByteWriter } from '../bytes.js';

/** One field of a `RowStore`: a value a slot. A slot that was never written is null. */
export interface Cells {
  readonly kind: Column['kind'] | 'null';
  readonly bytes: number;
  /** Row `i` of `column` to slot `slots[i]`. The column has this kind, or is all null, or the cells take anything. */
  put(column: Column, slots: Int32Array, n: number): void;
  /** The values of some slots. */
  gather(slots: Int32Array): Column;
  /** The value is no longer needed. */
  drop(slot: number): void;
}

/** Cells for columns of `kind`. */
export function cellsFor(kind: Column['kind']): Cells {
  switch (kind) {
    case 'number':
      return numberCells();
    case 'boolean':
      return booleanCells();
    case 'enum':
      return enumCells();
    case 'string':
      return stringCells();
    case 'vector':
    case 'object':
      return objectCells();
  }
}

/** Whether a column has no value at all: then its kind says nothing. */
export function isEmptyColumn(column: Column, n: number): boolean {
  if (column.kind !== 'object') return false;
  for (let i = 0; i < n; i++) if (column.data[i] !== null && column.data[i] !== undefined) return false;
  return true;
}

/** Cells of a field of which no value has been seen. */
export function nullCells(): Cells {
  return {
    kind: 'null',
    bytes: 0,
    put() {},
    gather: (slots) => ({ kind: 'object', data: new Array<null>(slots.length).fill(null) }),
    drop() {},
  };
}

const isNullAt = (column: Column, i: number): boolean => {
  if (column.kind === 'string') return column.length[i]! < 0;
  if (column.kind === 'object') return column.data[i] === null || column.data[i] === undefined;
  return column.kind !== 'vector' && column.nulls?.[i] === 1;
};

const highest = (slots: Int32Array, n: number): number => {
  let most = -1;
  for (let i = 0; i < n; i++) if (slots[i]! > most) most = slots[i]!;
  return most;
};

const roomFor = (length: number, slot: number): number => (slot < length ? length : Math.max(16, length * 2, slot + 1));

/** Flags of the slots that hold a value. */
function presence() {
  let present = new Uint8Array(16);
  return {
    get length() {
      return present.length;
    },
    grow(length: number) {
      const larger = new Uint8Array(length);
      larger.set(present);
      present = larger;
    },
    mark(column: Column, slots: Int32Array, n: number) {
      if (column.kind !== 'object' && column.kind !== 'vector' && column.kind !== 'string' && column.nulls === undefined) {
        for (let i = 0; i < n; i++) present[slots[i]!] = 1;
        return;
      }
      for (let i = 0; i < n; i++) present[slots[i]!] = isNullAt(column, i) ? 0 : 1;
    },
    clear(slot: number) {
      present[slot] = 0;
    },
    nulls(slots: Int32Array): Uint8Array | undefined {
      let nulls: Uint8Array | undefined;
      for (let i = 0; i < slots.length; i++) if (present[slots[i]!] === 0) (nulls ??= new Uint8Array(slots.length))[i] = 1;
      return nulls;
    },
  };
}

function numberCells(): Cells {
  let data = new Float64Array(16);
  const present = presence();
  return {
    kind: 'number',
    get bytes() {
      return data.length * 9;
    },
    put(column, slots, n) {
      const length = roomFor(data.length, highest(slots, n));
      if (length > data.length) {
        const larger = new Float64Array(length);
        larger.set(data);
        data = larger;
        present.grow(length);
      }
      present.mark(column, slots, n);
      if (column.kind !== 'number') return;
      const values = column.data;
      for (let i = 0; i < n; i++) data[slots[i]!] = values[i]!;
    },
    gather(slots) {
      const out = new Float64Array(slots.length);
      for (let i = 0; i < out.length; i++) out[i] = data[slots[i]!]!;
      return { kind: 'number', data: out, nulls: present.nulls(slots) };
    },
    drop: (slot) => present.clear(slot),
  };
}

function booleanCells(): Cells {
  const numbers = numberCells();
  return {
    kind: 'boolean',
    get bytes() {
      return numbers.bytes;
    },
    put: (column, slots, n) => numbers.put(column.kind === 'boolean' ? { kind: 'number', data: Int32Array.from(column.data), nulls: column.nulls } : column, slots, n),
    gather(slots) {
      const { data, nulls } = numbers.gather(slots) as Column & { kind: 'number' };
      return { kind: 'boolean', data: Uint8Array.from(data), nulls };
    },
    drop: (slot) => numbers.drop(slot),
  };
}

function enumCells(): Cells {
  const numbers = numberCells();
  const symbols: string[] = [];
  const codes = new Map<string, number>();
  const codeOf = (symbol: string) => {
    let code = codes.get(symbol);
    if (code === undefined) codes.set(symbol, (code = symbols.push(symbol) - 1));
    return code;
  };
  return {
    kind: 'enum',
    get bytes() {
      return numbers.bytes;
    },
    put(column, slots, n) {
      if (column.kind !== 'enum') {
        numbers.put(column, slots, n);
        return;
      }
      const translated = column.symbols.map(codeOf);
      const data = new Int32Array(n);
      for (let i = 0; i < n; i++) data[i] = translated[column.data[i]!]!;
      numbers.put({ kind: 'number', data, nulls: column.nulls }, slots, n);
    },
    gather(slots) {
      const { data, nulls } = numbers.gather(slots) as Column & { kind: 'number' };
      return { kind: 'enum', data: Int32Array.from(data), symbols: [...symbols], nulls };
    },
    drop: (slot) => numbers.drop(slot),
  };
}

/** Text in one pool; the pool is written anew when more than half of it belongs to no slot any more. */
function stringCells(): Cells {
  let pool = new Uint8Array(256);
  let end = 0;
  let dead = 0;
  let offset = new Int32Array(16);
  let length = new Int32Array(16).fill(-1);
  const compact = (room: number) => {
    const larger = new Uint8Array(Math.max(256, (end - dead + room) * 2));
    let to = 0;
    for (let slot = 0; slot < length.length; slot++) {
      const n = length[slot]!;
      if (n <= 0) continue;
      const from = offset[slot]!;
      for (let k = 0; k < n; k++) larger[to + k] = pool[from + k]!;
      offset[slot] = to;
      to += n;
    }
    pool = larger;
    end = to;
    dead = 0;
  };
  return {
    kind: 'string',
    get bytes() {
      return pool.length + offset.length * 8;
    },
    put(column, slots, n) {
      const slotsNeeded = roomFor(offset.length, highest(slots, n));
      if (slotsNeeded > offset.length) {
        const offsets = new Int32Array(slotsNeeded);
        offsets.set(offset);
        const lengths = new Int32Array(slotsNeeded).fill(-1);
        lengths.set(length);
        offset = offsets;
        length = lengths;
      }
      const text = column.kind === 'string' ? column : undefined;
      let size = 0;
      for (let i = 0; i < n; i++) {
        const slot = slots[i]!;
        if (length[slot]! > 0) dead += length[slot]!;
        length[slot] = -1;
        if (text !== undefined && text.length[i]! > 0) size += text.length[i]!;
      }
      if (end + size > pool.length) {
        if (dead * 2 > end) compact(size);
        else {
          if (end + size > 0x7fff_ffff) throw new Error('a store holds more than 2 GiB of text');
          const larger = new Uint8Array(Math.min(0x7fff_ffff, Math.max(pool.length * 2, end + size)));
          larger.set(pool.subarray(0, end));
          pool = larger;
        }
      }
      if (text === undefined) return;
      const { bytes } = text;
      for (let i = 0; i < n; i++) {
        const slot = slots[i]!;
        const l = text.length[i]!;
        length[slot] = l;
        offset[slot] = end;
        const from = text.offset[i]!;
        for (let k = 0; k < l; k++) pool[end + k] = bytes[from + k]!;
        if (l > 0) end += l;
      }
    },
    gather(slots) {
      const n = slots.length;
      const offsets = new Int32Array(n);
      const lengths = new Int32Array(n);
      let size = 0;
      for (let i = 0; i < n; i++) if (length[slots[i]!]! > 0) size += length[slots[i]!]!;
      const bytes = new Uint8Array(size);
      let at = 0;
      for (let i = 0; i < n; i++) {
        const l = length[slots[i]!]!;
        const from = offset[slots[i]!]!;
        lengths[i] = l;
        offsets[i] = at;
        for (let k = 0; k < l; k++) bytes[at + k] = pool[from + k]!;
        if (l > 0) at += l;
      }
      return { kind: 'string', bytes, offset: offsets, length: lengths };
    },
    drop(slot) {
      if (length[slot]! > 0) dead += length[slot]!;
      length[slot] = -1;
    },
  };
}

/** Cells that take any value. */
export function objectCells(): Cells {
  const data: unknown[] = [];
  return {
    kind: 'object',
    get bytes() {
      return data.length * 64;
    },
    put(column, slots, n) {
      for (let i = 0; i < n; i++) data[slots[i]!] = cell(column, i);
    },
    gather: (slots) => ({ kind: 'object', data: Array.from(slots, (slot) => data[slot] ?? null) }),
    drop(slot) {
      data[slot] = null;
    },
  };
}

const kinds: readonly Column['kind'][] = ['number', 'boolean', 'enum', 'string', 'object'];

/** Writes the `n` values of a column. */
export function writeColumn(out: ByteWriter, column: Column, n: number): void {
  out.u32(kinds.indexOf(column.kind));
  switch (column.kind) {
    case 'string': {
      out.array(column.length);
      const used = column.length.reduce((sum, l) => sum + Math.max(l, 0), 0);
      const bytes = new Uint8Array(used);
      let at = 0;
      for (let i = 0; i < n; i++) {
        const l = column.length[i]!;
        if (l <= 0) continue;
        bytes.set(column.bytes.subarray(column.offset[i]!, column.offset[i]! + l), at);
        at += l;
      }
      out.bytes(bytes);
      return;
    }
    case 'object':
    case 'vector':
      out.bytes(serialize(column.kind === 'object' ? column.data : Array.from({ length: n }, (_, i) => cell(column, i))));
      return;
    default:
      if (column.kind === 'enum') out.bytes(Buffer.from(JSON.stringify(column.symbols)));
      out.array(column.data instanceof Float64Array ? column.data : Float64Array.from(column.data));
      out.bytes(column.nulls ?? new Uint8Array(0));
  }
}

/** Reads what `writeColumn` wrote. */
export function readColumn(from: ByteReader, n: number): Column {
  const kind = kinds[from.u32()]!;
  switch (kind) {
    case 'string': {
      const length = from.int32s(n);
      const offset = new Int32Array(n);
      let at = 0;
      for (let i = 0; i < n; i++) {
        offset[i] = at;
        at += Math.max(length[i]!, 0);
      }
      return { kind, bytes: from.bytes(), offset, length } satisfies StringColumn;
    }
    case 'number':
    case 'boolean':
    case 'enum': {
      const symbols = kind === 'enum' ? (JSON.parse(Buffer.from(from.bytes()).toString()) as string[]) : [];
      const data = from.float64s(n);
      const flags = from.bytes();
      const nulls = flags.length === 0 ? undefined : Uint8Array.from(flags);
      if (kind === 'number') return { kind, data, nulls };
      return kind === 'boolean' ? { kind, data: Uint8Array.from(data), nulls } : { kind, data: Int32Array.from(data), symbols, nulls };
    }
    default:
      return { kind: 'object', data: deserialize(from.bytes()) as unknown[] };
  }
}
