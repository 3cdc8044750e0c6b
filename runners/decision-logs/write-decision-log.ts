import { closeSync, openSync, writeSync } from 'node:fs';
import { HeadraceError } from '../../dataflow/errors.js';
import type { DecisionTable } from './decision-table.js';
import { dsjsonLines } from './dsjson-lines.js';

/** Formats that a log can be written in. */
export const writableFormats = ['jsonl', 'open-bandit', 'dsjson'] as const;
export type WritableFormat = (typeof writableFormats)[number];

const formats: Readonly<Record<WritableFormat, (table: DecisionTable) => Iterable<string>>> = { jsonl: jsonLines, 'open-bandit': openBanditLines, dsjson: dsjsonLines };

/** Bytes that are collected before they go to the file. */
const chunk = 1 << 20;

/**
 * Writes a log to a file, as far as the format can hold it. Ids of users, decisions and slates are written as the numbers that they were read as.
 *
 * @returns lines that were written
 * @throws HR_EVALUATION_LOG the format cannot hold this log; HR_DATA_DIR the file cannot be written
 */
export function writeDecisionLog(table: DecisionTable, format: WritableFormat, file: string): number {
  let written = 0;
  let open: number | undefined;
  try {
    let waiting = '';
    for (const line of formats[format](table)) {
      open ??= openSync(file, 'w');
      waiting += `${line}\n`;
      written++;
      if (waiting.length < chunk) continue;
      writeSync(open, waiting);
      waiting = '';
    }
    writeSync((open ??= openSync(file, 'w')), waiting);
  } catch (cause) {
    if (cause instanceof HeadraceError || (cause as NodeJS.ErrnoException).code === undefined) throw cause;
    throw new HeadraceError('HR_DATA_DIR', `The log ${file} cannot be written (${(cause as NodeJS.ErrnoException).code}).`, { cause, remedy: 'Give another path with --write.' });
  } finally {
    if (open !== undefined) closeSync(open);
  }
  return written;
}

/** The plain form that `readJsonLinesLog` reads: nothing is lost. */
function* jsonLines(table: DecisionTable): Iterable<string> {
  const { choices, features, context } = table;
  const known = (column: Float64Array | undefined, row: number): number | undefined => (column === undefined || Number.isNaN(column[row]!) ? undefined : column[row]!);
  const name = (a: number): number | string => table.names?.[a] ?? a;
  const yes = (column: Float64Array | undefined, row: number): boolean | undefined => (known(column, row) === undefined ? undefined : column![row] === 1);
  for (let row = 0; row < table.length; row++) {
    const action = known(table.action, row);
    const time = known(table.time, row);
    const logger = known(table.logger, row);
    const segment = known(table.segment, row);
    const [from, to] = choices === undefined ? [0, 0] : [choices.start[row]!, choices.start[row + 1]!];
    const of = <T>(column: Float64Array | undefined, value: (at: number) => T): T[] | undefined => (column === undefined || to === from ? undefined : Array.from({ length: to - from }, (_, c) => value(from + c)));
    yield JSON.stringify({
      id: known(table.decision, row),
      slate: known(table.slate, row),
      slot: known(table.slot, row),
      action: action === undefined ? undefined : name(action),
      actions: of(choices?.action, (at) => name(choices!.action[at]!)) ?? table.counts?.[row] ?? (table.actionsAreGuessed ? undefined : table.actions),
      propensity: known(table.propensity, row),
      probabilities: of(choices?.probability, (at) => choices!.probability![at]!),
      reward: known(table.reward, row),
      user: known(table.user, row),
      time: time === undefined ? undefined : new Date(time).toISOString(),
      policy: logger === undefined ? undefined : table.loggers[logger],
      segment: segment === undefined ? undefined : table.segments[segment],
      joined: yes(table.joined, row),
      late: yes(table.late, row),
      pdrop: known(table.pdrop, row),
      context: context === undefined ? undefined : Array.from(context.subarray(row * features, (row + 1) * features)),
      scores: of(choices?.score, (at) => choices!.score![at]!),
      features: of(choices?.features, (at) => Array.from(choices!.features!.subarray(at * choices!.width, (at + 1) * choices!.width))),
    });
  }
}

/** The columns of the Open Bandit Dataset. The context stands for affinities where it has as many values as there are actions. */
function* openBanditLines(table: DecisionTable): Iterable<string> {
  const { action, actions, names, choices, counts, slot, time, segment, segments, context, features } = table;
  if (action === undefined || actions === undefined) throw new HeadraceError('HR_EVALUATION_LOG', `${table.source} does not have the actions, without which a line of Open Bandit cannot be written.`);
  if (table.pdrop?.some((p) => p > 0) === true) throw new HeadraceError('HR_EVALUATION_LOG', 'A log that was thinned (pdrop) cannot be written as Open Bandit.', { remedy: 'Write it as jsonl or dsjson.' });
  if (names !== undefined || counts !== undefined || choices !== undefined) throw new HeadraceError('HR_EVALUATION_LOG', 'Open Bandit has numbered actions, the same for every decision; this log has others.', { remedy: 'Write it as jsonl or dsjson.' });
  const hasTime = time !== undefined && !time.some(Number.isNaN);
  const affinities = features === actions ? context : undefined;
  yield ['', ...(hasTime ? ['timestamp'] : []), 'item_id', 'position', 'click', 'propensity_score', ...(segment === undefined ? [] : ['user_feature_0']), ...Array.from({ length: actions }, (_, a) => `user-item_affinity_${a}`)].join();
  const number = (x: number): string => (Number.isNaN(x) ? '' : String(x));
  for (let row = 0; row < table.length; row++) {
    yield [
      row,
      ...(hasTime ? [new Date(time[row]!).toISOString().replace('T', ' ').replace('Z', '+00:00')] : []),
      number(action[row]!),
      number((slot?.[row] ?? 0) + 1),
      number(table.reward[row]!),
      number(table.propensity[row]!),
      ...(segment === undefined ? [] : [(segments[segment[row]!] ?? '').replaceAll(/[,\n\r]/g, ' ')]),
      ...Array.from({ length: actions }, (_, a) => (affinities === undefined ? '0.0' : number(affinities[row * actions + a]!))),
    ].join();
  }
}
