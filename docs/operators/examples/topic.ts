import { filter, pipeline, to, topic } from 'headrace';
import { play } from 'headrace/testing';

const readings = topic('readings', { key: 'sensor', time: 'at', retention: '7d', value: { sensor: 'string', celsius: 'double?', tags: 'string[]', at: 'timestamp' } });
const hot = topic('hot', { key: 'sensor', value: { sensor: 'string', celsius: 'double?' } });

const job = pipeline('hot', ({ from }) => from(readings).pipe(filter(readings.celsius.over(30)), to(hot)));

await play(job, {
  records: { a: { sensor: 'attic', celsius: 31.5, tags: [] }, b: { sensor: 'cellar', celsius: 12, tags: ['new'] }, c: { sensor: 'shed', celsius: null, tags: [] } },
  in:  { readings: 'a@1 b@2 c@3 ||' },
  out: { hot: '{sensor:attic,celsius:31.5}@1' },
});
