import { type Random, splitmix } from '../../dataflow/splitmix.js';

/** What a decision draws for: its slots, the posterior votes before them, and whether it is left out of the log. */
export const drawStream = 0;
export const voteStream = 1;
export const dropStream = 2;

/**
 * A generator of random numbers that is a function of the text alone; streams of one text are independent.
 *
 * @param seed any text, usually the id of the decision
 */
export function seededRandom(seed: string, stream: number): Random {
  const random = splitmix(stream);
  let high = 0x811c9dc5;
  let low = 0x9747b28c;
  // FNV-1a over the UTF-16 units from two bases; splitmix mixes what this leaves alike
  for (let i = 0; i < seed.length; i++) {
    const unit = seed.charCodeAt(i);
    high = Math.imul(high ^ unit, 0x01000193);
    low = Math.imul(low ^ unit ^ (high >>> 15), 0x01000193);
  }
  random.seed(high, low);
  return random;
}
