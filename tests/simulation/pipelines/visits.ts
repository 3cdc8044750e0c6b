import { topic } from '../../../dataflow/topic.js';
import type { SimulatedPipeline } from './simulated-pipeline.js';

export interface Visit {
  readonly n: number;
  readonly user: string;
  readonly page: string;
  readonly ms: number;
  readonly at: number;
}

export const visitSchema = {
  type: 'record',
  name: 'Visit',
  fields: [
    { name: 'n', type: 'int' },
    { name: 'user', type: 'string' },
    { name: 'page', type: 'string' },
    { name: 'ms', type: 'int' },
    { name: 'at', type: 'long' },
  ],
} as const;

/** What simulated pipelines read. */
export const visits = topic<Visit>('visits', { key: 'user', time: 'at', value: visitSchema });

/** Visits a second apart, some late, some far too late, and now and then one that cannot be read. */
export const visitOf: SimulatedPipeline['record'] = (n, { random, chance, between }, now) => {
  if (chance(0.03)) return { topic: visits, record: Buffer.from(`no visit ${n}`) };
  const at = Math.floor(now + n * 1_000 - (chance(0.8) ? between(0, 3_000) : between(0, 60_000)));
  return { topic: visits, record: { n, user: `u${random.below(5)}`, page: `p${random.below(4)}`, ms: random.below(1_000), at } satisfies Visit };
};
