import { count, quantiles, sum } from '../../../dataflow/aggregates/index.js';
import { pipeline } from '../../../dataflow/pipeline.js';
import { topic } from '../../../dataflow/topic.js';
import { dedupe, keyBy, process, to, window } from '../../../operators/index.js';
import { type Visit, visitOf, visits, visitSchema } from './visits.js';
import type { SimulatedPipeline } from './simulated-pipeline.js';

const lateVisits = topic<Visit>('late-visits', { key: 'user', time: 'at', value: visitSchema });
const userHops = topic('user-hops', { key: 'user', value: { user: 'string', visits: 'int', ms: 'double', windowStart: 'timestamp', windowEnd: 'timestamp', revision: 'int' } });
const userTrail = topic('user-trail', { key: 'user', value: { user: 'string', n: 'int', visit: 'int' } });
const userPauses = topic('user-pauses', { key: 'user', value: { user: 'string', visits: 'int', until: 'timestamp' } });

const pauseMs = 20_000;

/** Every step is keyed as the topic is, so tasks are spread over processes: windows with corrections and late records, state, timers, dead letters. */
export const userTally: SimulatedPipeline = {
  name: 'user-tally',
  inputs: [visits],
  endsInBetween: true,
  record: visitOf,
  create: () =>
    pipeline('user-tally', ({ from }) => {
      const source = from(visits, { disorder: '3s' }).pipe(keyBy(visits.user));
      return [
        source.pipe(window('hops', { size: '20s', every: '10s', lateness: '5s', late: lateVisits }, { visits: count(), ms: sum(visits.ms), spread: quantiles(visits.ms, [0.5]) }), to(userHops)),
        // every record in the order in which it was processed: any other order shows
        source.pipe(
          dedupe('once', { within: '2s' }),
          process<Visit, { readonly user: string }, { n: number }, { user: string; n: number; visit: number }>(
            'tally',
            {
              init: () => ({ n: 0 }),
              onRecord({ user, n, ms }, state, { emit }) {
                if (ms % 13 === 7) throw new Error('a planted refusal');
                state.n += 1;
                emit({ user, n: state.n, visit: n });
              },
            },
            { keepsKey: true },
          ),
          to(userTrail),
        ),
        source.pipe(
          process<Visit, { readonly user: string }, { visits: number; at: number }, { user: string; visits: number; until: number }>(
            'pauses',
            {
              init: () => ({ visits: 0, at: 0 }),
              onRecord(_visit, state, { time, timer }) {
                state.visits += 1;
                state.at = Math.max(state.at, time);
                timer(time + pauseMs);
              },
              onTimer(time, state, { key, emit, clear }) {
                if (state.at + pauseMs > time) return;
                emit({ user: key, visits: state.visits, until: time });
                clear();
              },
            },
            { keepsKey: true },
          ),
          to(userPauses),
        ),
      ];
    }, { tick: '2s' }),
};
