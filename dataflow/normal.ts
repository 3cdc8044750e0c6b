/** A number of the standard normal distribution, from two of `uniform` in [0, 1). Source: G. Box and M. Muller, "A note on the generation of random normal deviates", 1958. */
export function normal(uniform: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
}
