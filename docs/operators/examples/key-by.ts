import { keyBy, latest, pipeline, to, topic } from 'headrace';
import { play } from 'headrace/testing';

const positions = topic('positions', { time: 'at', value: { ship: 'string', mile: 'int', at: 'timestamp' } });
const current = topic('current', { value: { ship: 'string', mile: 'int' } });

const job = pipeline('current', ({ from }) => from(positions).pipe(keyBy(positions.ship), latest('newest'), to(current)));

// Records of one ship meet in one task, whatever partition they come from.
await play(job, {
  records: { a: { ship: 'Ann', mile: 1 }, b: { ship: 'Ann', mile: 9 } },
  in:  { positions: ['a@1      ', '     b@2 ||'] },
  out: { current: '{ship:Ann,mile:1}@1 {ship:Ann,mile:9}@2' },
});
