import { pipeline } from '../../dataflow/pipeline.js';
import { topic } from '../../dataflow/topic.js';
import { filter } from '../../operators/filter.js';
import { map } from '../../operators/map.js';
import { to } from '../../operators/to.js';
import type { Query } from './query.js';
import { bid, disorder, tick } from './topics.js';

const result = topic('q21', { value: { auction: 'long', bidder: 'long', price: 'long', channel: 'string', channelId: 'string' } });

const known: Readonly<Record<string, string>> = { apple: '0', google: '1', facebook: '2', baidu: '3' };

function channelId({ channel, url }: { readonly channel: string; readonly url: string }): string {
  return known[channel.toLowerCase()] ?? /(?:&|^)channel_id=([^&]*)/.exec(url)?.[1] ?? '';
}

/** Bids whose channel has a number, with it. */
export const q21: Query = {
  reads: ['bid'],
  result,
  pipeline: () =>
    pipeline('q21', ({ from }) =>
      from(bid, { disorder }).pipe(
        map((b) => ({ auction: b.auction, bidder: b.bidder, price: b.price, channel: b.channel, channelId: channelId(b) })),
        filter((b) => b.channelId !== ''),
        to(result),
      ), { tick }),
  line: (r: { auction: number; bidder: number; price: number; channel: string; channelId: string }) => [r.auction, r.bidder, r.price, r.channel, r.channelId],
};
