import { pipeline } from '../../dataflow/pipeline.js';
import { topic } from '../../dataflow/topic.js';
import { keyBy } from '../../operators/key-by.js';
import { lookup } from '../../operators/lookup.js';
import { to } from '../../operators/to.js';
import { baseTime } from './generator.js';
import type { Query } from './query.js';
import { bid, disorder, tick } from './topics.js';

const side = topic('side', { time: 'since', value: { key: 'long', value: 'string', since: 'timestamp' } });
const result = topic('q13', { value: { auction: 'long', bidder: 'long', price: 'long', dateTime: 'timestamp', value: 'string?' } });

/** A table of some numbers under a thousand, from before the first bid. */
const sideRows = Array.from({ length: 1_000 }, (_, key) => ({ key, value: `side-${(key * 31) % 101}`, since: baseTime - 60_000 })).filter(({ key }) => key % 7 !== 0);

/** Bids with a value from a table, where it has one. */
export const q13: Query = {
  reads: ['bid'],
  table: { topic: 'side', rows: sideRows },
  result,
  pipeline: () =>
    pipeline('q13', ({ from }) => {
      const bids = from(bid, { disorder }).pipe(keyBy('auction-modulo', (b) => b.auction % 1_000));
      return lookup('side-input', bids, from(side).pipe(keyBy(side.key)), { kind: 'inner', columns: { value: side.value } }).pipe(to(result));
    }, { tick }),
  line: (r: { auction: number; bidder: number; price: number; dateTime: number; value: string }) => [r.auction, r.bidder, r.price, r.dateTime, r.value],
};
