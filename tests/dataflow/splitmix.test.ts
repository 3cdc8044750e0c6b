import { expect, test } from 'vitest';
import { splitmix } from '../../dataflow/splitmix.js';

const m64 = (1n << 64n) - 1n;

function mix(x: bigint): bigint {
  let z = (x + 0x9e3779b97f4a7c15n) & m64;
  z = ((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n) & m64;
  z = ((z ^ (z >> 27n)) * 0x94d049bb133111ebn) & m64;
  return z ^ (z >> 31n);
}

test('the published sequence for seed 1234567', () => {
  const random = splitmix(1_234_567);
  const next = (): bigint => {
    const high = BigInt(random.next() >>> 0);
    return (high << 32n) | BigInt(random.next() >>> 0);
  };
  expect(Array.from({ length: 3 }, next)).toEqual([6457827717110365317n, 3203168211198807973n, 9817491932198370423n]);
});

test('the same bits as 64-bit arithmetic, for many seeds and streams', () => {
  let wide = 42n;
  for (let i = 0; i < 2_000; i++) {
    wide = mix(wide);
    const seed = BigInt.asIntN(64, wide);
    const random = splitmix(seed);
    random.seed(i, i * 7919);
    let state = mix(wide ^ ((BigInt(i) << 32n) | BigInt(i * 7919)));
    for (let k = 0; k < 3; k++) {
      const expected = mix(state);
      state = (state + 0x9e3779b97f4a7c15n) & m64;
      expect([random.next() >>> 0, random.next() >>> 0]).toEqual([Number(expected >> 32n), Number(expected & 0xffffffffn)]);
    }
  }
});
