import { HeadraceError } from '../../dataflow/errors.js';
import { exitCodes } from './command.js';

/**
 * Prints an error for the person or program that called, and gives the exit code. The stack is shown only when the variable
 * HEADRACE_DEBUG is 1.
 */
export function printError(error: unknown, options: { readonly json: boolean; readonly debug: boolean; readonly write: (text: string) => void }): number {
  const coded = codedError(error);
  const { code, message, place, remedy } = coded;
  options.write(options.json ? `${JSON.stringify({ error: { code, message, place, remedy } })}\n` : `${coded.format()}\n`);
  if (options.debug) options.write(`${stackOf(error)}\n`);
  return exitCodeOf(coded);
}

/** The exit code of a command that ends with an error. */
export function exitCodeOf({ code }: HeadraceError): number {
  return code === 'HR_USAGE' ? exitCodes.usage : exitCodes.failed;
}

/** The error with a code: its own, or that of a mistake of ours. */
export function codedError(error: unknown): HeadraceError {
  if (error instanceof HeadraceError) return error;
  const detail = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return new HeadraceError('HR_INTERNAL', detail, { cause: error });
}

/** The stack of an error and of its causes. */
export function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined ? '' : `\ncaused by ${stackOf(error.cause)}`;
  return `${error.stack ?? error.message}${cause}`;
}
