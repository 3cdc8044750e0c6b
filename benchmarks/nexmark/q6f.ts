import { columnsOf } from '../../dataflow/expression.js';
import { pipeline } from '../../dataflow/pipeline.js';
import { topic } from '../../dataflow/topic.js';
import { session } from '../../dataflow/windows/window-spec.js';
import { keyBy } from '../../operators/key-by.js';
import { map } from '../../operators/map.js';
import { process } from '../../operators/process.js';
import { to } from '../../operators/to.js';
import { window } from '../../operators/window.js';
import type { Query } from './query.js';
import { tick } from './topics.js';
import { type ValidBid, validBids } from './valid-bids.js';

interface Winner {
  readonly seller: number;
  readonly price: number;
  readonly bidTime: number;
}

const winners = columnsOf<Winner>();
const result = topic('q6f', { value: { seller: 'long', average: 'long' } });

/** The better bid of an auction: the higher price, of equal ones the earlier. */
const better = (a: Winner | null, b: Winner | null): Winner | null => {
  if (a === null || b === null) return a ?? b;
  return b.price > a.price || (b.price === a.price && b.bidTime < a.bidTime) ? b : a;
};

const winningBid = {
  init: (): Winner | null => null,
  add: (best: Winner | null, { seller, price, bidTime }: ValidBid) => better(best, { seller, price, bidTime }),
  merge: better,
  result: (best: Winner | null) => best,
};

/** Average price of the last ten winning bids of each seller: an auction's bids are one session, so its winner is final with it. */
export const q6f: Query = {
  reads: ['bid', 'auction'],
  result,
  pipeline: (longestAuctionMs) =>
    pipeline('q6f', ({ from }) =>
      validBids(from, longestAuctionMs).pipe(
        window('winner', session(longestAuctionMs), { best: winningBid }),
        map((row) => row.best!),
        keyBy(winners.seller),
        process<Winner, { readonly seller: number }, { last: Winner[] }, { seller: number; average: number }>('last-ten', {
          init: () => ({ last: [] }),
          onRecord(winner, state, { emit }) {
            state.last = [...state.last, winner].sort((a, b) => b.bidTime - a.bidTime).slice(0, 10);
            emit({ seller: winner.seller, average: Math.trunc(state.last.reduce((sum, w) => sum + w.price, 0) / state.last.length) });
          },
        }),
        to(result),
      ), { tick }),
  line: (r: { seller: number; average: number }) => [r.seller, r.average],
  key: (r: { seller: number }) => String(r.seller),
};
