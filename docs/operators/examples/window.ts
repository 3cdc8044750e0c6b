import { hopping, session, sliding, tumbling, window } from 'headrace';
import { count } from 'headrace/aggregates';
import { play, sideOutput } from 'headrace/testing';

const late = sideOutput<{ readonly name: string; readonly time: number }>('late');

// A late record corrects a result while it may, and goes to the late output after that.
play(window('n', { ...tumbling('10s'), lateness: '5s', late }, { n: count() }), { in: 'a@1 b@4 |w10 c@2 |w16 d@3', out: '{n:2}@10 {n:3,rev:1}@10', late: 'd@3' });

// Hopping windows overlap.
play(window('n', hopping('20s', '10s'), { n: count() }), { in: 'a@1 b@12 ||', out: '{n:1}@10 {n:2}@20 {n:1}@30' });

// A session lasts as long as there is no longer gap.
play(window('n', session('5s'), { n: count() }), { in: 'a@1 b@4 c@20 ||', out: '{n:2}@9 {n:1}@25' });

// A sliding window ends at each record: (t - size, t].
play(window('n', sliding('10s'), { n: count() }), { in: 'a@1 b@5 c@11 ||', out: '{n:1}@1.001 {n:2}@5.001 {n:2}@11.001' });
