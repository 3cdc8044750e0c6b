import { type LogFormat, openRunLog, type RunLog } from '../operations/run-log.js';
import type { ProgressStream } from '../terminal/progress.js';
import { oneOf, usageError } from './arguments.js';
import type { Call } from './command.js';
import { codedError, exitCodeOf, stackOf } from './print-error.js';

/** The log of a command, as `--log` or HEADRACE_LOG say. */
export interface CommandLog extends RunLog {
  /** What is in force at the start: lines for a person, or fields. Says nothing under `--json` with a log of text. */
  started(text: string, fields: Readonly<Record<string, unknown>>): void;
  /** Ends the command with an error: a line of the log, or as every command does. */
  failed(error: unknown): number;
  /** Where progress goes; undefined: to the terminal. */
  readonly progressStream: ProgressStream | undefined;
}

const formats = ['text', 'json'] as const;

/** Opens the log of a command. @throws HR_USAGE for another format */
export async function commandLog(call: Call, fields: Readonly<Record<string, unknown>>): Promise<CommandLog> {
  const format = formatOf(call);
  const log = await openRunLog({ format, fields, notice: call.notice, write: call.logLine });
  return {
    ...log,
    progressStream: format === 'json' ? { write: (text) => log.info(text.trim()) } : undefined,
    started(text, more) {
      if (format === 'json') log.info('started', more);
      else if (!call.json) call.notice(text);
    },
    failed(error) {
      if (format === 'text' || (error instanceof Error && error.name === 'AbortError')) throw error;
      const coded = codedError(error);
      const { code, message, place, remedy } = coded;
      log.error(message, { code, place, remedy, ...(process.env['HEADRACE_DEBUG'] === '1' && { stack: stackOf(error) }) });
      return exitCodeOf(coded);
    },
  };
}

function formatOf(call: Call): LogFormat {
  const chosen = oneOf(call, 'log', formats);
  if (chosen !== undefined) return chosen;
  const set = process.env['HEADRACE_LOG']?.trim();
  if (set === undefined || set === '') return process.stderr.isTTY ? 'text' : 'json';
  const found = formats.find((f) => f === set);
  if (found === undefined) throw usageError(call.command, `HEADRACE_LOG is "${set}"; give text or json.`);
  return found;
}
