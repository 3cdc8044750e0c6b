#!/usr/bin/env node
import { createRequire } from 'node:module';
import { clickHouseSettings } from '../connectors/clickhouse/clickhouse-settings.js';
import { kafkaSettings } from '../connectors/kafka/kafka-settings.js';
import { redisSettings } from '../connectors/redis/redis-settings.js';
import { HeadraceError } from '../dataflow/errors.js';
import { readArguments } from './commands/arguments.js';
import { type Call, exitCodes } from './commands/command.js';
import { commandTable } from './commands/command-table.js';
import { commandHelp, overview } from './commands/help.js';
import { didYouMean } from './commands/nearest-name.js';
import { applyConfigFile } from './commands/config-file.js';
import { createOutput } from './commands/output.js';
import { printError } from './commands/print-error.js';
import { withoutSecrets } from './operations/without-secrets.js';

const interrupted = 'Interrupted. What was committed before stays.';

/** Runs one command line and gives its exit code. */
async function headrace(words: readonly string[]): Promise<number> {
  const json = words.includes('--json');
  const output = createOutput(process.stdout, json);
  try {
    return await dispatch(words, json, output);
  } catch (error) {
    if (error instanceof Error && error.name === 'AbortError') {
      toStderr(json ? `${JSON.stringify({ notice: interrupted })}\n` : `${interrupted}\n`);
      return exitCodes.interrupted;
    }
    return printError(error, { json, debug: process.env['HEADRACE_DEBUG'] === '1', write: toStderr });
  } finally {
    await output.close();
  }
}

async function dispatch(words: readonly string[], json: boolean, output: Call['output']): Promise<number> {
  const [name, ...rest] = words;
  if (name === undefined) {
    toStderr(`${overview()}\n`);
    return exitCodes.usage;
  }
  if (name === '--version') {
    const { version } = createRequire(import.meta.url)('headrace/package.json') as { version: string };
    await output.print({ version }, () => version);
    return exitCodes.done;
  }
  const asked = name === 'help' || name === '--help' || name === '-h';
  if (asked && rest[0] === undefined) {
    await output.print({ help: overview() }, overview);
    return exitCodes.done;
  }
  const command = await commandNamed(asked ? rest[0]! : name);
  const { operands, options } = asked ? { operands: [], options: new Map([['help', '']]) } : readArguments(command, rest);
  if (options.has('help')) {
    await output.print({ help: commandHelp(command) }, () => commandHelp(command));
    return exitCodes.done;
  }
  await applyConfigFile(options.get('config'));
  const abort = abortOnSignals(command.endsOnAbort ?? false);
  const notice = (text: string) => toStderr(json ? `${JSON.stringify({ notice: text })}\n` : `${process.stderr.isTTY ? '\r\x1b[K' : ''}${text}\n`);
  return command.run({
    command,
    operands,
    options,
    json,
    dataDir: options.get('data-dir') ?? (process.env['HEADRACE_DATA_DIR'] || './.headrace'),
    get kafka() {
      return kafkaSettings();
    },
    get redis() {
      return redisSettings();
    },
    get clickHouse() {
      return clickHouseSettings();
    },
    output,
    notice,
    logLine: toStderr,
    abort,
  });
}

async function commandNamed(name: string) {
  const entry = commandTable.find((c) => c.name === name);
  if (entry !== undefined) return entry.load();
  if (name.startsWith('-')) throw new HeadraceError('HR_USAGE', `The command comes first: headrace COMMAND ${name} ….`);
  throw new HeadraceError('HR_USAGE', `There is no command "${name}".${didYouMean(name, commandTable.map((c) => c.name))}`);
}

/** The first signal asks a command that listens to end by itself; any other ends the process. */
function abortOnSignals(listens: boolean): AbortSignal {
  const controller = new AbortController();
  const stop = () => {
    if (!listens || controller.signal.aborted) process.exit(exitCodes.interrupted);
    controller.abort();
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  return controller.signal;
}

function toStderr(text: string): void {
  process.stderr.write(withoutSecrets(text));
}

// who reads standard error may go as well
process.stderr.on('error', () => undefined);
const code = await headrace(process.argv.slice(2));
// a pipeline file may have left timers behind
process.exit(code);
