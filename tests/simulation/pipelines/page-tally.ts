import { count, quantiles, sum } from '../../../dataflow/aggregates/index.js';
import { pipeline } from '../../../dataflow/pipeline.js';
import { topic } from '../../../dataflow/topic.js';
import { keyBy, process, to, window } from '../../../operators/index.js';
import type { SimulatedPipeline } from './simulated-pipeline.js';
import { type Visit, visitOf, visits } from './visits.js';

const pageHops = topic('page-hops', { key: 'page', value: { page: 'string', visits: 'int', ms: 'double', windowStart: 'timestamp', windowEnd: 'timestamp', revision: 'int' } });
const pageTrail = topic('page-trail', { key: 'page', value: { page: 'string', n: 'int', visit: 'int' } });
const userTrail = topic('user-rows', { key: 'user', value: { user: 'string', n: 'int', visit: 'int' } });

/** Every record goes to another task by its page, and what comes of it to a third one by its user. */
export const pageTally: SimulatedPipeline = {
  name: 'page-tally',
  endsInBetween: true,
  inputs: [visits],
  record: visitOf,
  create: () =>
    pipeline('page-tally', ({ from }) => {
      const byPage = from(visits, { disorder: '3s' }).pipe(keyBy(visits.page));
      const trail = byPage.pipe(
        process<Visit, { readonly page: string }, { n: number }, { page: string; user: string; n: number; visit: number }>('tally', {
          init: () => ({ n: 0 }),
          onRecord({ page, user, n, ms }, state, { emit }) {
            if (ms % 13 === 7) throw new Error('a planted refusal');
            state.n += 1;
            emit({ page, user, n: state.n, visit: n });
          },
        }),
      );
      return [
        byPage.pipe(window('hops', { size: '20s', every: '10s', lateness: '5s' }, { visits: count(), ms: sum(visits.ms), spread: quantiles(visits.ms, [0.5]) }), to(pageHops)),
        trail.pipe(to(pageTrail)),
        trail.pipe(to(userTrail)),
      ];
    }, { tick: '2s' }),
};
