import { keyBy, pipeline, to, topic, window } from 'headrace';
import { count } from 'headrace/aggregates';
import { play } from 'headrace/testing';

const visits = topic('visits', { time: 'at', value: { page: 'string', at: 'timestamp' } });
const counts = topic('counts', { key: 'page', value: { page: 'string', n: 'int' } });

const job = pipeline('visits-by-page', ({ from }) => from(visits, { disorder: '5s' }).pipe(keyBy(visits.page), window('n', { every: '1m' }, { n: count() }), to(counts)));

await play(job, {
  records: { a: { page: 'home' }, b: { page: 'help' } },
  in:  { visits: 'a@1 b@30 a@59 ||' },
  out: { counts: '{page:home,n:2}@59.999 {page:help,n:1}@59.999' },
});
