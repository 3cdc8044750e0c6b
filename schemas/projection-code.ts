import { plainType, type AvroNamed, type AvroType } from './avro-schema.js';

/** What becomes of one field of the reader. */
export type Target =
  | { readonly kind: 'int' | 'number' | 'boolean' | 'string'; readonly column: number; readonly nullable: boolean }
  | { readonly kind: 'enum'; readonly column: number; readonly nullable: boolean; readonly reader: readonly string[]; readonly fallback: string | undefined }
  | { readonly kind: 'object'; readonly column: number }
  /** In the reader but not asked for, and not sure to be readable from its structure alone: avsc decodes it, to be dropped. */
  | { readonly kind: 'check'; readonly column: number }
  /** `known`: the symbols that the reader can take, where it is an enum and not all are. */
  | { readonly kind: 'skip'; readonly known?: ReadonlySet<string> | undefined };

/** A field of the writer, in order, with the reader's fields that are made of it (a `skip` alone where there is none). */
export interface FieldPlan {
  readonly name: string;
  readonly type: AvroType;
  readonly targets: readonly Target[];
}

type Names = ReadonlyMap<string, AvroNamed>;

/**
 * JavaScript for one pass over records: `(bytes, offset, length, count, skip, out, readers, cursor, doubts) => void`. It takes
 * records that are plainly well-formed; the row numbers of all others are pushed to `doubts`. No read leaves `bytes`:
 * at the start of each field `p + (smallest size of what follows) <= end`, and longer varints are read only up to `last`.
 *
 * `out` holds per column: numbers, booleans and enums `{ data, nulls }`, strings `{ offset, length }`, objects `{ data }`.
 */
export function projectionCode(plan: readonly FieldPlan[], names: Names): string {
  const code = new Code(names);
  const smallest = plan.map((f) => code.smallest(f.type));
  let rest = smallest.reduce((a, b) => a + b, 0);
  const declared = new Set<number>();
  const head: string[] = [];
  for (const target of plan.flatMap((f) => f.targets)) {
    if (target.kind === 'skip' || target.kind === 'check' || declared.has(target.column)) continue;
    const c = target.column;
    declared.add(c);
    if (target.kind === 'string') head.push(`const o${c} = out[${c}].offset, l${c} = out[${c}].length;`);
    else head.push(`const d${c} = out[${c}].data;`);
    if (target.kind !== 'string' && target.kind !== 'object' && target.nullable) head.push(`const n${c} = out[${c}].nulls;`);
  }
  const body: string[] = [];
  plan.forEach((field, i) => {
    rest -= smallest[i]!;
    field.targets.forEach((target, j) => {
      if (j < field.targets.length - 1) body.push(`{ const again = p; ${code.field(field, target, smallest[i]! + rest)} p = again; }`);
      else body.push(code.field(field, target, rest));
    });
  });
  const all = smallest.reduce((a, b) => a + b, 0);
  return `'use strict';
${head.join('\n')}
${code.constants.join('\n')}
${code.usesView ? 'const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);' : ''}
const size = bytes.length, last = size - 10;
let v = 0, b = 0, h = 0;
for (let i = 0; i < count; i++) {
  let p = offset[i] + skip;
  const end = offset[i] + length[i];
  row: {
    if (p < skip || end > size || p > end - ${all}) break row;
    ${body.join('\n    ')}
    if (p === end) continue;
  }
  doubts.push(i);
}`;
}

class Code {
  readonly constants: string[] = [];
  usesView = false;
  #temporaries = 0;
  readonly #names: Names;

  constructor(names: Names) {
    this.#names = names;
  }

  /** Smallest number of bytes of a value. */
  smallest(type: AvroType, within: readonly AvroType[] = []): number {
    const t = plainType(type, this.#names);
    if (Array.isArray(t)) return 1 + Math.min(...t.map((u: AvroType) => this.smallest(u, within)));
    if (typeof t === 'string') return { null: 0, float: 4, double: 8 }[t as string] ?? 1;
    const s = t as AvroNamed;
    if (s.type === 'fixed') return s.size;
    if (s.type !== 'record') return 1;
    if (within.includes(t)) return 0;
    return s.fields.reduce((sum, f) => sum + this.smallest(f.type, [...within, t]), 0);
  }

  /** Code that reads a field into its target and leaves at least `rest` bytes. */
  field(field: FieldPlan, target: Target, rest: number): string {
    if (target.kind === 'object' || target.kind === 'check') {
      const store = target.kind === 'object' ? `d${target.column}[i] = ` : '';
      return `${store}readers[${target.column}](bytes, p, end); p = cursor.at; if (p < 0 || p > end - ${rest}) break row;`;
    }
    const type = plainType(field.type, this.#names);
    if (!Array.isArray(type)) return target.kind === 'skip' ? this.#skip(type, rest, target.known) : this.#read(type, target, rest);
    return this.#union(type, rest, (branch) => {
      if (target.kind === 'skip') return this.#skip(branch, rest, target.known);
      if (plainType(branch, this.#names) !== 'null') return this.#read(plainType(branch, this.#names), target, rest);
      if (!target.nullable) return 'break row;';
      return target.kind === 'string' ? `o${target.column}[i] = 0; l${target.column}[i] = -1;` : `n${target.column}[i] = 1;`;
    });
  }

  #union(branches: readonly AvroType[], rest: number, branchCode: (branch: AvroType) => string): string {
    const least = Math.min(...branches.map((u) => this.smallest(u)));
    const cases = branches.map((branch, k) => {
      const need = this.smallest(branch);
      const room = need > least ? `if (p > end - ${need + rest}) break row; ` : '';
      return `if (v === ${2 * k}) { ${room}${branchCode(branch)} }`;
    });
    return `v = bytes[p++]; ${cases.join(' else ')} else break row;`;
  }

  #read(type: AvroType, target: Exclude<Target, { kind: 'object' | 'check' | 'skip' }>, rest: number): string {
    const c = target.column;
    const room = `if (p > end - ${rest}) break row;`;
    switch (target.kind) {
      case 'boolean':
        return `v = bytes[p++]; if (v > 1) break row; d${c}[i] = v;`;
      case 'string':
        return `${this.#length(rest)} o${c}[i] = p; l${c}[i] = v; p += v; ${room}`;
      case 'enum': {
        const symbols = (type as { symbols: readonly string[] }).symbols;
        const map = symbols.map((s) => target.reader.indexOf(target.reader.includes(s) ? s : (target.fallback ?? s)));
        const read = `v = bytes[p++]; if ((v & 129) !== 0 || v >= ${2 * symbols.length}) break row;`;
        if (map.every((m, k) => m === k)) return `${read} d${c}[i] = v >>> 1;`;
        return `${read} v = m${this.#constant(`Int32Array.of(${map.join(', ')})`)}[v >>> 1]; if (v < 0) break row; d${c}[i] = v;`;
      }
      case 'int':
      case 'number':
        switch (type) {
          case 'int':
            return `v = bytes[p++];
    if (v > 127) {
      if (p > last) break row;
      b = bytes[p++]; v = (v & 127) | (b & 127) << 7;
      if (b > 127) { b = bytes[p++]; v |= (b & 127) << 14;
        if (b > 127) { b = bytes[p++]; v |= (b & 127) << 21;
          if (b > 127) { b = bytes[p++]; if (b > 15) break row; v |= b << 28; } } }
      ${room}
    }
    d${c}[i] = (v >>> 1) ^ -(v & 1);`;
          case 'long':
            // 28 + 25 bits: exact in a double; longer ones are left to avsc
            return `v = bytes[p++];
    if (v > 127) {
      if (p > last) break row;
      b = bytes[p++]; v = (v & 127) | (b & 127) << 7;
      if (b > 127) { b = bytes[p++]; v |= (b & 127) << 14;
        if (b > 127) { b = bytes[p++]; v |= (b & 127) << 21; } }
      h = 0;
      if (b > 127) { b = bytes[p++]; h = b & 127;
        if (b > 127) { b = bytes[p++]; h |= (b & 127) << 7;
          if (b > 127) { b = bytes[p++]; h |= (b & 127) << 14;
            if (b > 127) { b = bytes[p++]; if (b > 15) break row; h |= b << 21; } } } }
      ${room}
      d${c}[i] = (v & 1) === 0 ? h * 134217728 + (v >>> 1) : -1 - (h * 134217728 + (v >>> 1));
    } else d${c}[i] = (v >>> 1) ^ -(v & 1);`;
          case 'float':
            this.usesView = true;
            return `d${c}[i] = view.getFloat32(p, true); p += 4;`;
          case 'double':
            this.usesView = true;
            return `d${c}[i] = view.getFloat64(p, true); p += 8;`;
        }
    }
    return 'break row;';
  }

  /** Moves past a value that is well-formed. */
  #skip(given: AvroType, rest: number, known?: ReadonlySet<string>, within: readonly AvroType[] = []): string {
    const type = plainType(given, this.#names);
    const room = `if (p > end - ${rest}) break row;`;
    if (Array.isArray(type)) return this.#union(type, rest, (branch) => this.#skip(branch, rest, known, within));
    switch (type) {
      case 'null':
        return '';
      case 'boolean':
        return 'if (bytes[p++] > 1) break row;';
      case 'int':
      case 'long':
        // at most 7 bytes: safely within 2^53
        return `if (bytes[p++] > 127) {
      if (p > last) break row;
      if (bytes[p++] > 127 && bytes[p++] > 127 && bytes[p++] > 127 && bytes[p++] > 127 && bytes[p++] > 127 && bytes[p++] > 127) break row;
      ${room}
    }`;
      case 'float':
        return 'p += 4;';
      case 'double':
        return 'p += 8;';
      case 'string':
      case 'bytes':
        return `${this.#length(rest)} p += v; ${room}`;
    }
    const schema = type as AvroNamed | { type: 'array'; items: AvroType } | { type: 'map'; values: AvroType };
    switch (schema.type) {
      case 'fixed':
        return `p += ${schema.size};`;
      case 'enum': {
        const read = `v = bytes[p++]; if ((v & 129) !== 0 || v >= ${2 * schema.symbols.length}) break row;`;
        const taken = schema.symbols.map((s) => (known === undefined || known.has(s) ? 1 : 0));
        return taken.includes(0) ? `${read} if (m${this.#constant(`Int32Array.of(${taken.join(', ')})`)}[v >>> 1] === 0) break row;` : read;
      }
      case 'record': {
        // a type within itself has no end as inline code
        if (within.includes(type)) return 'break row;';
        let after = schema.fields.reduce((sum, f) => sum + this.smallest(f.type), rest);
        return schema.fields
          .map((f) => {
            after -= this.smallest(f.type);
            return this.#skip(f.type, after, undefined, [...within, type]);
          })
          .join('\n    ');
      }
      case 'array':
        return this.#blocks(schema.items, '', rest, within);
      case 'map':
        return this.#blocks(schema.values, `${this.#length(0)} p += v;`, rest, within);
    }
  }

  #blocks(item: AvroType, key: string, rest: number, within: readonly AvroType[]): string {
    const n = `n${(this.#temporaries += 1)}_`;
    const need = this.smallest(item);
    if (need === 0 && key === '') return 'break row;';
    return `for (;;) {
      if (p >= end) break row;
      ${this.#length(0)}
      let ${n} = v;
      if (${n} === 0) break;
      while (${n}-- > 0) {
        ${key === '' ? '' : `if (p >= end) break row; ${key}`}
        if (p > end - ${need}) break row;
        ${this.#skip(item, 0, undefined, within)}
      }
    }
    if (p > end - ${rest}) break row;`;
  }

  /** A length or count that is not negative and below 2^27, into `v`. */
  #length(rest: number): string {
    return `v = bytes[p++];
    if (v > 127) {
      if (p > last) break row;
      b = bytes[p++]; v = (v & 127) | (b & 127) << 7;
      if (b > 127) { b = bytes[p++]; v |= (b & 127) << 14;
        if (b > 127) { b = bytes[p++]; if (b > 127) break row; v |= b << 21; } }
      if (p > end - ${rest}) break row;
    }
    if ((v & 1) !== 0) break row;
    v >>>= 1;`;
  }

  #constant(expression: string): number {
    const k = this.constants.length;
    this.constants.push(`const m${k} = ${expression};`);
    return k;
  }
}
