import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryDirectory } from '../../connectors/embedded/temporary-directory.js';

/** Writes lines to a file of its own; objects become JSON. */
export function fileOf(lines: readonly (string | object)[], name = 'log'): string {
  const file = join(temporaryDirectory(), name);
  writeFileSync(file, lines.map((line) => `${typeof line === 'string' ? line : JSON.stringify(line)}\n`).join(''));
  return file;
}
