import { HeadraceError } from '../../dataflow/errors.js';
import { didYouMean } from '../commands/nearest-name.js';
import { decisionLines, type LineFault, lineFault } from './decision-lines.js';
import { type DecisionLogOptions, type DecisionRow, type DecisionTable, naming, tableBuilder } from './decision-table.js';
import { timeReader } from './time-reader.js';

const required = ['item_id', 'position', 'propensity_score'] as const;

/**
 * Reads a CSV of the Open Bandit Dataset: `timestamp, item_id, position` (from 1)`, click, propensity_score, user_feature_*, user-item_affinity_*`.
 *
 * *Details*: the number of items is that of the affinity columns; without them, the largest item id and one. Affinities are the context. Propensities are read with
 * all their digits: pandas, and with it Open Bandit Pipeline, drops those beyond 17, and has a weight of 1 + 2e-15 where it is 1.
 * Fields have no quotes. Errors: HR_INPUT_FILE, HR_EVALUATION_LOG for a file without these columns.
 *
 * Source: Saito, Aihara, Matsutani and Narita, "Open Bandit Dataset and Pipeline", NeurIPS Datasets and Benchmarks 2021.
 */
export async function readOpenBanditLog(input: string, options: DecisionLogOptions = {}): Promise<DecisionTable> {
  const rewardColumn = options.reward ?? 'click';
  const builder = tableBuilder(input, 'open-bandit', options.extra);
  const segments = naming();
  const readTime = timeReader();
  let columns: Columns | undefined;
  let ends = new Int32Array(0);
  let most = 0;
  await decisionLines(input, builder, options, (text, line): LineFault | undefined => {
    if (columns === undefined) {
      columns = columnsOf(input, text.split(','), rewardColumn, options);
      ends = new Int32Array(columns.width + 1);
      return undefined;
    }
    // where each field ends; only the wanted ones are cut out
    let fields = 0;
    for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) === 44 && fields < columns.width) ends[fields++] = i;
    ends[fields++] = text.length;
    if (fields !== columns.width) return lineFault(`it has ${text.split(',').length} fields, the header has ${columns.width}`);
    const cut = (at: number): string => text.slice(at === 0 ? 0 : ends[at - 1]! + 1, ends[at]);
    const cell = (at: number): number => {
      const of = cut(at);
      return of === '' || of.trim() === '' ? NaN : Number(of);
    };
    const time = columns.time < 0 ? undefined : readTime(cut(columns.time));
    if (time === null) return lineFault(`"${cut(columns.time)}" is no ISO 8601 time with a zone`);
    const row: DecisionRow = { reward: cell(columns.reward), propensity: cell(columns.propensity), action: cell(columns.item), slot: cell(columns.position) - 1, time };
    if (Number.isInteger(row.action)) most = Math.max(most, row.action! + 1);
    if (columns.segment >= 0) row.segment = segments.number(cut(columns.segment));
    if (options.context === true && columns.affinities.length > 0) row.context = columns.affinities.map(cell);
    if (columns.extra.length > 0) row.extra = columns.extra.map(cell);
    builder.add(line, row);
    return undefined;
  });
  if (columns === undefined) throw new HeadraceError('HR_EVALUATION_EMPTY', `${input} is empty: it has not even a header.`);
  return builder.finish({ actions: columns.affinities.length > 0 ? columns.affinities.length : most > 0 ? most : undefined, actionsAreGuessed: columns.affinities.length === 0, names: undefined, segments: segments.names });
}

interface Columns {
  readonly width: number;
  readonly reward: number;
  readonly propensity: number;
  readonly item: number;
  readonly position: number;
  readonly time: number;
  readonly segment: number;
  readonly affinities: readonly number[];
  readonly extra: readonly number[];
}

function columnsOf(input: string, names: readonly string[], reward: string, options: DecisionLogOptions): Columns {
  const at = (name: string, needed: boolean): number => {
    const found = names.indexOf(name);
    if (found < 0 && needed) {
      throw new HeadraceError('HR_EVALUATION_LOG', `${input} has no column "${name}"; its header has ${names.slice(0, 8).map((n) => n || "''").join(', ')}${names.length > 8 ? ` and ${names.length - 8} more` : ''}.${didYouMean(name, names)}`, {
        remedy: `A file of the Open Bandit Dataset has the columns ${[...required, 'click'].join(', ')}; --reward names another one for the outcome.`,
      });
    }
    return found;
  };
  const [item, position, propensity] = required.map((name) => at(name, true)) as [number, number, number];
  return {
    width: names.length,
    item,
    position,
    propensity,
    reward: at(reward, true),
    time: at('timestamp', false),
    segment: options.segment === undefined ? -1 : at(options.segment, true),
    affinities: names.flatMap((name, k) => (name.startsWith('user-item_affinity_') ? [k] : [])),
    extra: (options.extra ?? []).map((name) => at(name, true)),
  };
}
