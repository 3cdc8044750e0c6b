/** Uniform numbers: `next` a signed 32-bit integer, `unit` in [0, 1) with 32 bits, `real` in [0, 1) with 53 bits, `below` an integer in [0, n). */
export interface Random {
  /** Starts the sequence of another (stream, index); the same pair gives the same numbers. */
  seed(stream: number, index: number): void;
  next(): number;
  unit(): number;
  real(): number;
  below(n: number): number;
}

/**
 * SplitMix64 on 32-bit halves (Steele, Lea, Flood, OOPSLA 2014), without BigInt: each step gives 64 bits, handed out as
 * two numbers. `seed` starts a sequence at mix(seed ^ mix(stream, index)).
 */
export function splitmix(seed: bigint | number): Random {
  const wide = BigInt.asUintN(64, BigInt(seed));
  const seedHigh = Number(wide >> 32n) | 0;
  const seedLow = Number(wide & 0xffffffffn) | 0;
  let high = seedHigh;
  let low = seedLow;
  let spare = 0;
  let hasSpare = false;

  const next = (): number => {
    if (hasSpare) {
      hasSpare = false;
      return spare;
    }
    // state += 0x9E3779B97F4A7C15
    const sum = (low + 0x7f4a7c15) | 0;
    high = (high + 0x9e3779b9 + (sum >>> 0 < 0x7f4a7c15 ? 1 : 0)) | 0;
    low = sum;
    let zh = high ^ (high >>> 30);
    let zl = low ^ ((low >>> 30) | (high << 2));
    // * 0xBF58476D1CE4E5B9
    let h = (Math.imul(zh, 0x1ce4e5b9) + Math.imul(zl, 0xbf58476d) + multiplyHigh(zl, 0x1ce4e5b9)) | 0;
    let l = Math.imul(zl, 0x1ce4e5b9);
    zh = h ^ (h >>> 27);
    zl = l ^ ((l >>> 27) | (h << 5));
    // * 0x94D049BB133111EB
    h = (Math.imul(zh, 0x133111eb) + Math.imul(zl, 0x94d049bb) + multiplyHigh(zl, 0x133111eb)) | 0;
    l = Math.imul(zl, 0x133111eb);
    spare = l ^ ((l >>> 31) | (h << 1));
    hasSpare = true;
    return h ^ (h >>> 31);
  };
  return {
    seed(stream, index) {
      high = seedHigh ^ stream;
      low = seedLow ^ index;
      hasSpare = false;
      const h = next();
      low = spare;
      high = h;
      hasSpare = false;
    },
    next,
    unit: () => (next() >>> 0) / 4294967296,
    real: () => ((next() >>> 5) * 67108864 + (next() >>> 6)) / 9007199254740992,
    below: (n) => Math.floor(((next() >>> 0) / 4294967296) * n),
  };
}

/** High 32 bits of the product of two unsigned 32-bit numbers. */
function multiplyHigh(a: number, b: number): number {
  const al = a & 0xffff;
  const ah = a >>> 16;
  const bl = b & 0xffff;
  const bh = b >>> 16;
  const cross = Math.imul(ah, bl) >>> 0;
  const middle = (Math.imul(al, bh) >>> 0) + (cross & 0xffff) + (Math.imul(al, bl) >>> 16);
  return (Math.imul(ah, bh) + (cross >>> 16) + Math.floor(middle / 65536)) | 0;
}
