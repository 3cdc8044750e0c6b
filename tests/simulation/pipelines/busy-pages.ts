import { count } from '../../../dataflow/aggregates/index.js';
import { pipeline } from '../../../dataflow/pipeline.js';
import { topic } from '../../../dataflow/topic.js';
import { keyBy, to, union, window } from '../../../operators/index.js';
import type { SimulatedPipeline } from './simulated-pipeline.js';
import { visitOf, visits } from './visits.js';

const pageHops = topic('busy-page-hops', { key: 'page', value: { page: 'string', visits: 'int', windowStart: 'timestamp', windowEnd: 'timestamp', revision: 'int' } });
const busyHops = topic('busy-hops', { key: 'key', value: { key: 'string', pages: 'int', windowStart: 'timestamp', windowEnd: 'timestamp', revision: 'int' } });

/** Windows of windows, of tasks that fall silent: what comes too late for the second ones depends on when each task was heard of. */
export const busyPages: SimulatedPipeline = {
  name: 'busy-pages',
  endsInBetween: true,
  inputs: [visits],
  record: visitOf,
  create: () =>
    pipeline('busy-pages', ({ from }) => {
      const source = from(visits, { disorder: '3s', idleness: '1s' });
      const hops = union(source, source).pipe(keyBy(visits.page), window('hops', { size: '20s', every: '10s', lateness: '5s' }, { visits: count() }));
      const busy = hops.pipe(keyBy('busy', ({ visits: n }) => `b${n % 3}`), window('busy-hops', { size: '40s', every: '40s' }, { pages: count() }));
      return [hops.pipe(to(pageHops)), busy.pipe(to(busyHops))];
    }, { tick: '2s' }),
};
