import { constant } from '../../dataflow/expression.js';
import { pipeline } from '../../dataflow/pipeline.js';
import { topic } from '../../dataflow/topic.js';
import { keyBy } from '../../operators/key-by.js';
import { to } from '../../operators/to.js';
import { window } from '../../operators/window.js';
import { bidStatistics, minuteText, statisticsFields, statisticsOf } from './bid-statistics.js';
import type { Query } from './query.js';
import { bid, disorder, tick } from './topics.js';

const result = topic('q15m', { value: { windowStart: 'timestamp', ...statisticsFields } });

/** Statistics of all bids by minute, with exact counts of different bidders and auctions. */
export const q15m: Query = {
  reads: ['bid'],
  result,
  pipeline: () => pipeline('q15m', ({ from }) => from(bid, { disorder }).pipe(keyBy('all', constant('all')), window('statistics', { every: '1m' }, bidStatistics), to(result)), { tick }),
  line: (r: { windowStart: number } & Parameters<typeof statisticsOf>[0]) => [minuteText(r.windowStart), ...statisticsOf(r)],
};
