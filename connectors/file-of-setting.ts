import { readFileSync } from 'node:fs';
import type { HeadraceError } from '../dataflow/errors.js';

/**
 * The file that a setting names; undefined where it names none.
 *
 * @param refuse makes the error of the setting for a file that cannot be read
 */
export function fileOfSetting(path: string | undefined, refuse: (path: string, cause: unknown) => HeadraceError): Buffer | undefined {
  if (path === undefined) return undefined;
  try {
    return readFileSync(path);
  } catch (cause) {
    throw refuse(path, cause);
  }
}
