/** A copy of an array with room for at least `least` elements, and twice of what there was. */
export function enlarged<A extends Int32Array | Float64Array | Uint8Array>(array: A, least: number): A {
  const larger = new (array.constructor as new (n: number) => A)(Math.max(array.length * 2, least));
  larger.set(array);
  return larger;
}
