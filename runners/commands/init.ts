import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { HeadraceError } from '../../dataflow/errors.js';
import { type Command, exitCodes } from './command.js';

/** Root of this package: the nearest folder above with its package.json, from the sources and from dist. */
const packageRoot = ((): string => {
  let at = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(at, 'templates/first-pipeline'))) at = dirname(at);
  return at;
})();

interface Manifest {
  name?: string;
  type?: string;
  private?: boolean;
  scripts?: Record<string, string>;
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
}

const scripts = {
  start: 'headrace simulate --events 20000 && headrace run item-ctr.ts --bounded && headrace topic read item-ctr --limit 10',
  test: 'node --import tsx --test item-ctr.test.ts',
  typecheck: 'tsc',
};

/** `headrace init`: a first pipeline with its test. */
export const init: Command = {
  name: 'init',
  usage: ['init [DIR]'],
  about:
    'Writes a first pipeline, its test and what they need into a folder (default: this one). Files that are there are never changed, but\n' +
    'for package.json, which gets the scripts and dependencies that it lacks.',
  options: {},
  operands: [0, 1],
  async run(call) {
    const folder = resolve(call.operands[0] ?? '.');
    const template = join(packageRoot, 'templates/first-pipeline');
    const files = (await readdir(template)).map((name) => ({ from: join(template, name), to: join(folder, name === 'gitignore' ? '.gitignore' : name) })).sort((a, b) => (a.to < b.to ? -1 : 1));
    const there = files.filter(({ to }) => existsSync(to)).map(({ to }) => relative(folder, to));
    if (there.length > 0) throw new HeadraceError('HR_FILE_EXISTS', `${call.operands[0] ?? 'This folder'} already has ${there.join(', ')}.`);
    await mkdir(folder, { recursive: true });
    const manifest = await completeManifest(folder);
    for (const { from, to } of files) await writeFile(to, await readFile(from));
    const written = [...files.map(({ to }) => relative(folder, to)), 'package.json'];
    await call.output.print({ folder, files: written, packageJson: manifest }, () =>
      [
        `Wrote ${written.join(', ')}.`,
        'Next:',
        ...(folder === resolve('.') ? [] : [`  cd ${relative(resolve('.'), folder)}`]),
        '  npm install',
        '  npm test     the job over a handful of records, cut up in every way',
        '  npm start    a simulated day of clicks, the job over it, and what it wrote',
      ].join('\n'),
    );
    return exitCodes.done;
  },
};

/** Adds to package.json what the pipeline needs and what is not there yet. */
async function completeManifest(folder: string): Promise<'written' | 'completed'> {
  const file = join(folder, 'package.json');
  const isNew = !existsSync(file);
  let manifest: Manifest;
  try {
    manifest = isNew ? { name: packageName(folder), private: true } : (JSON.parse(await readFile(file, 'utf8')) as Manifest);
  } catch (cause) {
    throw new HeadraceError('HR_INPUT_FILE', `${file} cannot be read as JSON.`, { cause, remedy: 'Mend it, or start in an empty folder.' });
  }
  const own = JSON.parse(await readFile(join(packageRoot, 'package.json'), 'utf8')) as { version: string; dependencies: Record<string, string>; devDependencies?: Record<string, string> };
  // In a clone there is no published version to install: the job depends on the clone itself.
  const isClone = !/[/\\]node_modules[/\\]headrace$/.test(packageRoot);
  // `npm init` writes a test script that fails; it is as good as none.
  const given = Object.entries(manifest.scripts ?? {}).filter(([name, line]) => name !== 'test' || !line.includes('no test specified'));
  const completed: Manifest = {
    ...manifest,
    type: 'module',
    scripts: { ...scripts, ...Object.fromEntries(given) },
    dependencies: { headrace: isClone ? `file:${relative(folder, packageRoot)}` : `^${own.version}`, ...manifest.dependencies },
    devDependencies: { '@types/node': '^20.19.43', tsx: own.dependencies.tsx!, typescript: '>=5.8', ...manifest.devDependencies },
  };
  await writeFile(file, `${JSON.stringify(completed, null, 2)}\n`);
  return isNew ? 'written' : 'completed';
}

function packageName(folder: string): string {
  return basename(folder).toLowerCase().replaceAll(/[^a-z0-9-]+/g, '-').replaceAll(/^-+|-+$/g, '') || 'first-pipeline';
}
