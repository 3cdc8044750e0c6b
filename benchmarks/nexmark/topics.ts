import { topic } from '../../dataflow/topic.js';

/** The three streams of Nexmark. They have no record key: every query says itself what it is keyed by. */
export const person = topic('person', {
  time: 'dateTime',
  value: { id: 'long', name: 'string', emailAddress: 'string', creditCard: 'string', city: 'string', state: 'string', dateTime: 'timestamp', extra: 'string' },
});

export const auction = topic('auction', {
  time: 'dateTime',
  value: { id: 'long', itemName: 'string', description: 'string', initialBid: 'long', reserve: 'long', expires: 'timestamp', seller: 'long', category: 'long', dateTime: 'timestamp', extra: 'string' },
});

export const bid = topic('bid', {
  time: 'dateTime',
  value: { auction: 'long', bidder: 'long', price: 'long', channel: 'string', url: 'string', dateTime: 'timestamp', extra: 'string' },
});

/** How far events are out of order. */
export const disorder = '4s';

/** Grid on which watermarks move: results are as fresh as with the mini-batches of 2 s that Flink's figures were taken with. */
export const tick = '2s';
