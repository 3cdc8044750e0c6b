import { parseArgs } from 'node:util';
import { HeadraceError } from '../../dataflow/errors.js';
import { isoTime } from '../import/civil-time.js';
import type { Call, Command, OptionSpec } from './command.js';
import { didYouMean } from './nearest-name.js';

/** Options that every command takes. */
export const commonOptions: Readonly<Record<string, OptionSpec>> = {
  'data-dir': { value: 'DIR', what: 'where topics, state and offsets are (default HEADRACE_DATA_DIR, else ./.headrace)' },
  config: { value: 'FILE', what: 'configuration file (default headrace.config.ts, .mts, .js or .mjs in this folder, where there is one)' },
  json: { what: 'print nothing but JSON lines on standard output' },
  help: { what: 'show this' },
};

/** What the words after a command's name say. */
export interface Arguments {
  readonly operands: readonly string[];
  readonly options: ReadonlyMap<string, string>;
}

/** An error of the command line, with the way to the help of `command`. */
export function usageError(command: Pick<Command, 'name'>, detail: string): HeadraceError {
  return new HeadraceError('HR_USAGE', detail, { remedy: `See \`headrace help ${command.name}\`.` });
}

/**
 * Reads the words after a command's name. Options may stand anywhere; a value is the next word or follows `=`.
 *
 * @throws HR_USAGE for an unknown option (with the nearest known one), a missing or unwanted value, too few or too many operands
 */
export function readArguments(command: Command, words: readonly string[]): Arguments {
  const known = { ...command.options, ...commonOptions };
  const { tokens } = parseArgs({
    args: [...words],
    options: {
      ...Object.fromEntries(Object.entries(known).map(([name, { value }]) => [name, { type: value === undefined ? ('boolean' as const) : ('string' as const) }])),
      help: { type: 'boolean', short: 'h' },
    },
    allowPositionals: true,
    strict: false,
    tokens: true,
  });
  const operands: string[] = [];
  const options = new Map<string, string>();
  for (const token of tokens) {
    if (token.kind === 'positional') operands.push(token.value);
    if (token.kind !== 'option') continue;
    const spec = Object.hasOwn(known, token.name) ? known[token.name] : undefined;
    if (spec === undefined) {
      const near = didYouMean(token.name, Object.keys(known), (name) => `--${name}`);
      throw usageError(command, `\`headrace ${command.name}\` has no option ${token.rawName}.${near}`);
    }
    if (spec.value === undefined) {
      if (token.value !== undefined) throw usageError(command, `${token.rawName} takes no value, and was given "${token.value}".`);
    } else if (token.value === undefined || token.value === '' || (!token.inlineValue && /^-\D/.test(token.value))) {
      throw usageError(command, `${token.rawName} needs a value: ${token.rawName} ${spec.value}.`);
    }
    if (options.has(token.name)) throw usageError(command, `${token.rawName} is given twice.`);
    options.set(token.name, token.value ?? '');
  }
  if (!options.has('help')) checkOperands(command, operands);
  return { operands, options };
}

function checkOperands(command: Command, operands: readonly string[]): void {
  const [least, most] = command.operands;
  const usage = command.usage.map((line) => `headrace ${line}`).join('  or  ');
  if (operands.length < least) throw usageError(command, `Something is missing: ${usage}.`);
  if (operands.length > most) throw usageError(command, `"${operands[most]}" is one word too many: ${usage}.`);
}

/** A whole number given with an option, or undefined. @throws HR_USAGE */
export function wholeNumber(call: Call, name: string, least: number, most = Number.MAX_SAFE_INTEGER): number | undefined {
  const text = call.options.get(name);
  if (text === undefined) return undefined;
  const value = /^-?\d+$/.test(text.replaceAll('_', '')) ? Number(text.replaceAll('_', '')) : Number.NaN;
  if (value >= least && value <= most) return value;
  const range = most === Number.MAX_SAFE_INTEGER ? `from ${least} on` : `from ${least} to ${most}`;
  throw usageError(call.command, `--${name} is "${text}"; give a whole number ${range}.`);
}

/** A number over zero given with an option, or undefined. @throws HR_USAGE */
export function positiveNumber(call: Call, name: string): number | undefined {
  const text = call.options.get(name);
  if (text === undefined) return undefined;
  if (/^\d+(\.\d+)?$/.test(text) && Number(text) > 0) return Number(text);
  throw usageError(call.command, `--${name} is "${text}"; give a number over 0.`);
}

/** One of `choices` given with an option, or undefined. @throws HR_USAGE */
export function oneOf<const C extends string>(call: Call, name: string, choices: readonly C[]): C | undefined {
  const text = call.options.get(name);
  if (text === undefined) return undefined;
  const found = choices.find((c) => c === text);
  if (found === undefined) throw usageError(call.command, `--${name} is "${text}"; give ${choices.join(' or ')}.${didYouMean(text, choices)}`);
  return found;
}

/**
 * A time given with an option as epoch milliseconds, or undefined: `2026-11-01` (midnight UTC), ISO 8601 with a zone, or epoch
 * milliseconds.
 *
 * @throws HR_USAGE, also for what looks like seconds
 */
export function timeOption(call: Call, name: string): number | undefined {
  const text = call.options.get(name);
  if (text === undefined) return undefined;
  if (/^\d+$/.test(text)) {
    const ms = Number(text);
    if (ms >= 1e8 && ms < 1e11) throw usageError(call.command, `--${name} ${text} looks like seconds; milliseconds are expected (${text}000).`);
    if (Number.isSafeInteger(ms)) return ms;
  }
  const time = isoTime(/^\d{4}-\d\d-\d\d$/.test(text) ? `${text}T00:00:00Z` : text);
  if (time !== undefined) return time;
  throw usageError(call.command, `--${name} is "${text}"; give 2026-11-01, 2026-11-01T10:00:00Z or epoch milliseconds.`);
}
