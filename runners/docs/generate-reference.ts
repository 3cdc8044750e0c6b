import { readFileSync } from 'node:fs';
import { realpath, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { formatMs } from '../../dataflow/duration.js';
import { errorTable } from '../../dataflow/errors.js';
import { metricTable } from '../../dataflow/metrics.js';
import { exitCodes } from '../commands/command.js';
import { commandTable } from '../commands/command-table.js';
import { commandHelp } from '../commands/help.js';
import { formatBytes, formatNumber } from '../terminal/number-format.js';
import { documentedLimits, documentedOptions, documentedVariables, type DocumentedLimit } from './documented-limits.js';
import { operatorPages, operatorsIndex, optionsTable } from './operator-pages.js';
import { estimatorsPage, findingsPage } from './evaluation-pages.js';

const made = (from: string): string => `<!-- Made from ${from} by runners/docs/generate-reference.ts: change that, then run it. -->`;

/**
 * The reference pages by path below the repository.
 *
 * @param root folder of the repository
 * @throws Error naming the file when a limit, option or docstring that a page needs is not there
 */
export async function referencePages(root: string): Promise<ReadonlyMap<string, string>> {
  const read = (file: string) => readFileSync(join(root, file), 'utf8');
  return new Map([
    ['docs/reference-commands.md', `${made('the command table')}\n${await commandsPage()}`],
    ['docs/reference-errors.md', `${made('dataflow/errors.ts')}\n${errorsPage()}`],
    ['docs/reference-estimators.md', `${made('the docstrings of evaluation/')}\n${estimatorsPage(read)}`],
    ['docs/reference-findings.md', `${made('evaluation/diagnostics/finding.ts')}\n${findingsPage()}`],
    ['docs/reference-limits.md', `${made('the constants and docstrings that it names')}\n${limitsPage(read)}`],
    ['docs/reference-metrics.md', `${made('dataflow/metrics.ts')}\n${metricsPage()}`],
    ['docs/reference-operators.md', `${made('the docstrings of operators/ and dataflow/')}\n${operatorsIndex(read)}`],
    ...Array.from(operatorPages(read), ([path, text]) => [path, `${made('its docstrings and its example')}\n${text}`] as const),
  ]);
}

async function commandsPage(): Promise<string> {
  const lines = [
    '# Commands',
    '',
    'Results go to standard output; progress, remarks and errors go to standard error. With `--json` standard output holds nothing but JSON lines,',
    'and errors are JSON on standard error.',
    '',
    '| exit code | meaning |',
    '|---|---|',
    `| ${exitCodes.done} | done |`,
    `| ${exitCodes.failed} | failed; the message has a [code](reference-errors.md) |`,
    `| ${exitCodes.usage} | the command line cannot be understood |`,
    `| ${exitCodes.differs} | the answer is "they differ" (\`replay\`) |`,
    `| ${exitCodes.interrupted} | ended by a signal before it was done |`,
  ];
  for (const entry of commandTable) {
    lines.push('', `## ${entry.name}`, '', `${entry.summary}.`, '', '```text', commandHelp(await entry.load()), '```');
  }
  return `${lines.join('\n')}\n`;
}

function errorsPage(): string {
  const lines = [
    '# Errors',
    '',
    'Every error has a code that stays the same. A message says what happened, where (pipeline, step, topic, partition, offset, as far as known),',
    'and what to do. Set `HEADRACE_DEBUG=1` to see stacks and causes.',
  ];
  for (const [code, { what, remedy }] of Object.entries(errorTable)) lines.push('', `## ${code}`, '', what, '', `**What to do:** ${remedy}`);
  return `${lines.join('\n')}\n`;
}

function metricsPage(): string {
  const lines = ['# Metrics', '', '`headrace run --http PORT` serves them at `/metrics` in the text format of Prometheus; each has the label `pipeline`, and those in the third column. In a program, `createMetrics()` keeps them in memory; give it to `runEmbedded` and read `snapshot()`.', '', '| name | type | labels | meaning |', '|---|---|---|---|'];
  for (const [name, { type, by, help }] of Object.entries(metricTable)) lines.push(`| \`${name}\` | ${type} | ${by === 'partition' ? 'topic, partition' : by} | ${help} |`);
  return `${lines.join('\n')}\n`;
}

function limitsPage(read: (file: string) => string): string {
  const lines = ['# Limits, defaults and environment', '', 'Each number has one home, which is named with it.', '', '## Limits', '', '| limit | value | what | home |', '|---|---|---|---|'];
  for (const limit of documentedLimits) lines.push(`| \`${limit.constant}\` | ${valueOf(limit, read(limit.file))} | ${limit.what} | \`${limit.file}\` |`);
  lines.push('', '## Defaults', '', 'Defaults of the command line are in [the commands](reference-commands.md).');
  for (const options of documentedOptions) lines.push('', `### ${options.title}`, '', `\`${options.interface}\` in \`${options.file}\``, '', ...optionsTable(options, read));
  lines.push('', '## Environment', '', 'What the environment does not say may be in `headrace.config.ts`, by the same names (`TMPDIR` apart); options of a command win over both.', '', '| variable | what | read in |', '|---|---|---|');
  for (const { name, file, what } of documentedVariables) lines.push(`| \`${name}\` | ${what} | \`${file}\` |`);
  return `${lines.join('\n')}\n`;
}

/** The value of a constant as its source has it, for people. */
function valueOf({ constant, file, unit }: DocumentedLimit, source: string): string {
  const [name, member] = constant.split('.') as [string, string | undefined];
  const written = new RegExp(`^(?:export )?const ${name} = (.+?)(?: as const)?;`, 'm').exec(source)?.[1];
  const text = member === undefined ? written : new RegExp(`\\b${member}: ([^,}]+)`).exec(written ?? '')?.[1];
  const value = text === undefined ? undefined : arithmetic(text.trim());
  if (value === undefined) throw new Error(`${file}: the limit ${constant} is not there as a number`);
  if (unit === 'bytes') return formatBytes(value);
  if (unit === 'ms') return formatMs(value);
  if (unit === 'time') return new Date(value).toISOString();
  return value < 1e-6 ? String(value) : formatNumber(value);
}

/** `16 * 1_024`, `40 << 20`, `2 ** 40`, `1e8` as a number. */
function arithmetic(text: string): number | undefined {
  const factors = text.split(/\s*(\*\*|<<|\*)\s*/);
  const numbers = factors.filter((_, i) => i % 2 === 0).map((n) => (/^\d[\d_]*(e-?\d+)?$/.test(n) ? Number(n.replaceAll('_', '')) : Number.NaN));
  let value = numbers.at(-1)!;
  // from the right, since ** binds to the right and before *
  for (let i = numbers.length - 2; i >= 0; i--) {
    const operator = factors[2 * i + 1];
    value = operator === '**' ? numbers[i]! ** value : operator === '<<' ? numbers[i]! * 2 ** value : numbers[i]! * value;
  }
  return Number.isFinite(value) ? value : undefined;
}

/** The repository, whether this runs from its sources or from `dist`. */
function repository(): string {
  const above = fileURLToPath(new URL('../../', import.meta.url));
  return above.replace(/[/\\]dist[/\\]$/, '/');
}

if (process.argv[1] !== undefined && (await realpath(process.argv[1]).catch(() => '')) === fileURLToPath(import.meta.url)) {
  const root = repository();
  for (const [path, text] of await referencePages(root)) {
    await writeFile(join(root, path), text);
    process.stdout.write(`${path}\n`);
  }
}
