import { expect, expectTypeOf, test } from 'vitest';
import { enrich, filter, map, type CallOutcome, pipeline, split, to, topic, type Signal } from '../../index.js';
import { of, type Observable } from 'rxjs';

const jobs = topic('media-jobs', { key: 'jobId', value: { jobId: 'string', url: 'string' } });
const results = topic('media-results', { key: 'jobId', value: { jobId: 'string', labels: 'string' } });
const failures = topic('media-failures', { key: 'jobId', value: { jobId: 'string', code: 'string' } });
const understand = async (job: { readonly jobId: string; readonly url: string }) => ({ jobId: job.jobId, labels: job.url });

test('outcomes are typed, and both kinds have to be treated', () => {
  pipeline('media', ({ from }) =>
    from(jobs).pipe(
      enrich('understand', understand, { concurrency: 4, timeout: '10m', order: 'unordered', retry: { attempts: 3, backoff: '1s..1m' }, breaker: { failures: 5, cooldown: '30s' }, fallback: (job) => ({ jobId: job.jobId, labels: '' }) }),
      split({
        done: to(results),
        failed: (failed) => failed.pipe(map((f) => ({ jobId: f.input.jobId, code: f.code })), to(failures)),
      }),
    ),
  );
  const outcomes = of<Signal<{ jobId: string; url: string }>>().pipe(enrich('understand', understand));
  expectTypeOf(outcomes).toExtend<Observable<Signal<CallOutcome<{ jobId: string; url: string }, { jobId: string; labels: string }>>>>();
  // @ts-expect-error the branch of the failed ones is missing
  const withoutFailed = () => outcomes.pipe(split({ done: to(results) }));
  expect(withoutFailed).toThrow('done and failed');
  // @ts-expect-error a value does not fit the topic
  outcomes.pipe(split({ done: to(failures), failed: filter(() => false) }));
  // @ts-expect-error the fallback gives something else than the function
  enrich('understand', understand, { fallback: () => 7 });
});
