import assert from 'node:assert/strict';
import { enrich, map, pipeline, split, to, topic } from 'headrace';
import { runPipeline, virtualClock } from 'headrace/testing';

const texts = topic('texts', { time: 'at', value: { text: 'string', at: 'timestamp' } });
const lengths = topic('lengths', { value: { length: 'int' } });
const failures = topic('failures', { value: { text: 'string', code: 'string' } });

const lengthOf = async ({ text }: { readonly text: string }) => {
  if (text === '') throw new Error('nothing to measure');
  return { length: text.length };
};

const job = pipeline('lengths', ({ from }) =>
  from(texts).pipe(
    enrich('length', lengthOf, { retry: { attempts: 2, backoff: '1s..1m' } }),
    split({ done: to(lengths), failed: (failed) => failed.pipe(map((f) => ({ text: f.input.text, code: f.code })), to(failures)) }),
  ),
);

const run = await runPipeline(job, { inputs: { texts: [{ text: 'four', at: 1_700_000_000_000 }, { text: '', at: 1_700_000_000_001 }] }, clock: virtualClock() });
assert.deepEqual(run.values(lengths), [{ length: 4 }]);
assert.deepEqual(run.values(failures), [{ text: '', code: 'HR_CALL_FAILED' }]);
