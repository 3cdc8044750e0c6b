import { pipeline, to, topic } from 'headrace';
import { play } from 'headrace/testing';

const readings = topic('readings', { time: 'at', value: { sensor: 'string', celsius: 'double', at: 'timestamp' } });
const bySensor = topic('by-sensor', { key: 'sensor', value: { sensor: 'string', celsius: 'double' } });

await play(pipeline('copy', ({ from }) => from(readings).pipe(to(bySensor))), {
  records: { a: { sensor: 'attic', celsius: 31.5 } },
  in:  { readings: 'a@1 ||' },
  out: { 'by-sensor': '{sensor:attic,celsius:31.5}@1' },
});
