import { keyBy, pipeline, process, to, topic, window } from 'headrace';
import { count, quantiles, sum } from 'headrace/aggregates';

interface Click {
  readonly eventId: string;
  readonly userId: string;
  readonly itemId: string;
  readonly creatorId: string;
  readonly category: string;
  readonly watchMs: number;
  readonly timestamp: number;
}

const value = {
  type: 'record',
  name: 'ClickEvent',
  namespace: 'headrace',
  fields: [
    ...['eventId', 'userId', 'itemId', 'creatorId', 'category'].map((name) => ({ name, type: 'string' })),
    { name: 'watchMs', type: 'int' },
    { name: 'timestamp', type: { type: 'long', logicalType: 'timestamp-millis' } },
  ],
} as const;

const clicks = topic<Click>('clicks', { key: 'userId', time: 'timestamp', value });
// Keyed unlike the windows: each of its partitions is written by all tasks.
const lateClicks = topic<Click>('late-clicks', { key: 'userId', time: 'timestamp', value });
const itemHops = topic('item-hops', {
  key: 'itemId',
  value: { itemId: 'string', events: 'int', watchMs: 'double', windowStart: 'timestamp', windowEnd: 'timestamp', revision: 'int' },
});
const silences = topic('silences', { key: 'creatorId', value: { creatorId: 'string', events: 'int', watchMs: 'double', from: 'timestamp', to: 'timestamp' } });

const trail = topic('trail', { key: 'category', value: { category: 'string', n: 'int', eventId: 'string' } });

const pauseMs = 45_000;

/**
 * A job in which every mechanism that has to survive a kill takes part: exchanges, overlapping windows with corrections, late records,
 * state with timers, dead letters of the source and of a step.
 */
export default pipeline('item-activity', ({ from }) => {
  const source = from(clicks, { disorder: '10s' });
  return [
    source.pipe(
      keyBy(clicks.itemId),
      window('hops', { size: '4m', every: '2m', lateness: '1m', late: lateClicks }, { events: count(), watchMs: sum(clicks.watchMs), spread: quantiles(clicks.watchMs, [0.5]) }),
      to(itemHops),
    ),
    source.pipe(
      keyBy(clicks.creatorId),
      process<Click, { readonly creatorId: string }, { events: number; watchMs: number; from: number; to: number }, { creatorId: string; events: number; watchMs: number; from: number; to: number }>('pauses', {
        init: () => ({ events: 0, watchMs: 0, from: 0, to: 0 }),
        onRecord(click, state, { time, timer }) {
          if (state.events === 0) state.from = time;
          state.events += 1;
          if (click.watchMs % 997 === 13) throw new Error('a planted refusal');
          state.watchMs += click.watchMs;
          state.to = Math.max(state.to, time);
          timer(time + pauseMs);
        },
        onTimer(time, state, { key, emit, clear }) {
          if (state.to + pauseMs > time) return;
          emit({ creatorId: key, ...state });
          clear();
        },
      }),
      to(silences),
    ),
    // Every event in the order in which it was processed: any other order shows.
    source.pipe(
      keyBy(clicks.category),
      process<Click, { readonly category: string }, { n: number }, { category: string; n: number; eventId: string }>('count', {
        init: () => ({ n: 0 }),
        onRecord({ category, eventId }, state, { emit }) {
          state.n += 1;
          emit({ category, n: state.n, eventId });
        },
      }),
      to(trail),
    ),
  ];
}, { tick: '5s' });
