import fc from 'fast-check';
import { topic } from '../../dataflow/topic.js';

/** Records of the model: `who` is the key. */
export interface Bid {
  readonly id: number;
  readonly who: string;
  readonly price: number;
  readonly t: number;
}

export const bids = topic('bids', { time: 't', value: { id: 'int', who: 'string', price: 'int', t: 'timestamp' } });

/** Any value that is an object, as text in one field. */
export const found = topic('found', { value: { json: 'string' } });

const start = 1_600_000_000_000;

/** A record at `t` milliseconds. */
export const aBid = (id: number, who: string, price: number, t: number): Bid => ({ id, who, price, t: start + t });

/** Streams that are out of order by up to 30 ms; times are all different unless `ties`. */
export function someBids({ rows = 60, ties = true } = {}): fc.Arbitrary<readonly Bid[]> {
  const aStep = fc.record({
    who: fc.constantFrom('a', 'b', 'c', 'd', 'ünï'),
    price: fc.integer({ min: 1, max: 12 }),
    step: fc.oneof({ weight: 9, arbitrary: fc.integer({ min: 0, max: 25 }) }, { weight: 1, arbitrary: fc.integer({ min: 100, max: 900 }) }),
    back: fc.integer({ min: 0, max: 30 }),
  });
  return fc.array(aStep, { maxLength: rows }).map((steps) => {
    let now = 1_000;
    const taken = new Set<number>();
    return steps.map(({ who, price, step, back }, id) => {
      now += step;
      let t = now - back;
      while (!ties && taken.has(t)) t -= 1;
      taken.add(t);
      return aBid(id, who, price, t);
    });
  });
}

/** How far behind a record may be. */
export const disorder = 90;

/** What disturbs a run: partitions, small steps and restarts. */
export const aDisturbance = fc.record({ partitions: fc.integer({ min: 1, max: 8 }), seed: fc.integer({ min: 0, max: 1e6 }), stepRows: fc.integer({ min: 1, max: 20 }) }).map(({ partitions, seed, stepRows }) => ({ partitions, stepRows, commitMs: 0, restarts: { seed, share: 0.3 } }));
