import { pipeline, toWarehouse, topic } from 'headrace';
import { play } from 'headrace/testing';

const readings = topic('readings', { time: 'at', value: { sensor: 'string', celsius: 'double', at: 'timestamp' } });
const bySensor = topic('by-sensor', { key: 'sensor', value: { sensor: 'string', celsius: 'double' } });

// Without a warehouse, as in a test, it is `to`.
await play(pipeline('copy', ({ from }) => from(readings).pipe(toWarehouse(bySensor, { table: 'readings_by_sensor' }))), {
  records: { a: { sensor: 'attic', celsius: 31.5 } },
  in:  { readings: 'a@1 ||' },
  out: { 'by-sensor': '{sensor:attic,celsius:31.5}@1' },
});
