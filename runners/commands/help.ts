import { commonOptions } from './arguments.js';
import type { Command, OptionSpec } from './command.js';
import { commandTable } from './command-table.js';

/** The overview of all commands. */
export function overview(): string {
  const width = Math.max(...commandTable.map((c) => c.name.length));
  return [
    'headrace: streaming dataflow for TypeScript',
    '',
    'Usage: headrace COMMAND [options]',
    '',
    ...commandTable.map((c) => `  ${c.name.padEnd(width)}  ${c.summary}`),
    `  ${'help'.padEnd(width)}  Show how a command is used: headrace help COMMAND`,
    '',
    'Start with: headrace simulate --events 100000 && headrace run click-features --bounded',
    'Exit codes: 0 done, 1 failed, 2 wrong usage, 3 the answer is "they differ".',
  ].join('\n');
}

/** How one command is used. */
export function commandHelp(command: Command): string {
  const options = Object.entries({ ...command.options, ...commonOptions });
  const left = ([name, { value }]: [string, OptionSpec]) => `--${name}${value === undefined ? '' : ` ${value}`}`;
  const width = Math.max(...options.map((o) => left(o).length));
  return [
    ...command.usage.map((line, i) => `${i === 0 ? 'Usage: ' : '       '}headrace ${line}`),
    '',
    command.about,
    '',
    'Options:',
    ...options.map((o) => `  ${left(o).padEnd(width)}  ${o[1].what}`),
  ].join('\n');
}
