import { pipeline } from '../../dataflow/pipeline.js';
import { topic } from '../../dataflow/topic.js';
import { keyBy } from '../../operators/key-by.js';
import { to } from '../../operators/to.js';
import { window } from '../../operators/window.js';
import { bidStatistics, minuteText, statisticsFields, statisticsOf } from './bid-statistics.js';
import type { Query } from './query.js';
import { bid, disorder, tick } from './topics.js';

const result = topic('q16m', { value: { channel: 'string', windowStart: 'timestamp', ...statisticsFields } });

/** The same by channel. */
export const q16m: Query = {
  reads: ['bid'],
  result,
  pipeline: () => pipeline('q16m', ({ from }) => from(bid, { disorder }).pipe(keyBy(bid.channel), window('statistics', { every: '1m' }, bidStatistics), to(result)), { tick }),
  line: (r: { channel: string; windowStart: number } & Parameters<typeof statisticsOf>[0]) => [r.channel, minuteText(r.windowStart), ...statisticsOf(r)],
};
