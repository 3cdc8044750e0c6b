import type { Table } from './environment.js';

/**
 * A `get` that returns each value as bytes of its own. Twice as fast as the table's for small values: lmdb's buffer is copied into
 * Node's buffer pool instead of a new ArrayBuffer for each value.
 */
export function copyingGet(table: Table): (key: Uint8Array) => Uint8Array | undefined {
  // the buffer that lmdb reads into, seen at its full size; lmdb replaces it when a value does not fit
  let source: Uint8Array | undefined;
  let whole = new Uint8Array(0);
  return (key) => {
    const value = table.getBinaryFast(key);
    if (value === undefined) return undefined;
    if (value !== source) {
      source = value;
      // its `length` is that of the last value: the true one is the byteLength
      whole = new Uint8Array(value.buffer as ArrayBuffer, value.byteOffset, value.byteLength);
    }
    const copy = Buffer.allocUnsafe(value.length);
    copy.set(whole.subarray(0, value.length));
    return copy;
  };
}
