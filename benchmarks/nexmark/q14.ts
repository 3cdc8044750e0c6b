import { pipeline } from '../../dataflow/pipeline.js';
import { topic } from '../../dataflow/topic.js';
import { filter } from '../../operators/filter.js';
import { map } from '../../operators/map.js';
import { to } from '../../operators/to.js';
import type { Query } from './query.js';
import { thousandths } from './thousandths.js';
import { bid, disorder, tick } from './topics.js';

const result = topic('q14', { value: { auction: 'long', bidder: 'long', price: 'string', bidTimeType: 'string', dateTime: 'timestamp', extra: 'string', cCounts: 'int' } });

/** Calculation: bids of medium price, with the part of the day and the number of letters c in a text. */
export const q14: Query = {
  reads: ['bid'],
  result,
  pipeline: () =>
    pipeline('q14', ({ from }) =>
      from(bid, { disorder }).pipe(
        filter((b) => 908 * b.price > 1_000_000_000 && 908 * b.price < 50_000_000_000),
        map((b) => ({ auction: b.auction, bidder: b.bidder, price: thousandths(908 * b.price), bidTimeType: partOfDay(b.dateTime), dateTime: b.dateTime, extra: b.extra, cCounts: b.extra.split('c').length - 1 })),
        to(result),
      ), { tick }),
  line: (r: { auction: number; bidder: number; price: string; bidTimeType: string; dateTime: number; extra: string; cCounts: number }) => [r.auction, r.bidder, r.price, r.bidTimeType, r.dateTime, r.extra, r.cCounts],
};

function partOfDay(time: number): string {
  const hour = new Date(time).getUTCHours();
  if (hour >= 8 && hour <= 18) return 'dayTime';
  return hour <= 6 || hour >= 20 ? 'nightTime' : 'otherTime';
}
