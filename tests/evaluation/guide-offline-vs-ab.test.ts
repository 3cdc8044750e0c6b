import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { temporaryDirectory } from '../connectors/embedded/temporary-directory.js';

const root = resolve(import.meta.dirname, '../..');
const page = join(root, 'docs/guide-offline-vs-ab.md');
/** An example, and the block of what it prints. */
const example = /```ts\n([\s\S]*?)```\n\n```text\n([\s\S]*?)```/g;

/** Needs dist/, as users have it. `HEADRACE_DOCS=write` puts what is printed into the page. */
test('every cause of the guide is demonstrated: its example prints what stands below it', { timeout: 180_000 }, async () => {
  const text = readFileSync(page, 'utf8');
  const examples = Array.from(text.matchAll(example), ([, code, printed]) => ({ code: code!, printed: printed! }));
  expect(examples).toHaveLength(13);
  const folder = temporaryDirectory();
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(root, join(folder, 'node_modules/headrace'), 'dir');
  examples.forEach(({ code }, k) => writeFileSync(join(folder, `example-${k}.mts`), code));
  writeFileSync(join(folder, 'all.mts'), examples.map((_, k) => `console.log('example ${k}');\nawait import('./example-${k}.mts');\n`).join(''));
  const { stdout } = await promisify(execFile)(process.execPath, ['--import', join(root, 'node_modules/tsx/dist/esm/index.mjs'), join(folder, 'all.mts')], { cwd: folder });
  const printed = stdout.split(/^example \d+\n/m).slice(1);
  if (process.env.HEADRACE_DOCS === 'write') {
    let k = 0;
    writeFileSync(page, text.replaceAll(example, (_, code: string) => `\`\`\`ts\n${code}\`\`\`\n\n\`\`\`text\n${printed[k++]}\`\`\``));
    return;
  }
  expect(printed).toEqual(examples.map(({ printed: expected }) => expected));
  for (const of of printed) expect(of).not.toMatch(/undefined|NaN/);
});
