import { count } from '../../dataflow/aggregates/count.js';
import { columnsOf } from '../../dataflow/expression.js';
import { pipeline } from '../../dataflow/pipeline.js';
import { topic } from '../../dataflow/topic.js';
import { keyBy } from '../../operators/key-by.js';
import { to } from '../../operators/to.js';
import { topN } from '../../operators/top-n.js';
import { window } from '../../operators/window.js';
import type { Query } from './query.js';
import { bid, disorder, tick } from './topics.js';

interface Row {
  readonly auction: number;
  readonly num: number;
  readonly windowStart: number;
  readonly windowEnd: number;
}

const row = columnsOf<Row>();
const result = topic('q5', { value: { auction: 'long', num: 'long', windowStart: 'timestamp', windowEnd: 'timestamp' } });

/** Hot items: the auctions with the most bids of the last ten seconds, every two seconds. A window's rows are one group: they have one event time. */
export const q5: Query = {
  reads: ['bid'],
  result,
  pipeline: () =>
    pipeline('q5', ({ from }) =>
      from(bid, { disorder }).pipe(
        keyBy(bid.auction),
        window('bids', { size: '10s', every: '2s' }, { num: count() }),
        keyBy(row.windowEnd),
        topN('hottest', { n: 1, by: row.num, ties: true, every: '2s' }),
        to(result),
      ), { tick }),
  line: (r: Row) => [r.auction, r.num, r.windowEnd - 10_000, r.windowEnd],
};
