import { pipeline } from '../../dataflow/pipeline.js';
import { topic } from '../../dataflow/topic.js';
import { map } from '../../operators/map.js';
import { to } from '../../operators/to.js';
import type { Query } from './query.js';
import { bid, disorder, tick } from './topics.js';

const result = topic('q22', { value: { auction: 'long', bidder: 'long', price: 'long', channel: 'string', dir1: 'string', dir2: 'string', dir3: 'string' } });

/** The folders of each bid's URL. */
export const q22: Query = {
  reads: ['bid'],
  result,
  pipeline: () =>
    pipeline('q22', ({ from }) =>
      from(bid, { disorder }).pipe(
        map((b) => {
          const [, , , dir1 = '', dir2 = '', dir3 = ''] = b.url.split('/');
          return { auction: b.auction, bidder: b.bidder, price: b.price, channel: b.channel, dir1, dir2, dir3 };
        }),
        to(result),
      ), { tick }),
  line: (r: { auction: number; bidder: number; price: number; channel: string; dir1: string; dir2: string; dir3: string }) => [r.auction, r.bidder, r.price, r.channel, r.dir1, r.dir2, r.dir3],
};
