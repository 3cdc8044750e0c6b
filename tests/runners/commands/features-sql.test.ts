import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openEmbedded } from '../../../connectors/embedded/embedded-runtime.js';
import { tilePrefix, tilesStep } from '../../../dataflow/features/features.js';
import { userFeatures } from '../../../pipelines/click-feature-sets.js';
import { featuresCommand } from '../../../runners/commands/features.js';
import { hasChdb } from '../../connectors/clickhouse/with-chdb.js';
import { callCommand } from './in-process.js';
import { clickLines, headrace, workplace } from './headrace-process.js';

const call = (...words: string[]) => callCommand(featuresCommand, words);

test('sql prints a query, without a data directory', async () => {
  const shown = await call('sql', 'users', '--as-of', '2026-11-01T00:03:00Z');
  expect(shown.code).toBe(0);
  expect(shown.text).toMatch(/^-- The features "user" as of 2026-11-01T00:00:00\.000Z.*\n[\s\S]*FROM `labelled-clicks`\n {2}WHERE timestamp >= from_7d AND timestamp < as_of AND NOT bot\n {2}GROUP BY userId\n\)\n$/);
  const { json } = await call('sql', 'user', '--as-of', '2026-11-01', '--json');
  expect(json).toMatchObject({ set: 'user', table: 'labelled-clicks', columns: { userId: 'String', bot: 'Bool' } });
  expect(`${String(json['sql']).trimEnd()}\n`).toBe(shown.text);
});

test('what is said wrongly is told', async () => {
  expect((await call('sql', 'user')).text).toContain('--as-of');
  expect((await call('sql', 'usr', '--as-of', '0')).error).toMatchObject({ code: 'HR_FEATURE', message: expect.stringContaining('user') as string });
  expect((await call('sql')).error).toMatchObject({ code: 'HR_USAGE', message: 'This is called as headrace features sql SET --as-of T.' });
});

test.skipIf(!hasChdb)('check ends with 3 where something differs', async () => {
  const cwd = workplace();
  await headrace(['import', 'clicks', '-'], { cwd, stdin: clickLines(300) });
  expect((await headrace(['run', 'click-features', '--bounded'], { cwd })).code).toBe(0);
  const dataDir = join(cwd, '.headrace');
  const check = (...words: string[]) => call('check', 'user', '--data-dir', dataDir, ...words);

  for (const [words, message] of [
    [['--sample', '0%'], '--sample is "0%"'],
    [['--sample', '101%'], '--sample is "101%"'],
    [['--sample', 'x'], '--sample is "x"'],
    [['--times', '0'], '--times is "0"'],
    [['--times', '2', '--as-of', '0'], 'give one of them'],
  ] as const) expect((await check(...words)).error).toMatchObject({ code: 'HR_USAGE', message: expect.stringContaining(message) as string });

  const equal = await check();
  expect(equal).toMatchObject({ code: 0, text: expect.stringContaining('stream = SQL') as string });
  expect((await check('--sample', '0.0001%')).notices).toEqual(['No user is in the sample: nothing was compared.']);

  const runtime = openEmbedded({ dataDir, mode: 'write' });
  const task = runtime.state.tasks('click-features').find((t) => [...runtime.state.of(t).range('click-features', tilesStep(userFeatures), tilePrefix)].length > 0)!;
  const [first] = runtime.state.of(task).range('click-features', tilesStep(userFeatures), tilePrefix);
  const before = (await runtime.log.committed('click-features'))!;
  await runtime.log.commit({ pipeline: 'click-features', epoch: before.epoch + 1, outputs: [], state: [{ task, step: tilesStep(userFeatures), key: Uint8Array.from(first!.key), value: null }], positions: before.positions, journal: [] });
  await runtime.close();

  const differs = await check();
  expect(differs.code).toBe(3);
  expect(differs.text).toMatch(/: \S+ is \S+ in the stream and \S+ in SQL\n/);
  expect(differs.text).toMatch(/stream and SQL differ: \d+ mismatches, \d+ missing, \d+ extra of/);
  expect((await check('--json')).json).toMatchObject({ equal: false, set: 'user', records: 300 });
});
