import { writeFileSync } from 'node:fs';
import { HeadraceError } from '../../dataflow/errors.js';
import type { Call } from './command.js';

/** Writes a report to the file that an option names, if it is given. Errors: HR_DATA_DIR. */
export function writeReport(call: Call, option: 'html' | 'markdown', text: () => string): void {
  const file = call.options.get(option);
  if (file === undefined) return;
  try {
    writeFileSync(file, text());
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    if (code === undefined) throw cause;
    throw new HeadraceError('HR_DATA_DIR', `The report ${file} cannot be written (${code}).`, { cause, remedy: `Give another path with --${option}.` });
  }
  call.notice(`Report: ${file}`);
}
