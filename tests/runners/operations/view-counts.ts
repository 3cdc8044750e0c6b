import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openTopicEncoder } from '../../../dataflow/topic-encoder.js';
import { topic } from '../../../index.js';
import type { Runtime } from '../../../runners/engine/job.js';
import { workplace } from '../commands/headrace-process.js';

/** What a job of the tests is made of; all names carry `name`, so that files share a broker. */
export interface ViewCounts {
  readonly cwd: string;
  readonly file: string;
  readonly pipeline: string;
  readonly input: string;
  readonly output: string;
  /** Writes the job again, changed. */
  write(change: (text: string) => string): void;
  /** Appends `n` views, a second apart, from number `from` on. */
  plant(runtime: Pick<Runtime, 'log' | 'registry'>, n: number, from?: number): Promise<void>;
}

const start = Date.UTC(2026, 0, 5);

/** A job that counts views by user in windows of a minute, and over all, in a folder of its own. */
export function viewCounts(name: string): ViewCounts {
  const text = `
import { pipeline, topic, keyBy, window, latest, to } from 'headrace';
import { count } from 'headrace/aggregates';

const views = topic('${name}-views', { key: 'user', time: 'time', value: { user: 'string', item: 'string', time: 'timestamp' } });
const counts = topic('${name}-counts', { key: 'user', value: { user: 'string', n: 'int', windowEnd: 'timestamp' } });
const newest = topic('${name}-newest', { key: 'user', value: { user: 'string', item: 'string', time: 'timestamp' } });

export default pipeline('${name}', ({ from }) => {
  const byUser = from(views, { idleness: '10m' }).pipe(keyBy(views.user));
  return [
    byUser.pipe(window('per-minute', { every: '1m' }, { n: count() }), to(counts)),
    byUser.pipe(latest('newest'), to(newest)),
  ];
});
`;
  const file = `${name}.ts`;
  const cwd = workplace({ [file]: text });
  const views = topic(`${name}-views`, { key: 'user', time: 'time', value: { user: 'string', item: 'string', time: 'timestamp' } });
  return {
    cwd,
    file,
    pipeline: name,
    input: `${name}-views`,
    output: `${name}-counts`,
    write: (change) => writeFileSync(join(cwd, file), change(text)),
    async plant(runtime, n, from = 0) {
      const encoder = await openTopicEncoder(views, { ...runtime, partitions: 2 });
      for (let i = from; i < from + n; i++) encoder.add({ user: `u${i % 16}`, item: `i${i % 7}`, time: start + i * 1_000 });
      await runtime.log.append(encoder.take());
    },
  };
}
