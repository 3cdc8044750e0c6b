import { createRequire } from 'node:module';

/** Whether an optional package is here; where it is not, its tests are skipped, but never in CI. */
export function isInstalled(name: string): boolean {
  try {
    createRequire(import.meta.url).resolve(name);
    return true;
  } catch (error) {
    if (process.env.CI === 'true') throw error;
    return false;
  }
}
