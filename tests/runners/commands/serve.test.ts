import { once } from 'node:events';
import { expect, test } from 'vitest';
import { headrace, startHeadrace, workplace } from './headrace-process.js';

test('features of a data directory are answered over HTTP until a signal comes', async () => {
  const cwd = workplace();
  await headrace(['simulate', '--events', '2000'], { cwd });
  await headrace(['run', 'click-features', '--bounded'], { cwd });
  const { child, finished } = startHeadrace(['serve', 'features', '--port', '0', '--json'], { cwd });
  const [line] = (await once(child.stdout!, 'data')) as [Buffer];
  const { url, sets } = JSON.parse(line.toString()) as { url: string; sets: string[] };
  expect(sets).toEqual(['user', 'item', 'creator']);
  const [one] = (await headrace(['features', 'get', 'item', 'i1', '--json'], { cwd })).json() as { features: unknown }[];
  expect(await (await fetch(`${url}/features/item/i1`)).json()).toMatchObject({ set: 'item', id: 'i1', features: one!.features });
  expect((await fetch(`${url}/readyz`)).status).toBe(200);
  child.kill('SIGTERM');
  expect((await finished).code).toBe(0);
});

test.each([
  [['serve', 'models'], '"models" cannot be served'],
  [['serve', 'features', '--host', '0.0.0.0'], 'set HEADRACE_TOKEN'],
  [['serve', 'features', '--port', '70000'], 'give a whole number from 0 to 65535'],
])('%j is refused', async (words, message) => {
  const ended = await headrace(words, { cwd: workplace() });
  expect(ended.code).toBe(2);
  expect(ended.stderr).toContain(message);
});
