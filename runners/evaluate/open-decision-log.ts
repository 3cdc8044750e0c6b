import { existsSync, statSync } from 'node:fs';
import { extname } from 'node:path';
import { HeadraceError } from '../../dataflow/errors.js';
import { didYouMean } from '../commands/nearest-name.js';
import { readClickHouseLog } from '../decision-logs/clickhouse-log.js';
import type { DecisionLogOptions, DecisionTable } from '../decision-logs/decision-table.js';
import { readDsjsonLog } from '../decision-logs/dsjson-log.js';
import { readJsonLinesLog } from '../decision-logs/json-lines-log.js';
import { loggedDecisionFields, readLoggedDecisionLines } from '../decision-logs/logged-decision-lines.js';
import { readLoggedDecisions } from '../decision-logs/logged-decisions-topic.js';
import { readOpenBanditLog } from '../decision-logs/open-bandit-log.js';
import { readLines } from '../import/read-lines.js';

type Reader = (input: string, options: DecisionLogOptions) => Promise<DecisionTable>;

const formats: Readonly<Record<string, Reader>> = { 'open-bandit': readOpenBanditLog, dsjson: readDsjsonLog, jsonl: readJsonLinesLog, 'logged-decisions': readLoggedDecisionLines };

/** What a log can be, as help and messages say it. */
export const logForms = 'a topic (logged-decisions), a file of JSON lines or VW DSJSON, open-bandit:FILE.csv, dsjson:FILE, jsonl:FILE, logged-decisions:FILE, or clickhouse://HOST:8123/DATABASE/TABLE';

/**
 * Reads the log that a word stands for: `FORMAT:FILE`, a file whose format its first line tells, or a topic of the data directory.
 *
 * @throws HR_INPUT_FILE, HR_TOPIC_MISSING, HR_EVALUATION_LOG for what is none of them
 */
export async function openDecisionLog(word: string, dataDir: string, options: DecisionLogOptions): Promise<DecisionTable> {
  if (/^clickhouses?:\/\//.test(word)) return readClickHouseLog(word, options);
  const scheme = /^([a-z-]+):(.+)$/s.exec(word);
  if (scheme !== null) {
    const [, name, file] = scheme as unknown as [string, string, string];
    const reader = Object.hasOwn(formats, name) ? formats[name] : undefined;
    if (reader !== undefined) return reader(file, options);
    if (!existsSync(word)) throw new HeadraceError('HR_EVALUATION_LOG', `"${name}" is no format of a log.${didYouMean(name, Object.keys(formats))}`, { remedy: `A log is ${logForms}.` });
  }
  if (word !== '-' && existsSync(word) && statSync(word).isFile()) return formats[await formatOf(word)]!(word, options);
  if (/[/\\]/.test(word) || extname(word) !== '') throw new HeadraceError('HR_INPUT_FILE', `${word} does not exist.`, { remedy: `A log is ${logForms}.` });
  return readLoggedDecisions(word, dataDir, options);
}

/** The format of a file by its first line that is not blank. */
async function formatOf(file: string): Promise<string> {
  for await (const lines of readLines(file)) {
    for (const { bytes } of lines) {
      const text = bytes.toString('utf8').trim();
      if (text === '') continue;
      if (!text.startsWith('{')) return text.includes('propensity_score') || extname(file) === '.csv' ? 'open-bandit' : 'jsonl';
      if (loggedDecisionFields.every((field) => text.includes(`"${field}":`))) return 'logged-decisions';
      return /"(_label_cost|_label_probability|_labelIndex|_outcomes|_multi)"/.test(text) ? 'dsjson' : 'jsonl';
    }
  }
  throw new HeadraceError('HR_EVALUATION_EMPTY', `${file} is empty.`);
}
