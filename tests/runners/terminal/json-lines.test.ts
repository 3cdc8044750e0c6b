import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Writable } from 'node:stream';
import { expect, test } from 'vitest';
import { jsonLines } from '../../../runners/terminal/json-lines.js';

test('one object a line, waiting for a slow reader', async () => {
  const got: string[] = [];
  let waiting = 0;
  const slow = new Writable({
    highWaterMark: 8,
    write(chunk: Buffer, _encoding, done) {
      waiting++;
      setImmediate(() => {
        waiting--;
        got.push(chunk.toString());
        done();
      });
    },
  });
  const lines = jsonLines(slow);
  for (let i = 0; i < 20; i++) {
    expect(await lines.write({ i, text: 'a\nb' })).toBe(true);
    expect(slow.writableLength).toBeLessThan(60);
  }
  await lines.close();
  expect(waiting).toBe(0);
  expect(got.join('')).toBe(Array.from({ length: 20 }, (_, i) => `{"i":${i},"text":"a\\nb"}\n`).join(''));
  expect(slow.listenerCount('drain') + slow.listenerCount('close')).toBe(0);
});

function failing(code: string): Writable {
  return new Writable({ write: (_chunk, _encoding, done) => setImmediate(() => done(Object.assign(new Error(code), { code }))) });
}

test('a reader that has gone ends the writing quietly', async () => {
  const lines = jsonLines(failing('EPIPE'));
  let written = 0;
  while (await lines.write({ written })) if (++written > 10_000) break;
  expect(written).toBeLessThan(10_000);
  expect(await lines.write({})).toBe(false);
  await lines.close();
});

test('another error is thrown', async () => {
  const stream = failing('EIO');
  const lines = jsonLines(stream);
  await lines.write(1);
  await once(stream, 'error').catch(() => undefined);
  await expect(lines.write(2)).rejects.toMatchObject({ code: 'EIO' });
  await expect(lines.close()).rejects.toMatchObject({ code: 'EIO' });
});

test('a process whose reader stops after one line ends with status 0 and a silent standard error', async () => {
  const source = new URL('../../../runners/terminal/json-lines.ts', import.meta.url).href;
  const script = `import { jsonLines } from ${JSON.stringify(source)};
    const lines = jsonLines(); let i = 0;
    while (await lines.write({ i: i++, pad: 'x'.repeat(1000) })) if (i > 1e6) process.exit(3);
    await lines.close();`;
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'pipe'] });
  let noise = '';
  child.stderr.on('data', (d: Buffer) => (noise += d.toString()));
  child.stdout.once('data', () => child.stdout.destroy());
  const [status] = (await once(child, 'exit')) as [number];
  expect(noise).toBe('');
  expect(status).toBe(0);
});
