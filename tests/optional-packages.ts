import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

/**
 * Installs the optional packages of package.json for the tests, when one of them is missing: `npm ci` leaves them out. All of them at once, since an install takes away what no
 * manifest asks for; as development packages, since npm does not install a peer that is optional. In CI a failure fails the run; elsewhere it is printed, and the tests that
 * need a package are skipped.
 */
export default async function installOptionalPackages(): Promise<void> {
  const root = resolve(import.meta.dirname, '..');
  const { peerDependencies = {} } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { peerDependencies?: Record<string, string> };
  const { resolve: find } = createRequire(join(root, 'package.json'));
  const missing = Object.keys(peerDependencies).filter((name) => {
    try {
      return find(`${name}/package.json`) === '';
    } catch (error) {
      // a package that is there and does not show its package.json
      return (error as { code?: string }).code === 'MODULE_NOT_FOUND';
    }
  });
  if (missing.length === 0) return;
  const wanted = Object.entries(peerDependencies).map(([name, range]) => `${name}@${range}`);
  process.stderr.write(`installing ${missing.join(', ')} for the tests\n`);
  try {
    await promisify(execFile)('npm', ['install', '--no-save', '--save-dev', '--no-audit', '--no-fund', '--ignore-scripts', ...wanted], { cwd: root });
  } catch (error) {
    if (process.env.CI === 'true') throw error;
    process.stderr.write(`${missing.join(', ')} could not be installed; tests that need it are skipped: ${(error as Error).message}\n`);
  }
}
