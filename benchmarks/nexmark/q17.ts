import { count } from '../../dataflow/aggregates/count.js';
import { max } from '../../dataflow/aggregates/max.js';
import { min } from '../../dataflow/aggregates/min.js';
import { sum } from '../../dataflow/aggregates/sum.js';
import { pipeline } from '../../dataflow/pipeline.js';
import { topic } from '../../dataflow/topic.js';
import { keyBy } from '../../operators/key-by.js';
import { to } from '../../operators/to.js';
import { window } from '../../operators/window.js';
import type { Query } from './query.js';
import { bid, disorder, tick } from './topics.js';

interface Row {
  readonly auction: number;
  readonly windowStart: number;
  readonly total: number;
  readonly low: number;
  readonly middle: number;
  readonly high: number;
  readonly least: number;
  readonly most: number;
  readonly sum: number;
}

const result = topic('q17', { value: { auction: 'long', windowStart: 'timestamp', total: 'long', low: 'long', middle: 'long', high: 'long', least: 'long?', most: 'long?', sum: 'long' } });

/** Statistics of each auction and day. */
export const q17: Query = {
  reads: ['bid'],
  result,
  pipeline: () =>
    pipeline('q17', ({ from }) =>
      from(bid, { disorder }).pipe(
        keyBy(bid.auction),
        window('statistics', { every: '1d' }, {
          total: count(),
          low: count().where(bid.price.under(10_000)),
          middle: count().where(bid.price.atLeast(10_000).and(bid.price.under(1_000_000))),
          high: count().where(bid.price.atLeast(1_000_000)),
          least: min(bid.price),
          most: max(bid.price),
          sum: sum(bid.price),
        }),
        to(result),
      ), { tick }),
  line: (r: Row) => [r.auction, new Date(r.windowStart).toISOString().slice(0, 10), r.total, r.low, r.middle, r.high, r.least, r.most, Math.trunc(r.sum / r.total), r.sum],
};
