/*
 * The package as a user gets it: packed, looked at by publint and Are The Types Wrong, installed into an empty folder, and used there.
 */
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const root = resolve(import.meta.dirname, '..');
const folder = mkdtempSync(join(tmpdir(), 'headrace-package-'));
let tarball = '';

/** Runs a program as a user's shell would, without what npm puts into the environment of a test run. */
async function run(program: string, words: readonly string[], cwd: string): Promise<string> {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(npm_|NODE_OPTIONS|VITEST|NODE_ENV|NODE_PATH)/.test(name)));
  const { stdout, stderr } = await promisify(execFile)(program, words, { cwd, env, maxBuffer: 1 << 26 }).catch((error: { stdout: string; stderr: string; message: string }) => {
    throw new Error(`${error.message}\n${error.stdout}\n${error.stderr}`);
  });
  return stdout + stderr;
}

beforeAll(async () => {
  const packed = JSON.parse((await promisify(execFile)('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], { cwd: root, maxBuffer: 1 << 26 })).stdout) as { filename: string }[];
  tarball = join(folder, packed[0]!.filename);
}, 60_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('publint finds nothing', async () => {
  const { messages, pkg } = await publint({ pack: { tarball: Uint8Array.from(readFileSync(tarball)).buffer }, strict: true });
  expect(messages.map((message) => formatMessage(message, pkg, { color: false }))).toEqual([]);
});

test('the types of every entry point resolve for ES modules and for bundlers', async () => {
  const result = await checkPackage(createPackageFromTarballData(readFileSync(tarball)));
  if (!result.types) throw new Error('the package has no types');
  // The package is ES modules only: `require` and the resolution of before package exports do not apply.
  const problems = result.problems.filter((problem) => !('resolutionKind' in problem) || problem.resolutionKind === 'node16-esm' || problem.resolutionKind === 'bundler');
  expect(problems.map((problem) => JSON.stringify(problem))).toEqual([]);
  expect(Object.keys(result.entrypoints).sort()).toEqual(['.', './aggregates', './evaluation', './learning', './operators', './package.json', './serving', './testing']);
});

describe('in an empty folder', () => {
  const cwd = join(folder, 'my-job');

  test('it installs, and `headrace init` writes a job that type-checks, passes its test and runs', { timeout: 120_000 }, async () => {
    mkdirSync(cwd);
    writeFileSync(join(cwd, 'package.json'), '{ "name": "my-job", "version": "1.0.0", "type": "commonjs", "scripts": { "test": "echo \\"Error: no test specified\\" && exit 1" } }');
    await run('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', tarball], cwd);
    expect(await run('npx', ['headrace', 'init'], cwd)).toContain('Wrote .gitignore, README.md, item-ctr.test.ts, item-ctr.ts, tsconfig.json, package.json.');
    await run('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline'], cwd);
    await run('npm', ['run', 'typecheck'], cwd);
    expect(await run('npm', ['test'], cwd)).toMatch(/pass 2\n.*fail 0/);
    const shown = await run('npm', ['start'], cwd);
    expect(shown).toContain('records to topic item-ctr');
    expect(shown.match(/item-ctr\/\d@\d+ {2}i\d+ {2}\{"itemId":/g)).toHaveLength(10);
    expect(existsSync(join(cwd, '.headrace'))).toBe(true);
  });

  test('a job may be JavaScript as well', { timeout: 30_000 }, async () => {
    writeFileSync(join(cwd, 'likes.js'), `
      import { clicks, filter, pipeline, to, topic } from 'headrace';
      const likes = topic('likes', { key: 'userId', value: { userId: 'string', itemId: 'string' } });
      export default pipeline('likes', ({ from }) => from(clicks).pipe(filter(clicks.eventType.is('LIKE')), to(likes)));
    `);
    expect(await run('npx', ['headrace', 'run', 'likes.js', '--bounded'], cwd)).toContain('records to topic likes');
  });

  test('a second `init` changes nothing and says why', async () => {
    const before = readdirSync(cwd);
    await expect(run('npx', ['headrace', 'init'], cwd)).rejects.toThrow('HR_FILE_EXISTS  This folder already has .gitignore, README.md, item-ctr.test.ts, item-ctr.ts, tsconfig.json.');
    expect(readdirSync(cwd)).toEqual(before);
  });
});
