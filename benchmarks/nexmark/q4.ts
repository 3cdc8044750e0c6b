import { max } from '../../dataflow/aggregates/max.js';
import { mean } from '../../dataflow/aggregates/mean.js';
import { columnsOf } from '../../dataflow/expression.js';
import { pipeline } from '../../dataflow/pipeline.js';
import { topic } from '../../dataflow/topic.js';
import { session } from '../../dataflow/windows/window-spec.js';
import { aggregate } from '../../operators/aggregate.js';
import { keyBy } from '../../operators/key-by.js';
import { to } from '../../operators/to.js';
import { window } from '../../operators/window.js';
import type { Query } from './query.js';
import { tick } from './topics.js';
import { type ValidBid, validBids } from './valid-bids.js';

const bids = columnsOf<ValidBid>();
const closed = columnsOf<{ readonly category: number | null; readonly final: number | null }>();
const result = topic('q4', { value: { category: 'long', average: 'double' } });

/** Average of the winning prices of each category. An auction is open for less than the gap, so its bids are one session, and its price is final with it. */
export const q4: Query = {
  reads: ['bid', 'auction'],
  result,
  pipeline: (longestAuctionMs) =>
    pipeline('q4', ({ from }) =>
      validBids(from, longestAuctionMs).pipe(
        window('final-price', session(longestAuctionMs), { final: max(bids.price), category: max(bids.category) }),
        keyBy(closed.category),
        aggregate('prices', { average: mean(closed.final) }),
        to(result),
      ), { tick }),
  line: (r: { category: number; average: number }) => [r.category, Math.trunc(r.average)],
  key: (r: { category: number }) => String(r.category),
};
