import { expect, test } from 'vitest';
import { count, sum } from '../../dataflow/aggregates/index.js';
import { pipeline } from '../../dataflow/pipeline.js';
import { topic } from '../../dataflow/topic.js';
import { keyBy } from '../../operators/key-by.js';
import { to } from '../../operators/to.js';
import { window } from '../../operators/window.js';
import { runPipeline } from '../../runners/testing/run-pipeline.js';

const orders = topic('orders', { key: 'user', time: 'time', value: { user: 'string', time: 'timestamp', note: 'string?' } });
const totals = topic('totals', { key: 'user', value: { user: 'string', n: 'long', letters: 'long' } });

test('a record for which a function of an aggregate throws is set aside, and the others of its batch count once', async () => {
  const job = pipeline('letters', ({ from }) =>
    from(orders).pipe(
      keyBy(orders.user),
      window('letters', { every: '10s' }, {
        n: count(),
        letters: sum((o) => {
          if (o.note === null) throw new TypeError('no note');
          return o.note.length;
        }),
      }),
      to(totals),
    ),
  );
  const records = ['ab', null, 'cde', null, 'f'].map((note, i) => ({ user: 'u', time: i * 1_000, note }));
  const run = await runPipeline(job, { inputs: { orders: records } });
  expect(run.values(totals)).toEqual([{ user: 'u', n: 3, letters: 6 }]);
  expect(run.deadLetters.map((d) => [d.topic, d.headers['hr-code'], d.headers['hr-offset']])).toEqual([
    ['letters.dlq', 'HR_STEP', '1'],
    ['letters.dlq', 'HR_STEP', '3'],
  ]);
});
