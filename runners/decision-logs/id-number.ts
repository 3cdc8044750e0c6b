/**
 * The id of a user or decision as the number that the columns of an evaluation hold: numbers are themselves, text is hashed to 52 bits. Of 10 million ids
 * two share a number in one of about a hundred logs.
 */
export function idNumber(id: string | number): number {
  if (typeof id === 'number') return id;
  let a = 0x811c9dc5;
  let b = 0x9747b28c;
  for (let i = 0; i < id.length; i++) {
    const c = id.charCodeAt(i);
    a = Math.imul(a ^ c, 0x01000193);
    b = Math.imul(b ^ c, 0x5bd1e995);
    b ^= b >>> 15;
  }
  a = Math.imul(a ^ (a >>> 16), 0x85ebca6b);
  b = Math.imul(b ^ (b >>> 13), 0xc2b2ae35);
  return ((a ^ (a >>> 13)) >>> 0) * 0x100000 + ((b ^ (b >>> 16)) >>> 12);
}
