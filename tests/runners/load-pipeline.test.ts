import { execFile } from 'node:child_process';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { clicksFile, headrace, userCountsFile, workplace } from './commands/headrace-process.js';

const job = { 'clicks.ts': clicksFile, 'user-counts.ts': userCountsFile() };
const loader = resolve(import.meta.dirname, '../../dist/runners/load-pipeline.js');

test.each([
  ['an ES module package', { 'package.json': '{"type":"module"}' }],
  ['a CommonJS package', { 'package.json': '{"type":"commonjs"}' }],
  ['no package', {}],
])('a TypeScript file in %s', async (_, files) => {
  const cwd = workplace({ ...job, ...files });
  expect((await headrace(['topology', 'user-counts.ts', '--json'], { cwd })).json()).toMatchObject([{ pipeline: 'user-counts' }]);
});

test('a JavaScript file, and a path from elsewhere', async () => {
  const cwd = workplace({
    'jobs/copy.mjs': `
      import { pipeline, topic, to } from 'headrace';
      const a = topic('a', { value: { x: 'int' } });
      export default pipeline('copy', ({ from }) => from(a).pipe(to(topic('b', { value: { x: 'int' } }))));`,
  });
  expect((await headrace(['topology', join(cwd, 'jobs/copy.mjs'), '--json'], { cwd: workplace() })).json()).toMatchObject([{ pipeline: 'copy' }]);
});

test('`headrace` is the running package also where none is installed, and in worker threads', async () => {
  const cwd = workplace(job);
  const script = `
    import { Worker, isMainThread, parentPort } from 'node:worker_threads';
    import { loadPipeline } from ${JSON.stringify(loader)};
    const { name } = await loadPipeline('user-counts.ts');
    if (isMainThread) new Worker(new URL(import.meta.url)).on('message', (theirs) => console.log(name, theirs));
    else parentPort.postMessage(name);`;
  const other = workplace({ ...job, 'load.mjs': script, 'node_modules/.keep': '' });
  const { stdout } = await promisify(execFile)(process.execPath, ['load.mjs'], { cwd: other });
  expect(stdout).toBe('user-counts user-counts\n');
  await promisify(execFile)('rm', ['-r', join(cwd, 'node_modules')]);
  expect((await headrace(['topology', 'user-counts.ts', '--json'], { cwd })).json()).toMatchObject([{ pipeline: 'user-counts' }]);
});

const good = "import { pipeline, topic } from 'headrace';\nconst a = topic('a', { value: { x: 'int' } });\n";

test.each<[what: string, file: string, text: string, code: string, message: RegExp]>([
  ['no default export', 'a.ts', 'export const x = 1;', 'HR_PIPELINE', /a\.ts has no default export\./],
  ['a pipeline under another name', 'a.ts', `${good}export const mine = pipeline('p', ({ from }) => from(a));`, 'HR_PIPELINE', /exports the pipeline mine, but not as default\.[^]*Write `export default mine`/],
  ['several pipelines', 'a.ts', `${good}export const p = pipeline('p', ({ from }) => from(a));\nexport const q = pipeline('q', ({ from }) => from(a));`, 'HR_PIPELINE', /exports the pipelines p, q, and none of them as default/],
  ['something else', 'a.ts', 'export default { run() {} };', 'HR_PIPELINE', /The default export of a\.ts is not a pipeline\./],
  ['a file that throws', 'a.ts', "interface A { b: string }\n\nconst a = undefined as A | undefined;\nexport default a!.b;", 'HR_PIPELINE', /a\.ts:4: TypeError: Cannot read properties of undefined \(reading 'b'\)/],
  ['a syntax error', 'a.ts', 'const a = 1;\nexport default (\n  5;\n', 'HR_PIPELINE', /a\.ts:3: Expected "\)" but found ";"/],
  ['an import that is not there', 'a.ts', "import './nowhere.js';\nexport default 1;", 'HR_PIPELINE', /a\.ts: Error: Cannot find module '.*nowhere\.js'/],
  ['a name that a topic cannot have', 'a.ts', "import { topic } from 'headrace';\n\nexport default topic('a b', { value: { x: 'int' } });", 'HR_TOPIC_NAME', /"a b".*\(a\.ts:3\)/],
  ['a name that a pipeline cannot have', 'a.ts', `${good}export default pipeline('a b', ({ from }) => from(a));`, 'HR_PIPELINE', /"a b" cannot be the name of a pipeline\. \(a\.ts:3\)/],
  ['a window of nothing, in the line of the window', 'a.ts', `import { pipeline, keyBy, topic, window } from 'headrace';\nconst a = topic('a', { value: { x: 'int' } });\nexport default pipeline('p', ({ from }) => from(a).pipe(\n  keyBy(a.x),\n  window('w', { every: 0 }, {}),\n));`, 'HR_WINDOW', /window "w": every is 0.*\(a\.ts:5\)/],
  ['a stream from nowhere', 'a.ts', `${good}export default pipeline('p', () => []);`, 'HR_PIPELINE', /returns a stream, or several in an array/],
])('%s', async (_, file, text, code, message) => {
  const cwd = workplace({ [file]: text });
  const done = await headrace(['topology', file], { cwd });
  expect(done.stderr).toMatch(message);
  expect(done).toMatchObject({ code: 1, stdout: '' });
  expect(done.stderr.startsWith(`${code}  `)).toBe(true);
  expect(done.stderr).not.toMatch(/^ +at .+:\d+:\d+/m);
});

test('an error in an imported file names that file', async () => {
  const cwd = workplace({ 'jobs/a.ts': `import './b.js';\n${good}export default pipeline('p', ({ from }) => from(a));`, 'jobs/b.ts': "import { topic } from 'headrace';\n\ntopic('ok', { value: { x: 'integer' as 'int' } });" });
  const { stderr } = await headrace(['topology', 'jobs/a.ts'], { cwd });
  expect(stderr).toMatch(/^HR_SCHEMA {2}.*"integer".*\(jobs\/b\.ts:3\)\n/);
});

test.each([
  [['click-feature'], 'There is no pipeline "click-feature". Did you mean click-features?'],
  [['user-count'], 'There is no pipeline "user-count". Did you mean user-counts.ts?'],
  [['./user-count.ts'], 'There is no file ./user-count.ts. Did you mean user-counts.ts?'],
  [['nowhere/x.ts'], 'There is no file nowhere/x.ts.'],
  [['notes.md'], 'notes.md is not a .ts, .mts, .js, .mjs file.'],
  [['.'], 'There is no pipeline ".".'],
])('unknown: %j', async ([name], message) => {
  const cwd = workplace({ ...job, 'notes.md': '' });
  const done = await headrace(['run', name!], { cwd });
  expect(done.stderr).toContain(`HR_PIPELINE_UNKNOWN  ${message}`);
  expect(done).toMatchObject({ code: 1, stdout: '' });
});
