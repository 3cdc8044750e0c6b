import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { onTestFinished } from 'vitest';

/**
 * Mounts a tmpfs of `bytes` at `path` until the test ends. False, with a remark, where that is not permitted; in CI, which runs as root, it throws.
 */
export function mountTmpfs(path: string, bytes: number): boolean {
  mkdirSync(path, { recursive: true });
  const { status, stderr } = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', path]);
  if (status === 0) {
    onTestFinished(() => void spawnSync('umount', ['-l', path]));
    return true;
  }
  const reason = stderr === null ? 'there is no mount command' : stderr.toString().trim();
  if (process.env['CI']) throw new Error(`a tmpfs cannot be mounted: ${reason}`);
  console.warn(`SKIPPED: a tmpfs cannot be mounted (${reason})`);
  return false;
}

/** Mounts it again with other options: `size=…`, `ro`. */
export function remount(path: string, options: string): void {
  const { status, stderr } = spawnSync('mount', ['-o', `remount,${options}`, path]);
  if (status !== 0) throw new Error(stderr.toString());
}
