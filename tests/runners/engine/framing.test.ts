import { expect, test } from 'vitest';
import { count } from '../../../dataflow/aggregates/index.js';
import { pipeline } from '../../../dataflow/pipeline.js';
import { BlockWriter } from '../../../dataflow/record-block.js';
import { topic } from '../../../dataflow/topic.js';
import { filter } from '../../../operators/filter.js';
import { keyBy } from '../../../operators/key-by.js';
import { to } from '../../../operators/to.js';
import { window } from '../../../operators/window.js';
import { memoryRuntime } from '../../../runners/testing/memory-runtime.js';
import { runPipeline } from '../../../runners/testing/run-pipeline.js';

const value = { user: 'string', n: 'int' } as const;
const input = topic('plain-in', { key: 'user', value, framing: 'plain' });
const output = topic('plain-out', { key: 'user', value, framing: 'plain' });
const counts = topic('counts', { key: 'user', value: { user: 'string', c: 'int' } });

/** Avro: a string with its length, an int; both zigzag, small enough for one byte. */
const plain = (user: string, n: number) => Buffer.concat([Buffer.of(user.length * 2), Buffer.from(user), Buffer.of(n * 2)]);

test('plain topics are read and written without the id of a schema; what is no such value is a dead letter', async () => {
  const runtime = memoryRuntime();
  await runtime.log.createTopic('plain-in', { partitions: 1 });
  const writer = new BlockWriter();
  for (const [user, n] of [['ann', 1], ['bob', 2], ['ann', 3]] as const) writer.append(Buffer.from(user), plain(user, n), 1_790_000_000_000 + n);
  writer.append(Buffer.from('x'), Buffer.of(40, 65), 1_790_000_000_009);
  await runtime.log.append([{ topic: 'plain-in', partition: 0, block: writer.take() }]);
  const job = pipeline('plain', ({ from }) => {
    const rows = from(input);
    return [rows.pipe(filter((r) => r.n > 1), to(output)), rows.pipe(keyBy(input.user), window('w', { every: '1m' }, { c: count() }), to(counts))];
  });
  const run = await runPipeline(job, { runtime });
  const block = (await runtime.log.read('plain-out', 0, 0))!;
  const values = Array.from({ length: block.count }, (_, i) => Buffer.from(block.bytes.subarray(block.valueOffset[i]!, block.valueOffset[i]! + block.valueLength[i]!)));
  expect(values).toEqual([plain('bob', 2), plain('ann', 3)]);
  expect(run.values(counts)).toMatchObject([{ user: 'ann', c: 2 }, { user: 'bob', c: 1 }]);
  expect(run.deadLetters.map((l) => l.headers['hr-code'])).toEqual(['HR_DECODE']);
});
