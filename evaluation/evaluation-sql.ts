import { HeadraceError } from '../dataflow/errors.js';
import { type EvaluationSums, evaluationSums, type LogShape } from './diagnostics/evaluation-sums.js';
import { mostBlocks } from './diagnostics/decision-cells.js';
import { blockWidth } from './diagnostics/time-blocks.js';
import { type EvaluationOptions, type EvaluationResult, resultOf, standardEstimators } from './evaluate.js';

/** Columns of a table of weighted decisions, by what they are called there. Always: `weight`, `reward`, `propensity`. */
export interface TableColumns {
  /** Has `shown_outcome` and `expected_outcome`. */
  readonly model?: boolean;
  /** Has `multiple`: decisions that a row stands for, 1 / (1 - pdrop). */
  readonly thinned?: boolean;
  /** Has `action`, numbered from 0. */
  readonly action?: boolean;
  /** Has `slot`, numbered from 0. */
  readonly slot?: boolean;
  /** Has `time`, epoch milliseconds. */
  readonly time?: boolean;
  /** Has `logger`, numbered from 0. */
  readonly logger?: boolean;
  /** Has `segment`, numbered from 0. */
  readonly segment?: boolean;
  /** Has `decision`, any id. */
  readonly decision?: boolean;
  /** Has `candidates`, `joined`, `late`. */
  readonly candidates?: boolean;
  readonly joined?: boolean;
  readonly late?: boolean;
}

/** A row of a result, as numbers. */
export type SqlRow = readonly number[];

/** A query, and what becomes of its rows. */
export interface EvaluationQuery {
  readonly sql: string;
  /** Adds the rows, each with its columns in order. */
  take(rows: readonly SqlRow[]): void;
}

/** Groups that ClickHouse keeps in an array, without hashing: those of two bytes. */
const mostGroups = 1 << 16;
/** From so many rows on, compiling aggregates at their first use pays: it takes half a second, and saves a tenth of the rest. */
const manyRows = 50_000_000;
const compiled = 'SETTINGS min_count_to_compile_aggregate_expression = 0, min_count_to_compile_expression = 0';
/** One of so many decisions is looked at for repetitions, where there are more than this many. */
const mostLooked = 5_000_000;

/**
 * The whole evaluation as ClickHouse SQL: estimators and diagnostics are made from the same definitions as in the process.
 *
 * *When to use*: where the log is in ClickHouse, or in files that it reads; nothing but sums leaves it. *Details*: first run `count`, then
 * `totals(…)`, then each of `queries(…)`, whose rows go to `take`; then `result()`. Sums that groups have are not made a second time, and over many rows ClickHouse compiles them. Without times, changes over time are not looked for. Whole distributions are not looked at.
 *
 * @param table name of a table or view, or a subquery in parentheses
 * @throws HR_ARGUMENT settings that cannot be
 *
 * @example
 * const sql = evaluationSql('weighted', { action: true, time: true }, { clip: 10 });
 * sql.count;
 */
export function evaluationSql(table: string, columns: TableColumns, options: EvaluationOptions & { readonly actions?: number } = {}): {
  /** Rows of the table. */
  readonly count: string;
  /** Extents of the columns, and the sums that no group has, in one row. Errors: HR_EVALUATION_EMPTY. */
  totals(count: SqlRow): string;
  /** @param totals the row that it gave */
  queries(totals: SqlRow): readonly EvaluationQuery[];
  /** Errors: HR_EVALUATION_EMPTY. */
  result(): EvaluationResult;
} {
  const { model = false, thinned = false, candidates = false, joined = false, late = false } = columns;
  const shape: LogShape = { model, thinned, candidates, joined, late };
  const estimators = options.estimators ?? standardEstimators(options.clip ?? 10, model);
  const sums = evaluationSums(Object.fromEntries(estimators.map((estimator) => [estimator.name, estimator])), shape);
  const extent = (has: boolean | undefined, name: string, of: 'min' | 'max'): string => (has === true ? `toFloat64(${of}(${name}))` : of === 'min' ? '0.' : '-1.');
  // what the cells have is added up from there
  const [inTotals, inCells] = [sums.tally.sql(thinned), sums.cells.sql(thinned)];
  const alone = inTotals.filter((sql) => !inCells.includes(sql));
  const place = (of: readonly string[], state: SqlRow): Float64Array => {
    const out = sums.tally.empty();
    inTotals.forEach((sql, k) => {
      const at = of.indexOf(sql);
      if (at >= 0) out[k] = state[at]!;
    });
    return out;
  };
  let settings = '';
  return {
    count: `SELECT toFloat64(count()) AS c0 FROM ${table}`,
    totals([rows]) {
      if (!(rows! > 0)) throw new HeadraceError('HR_EVALUATION_EMPTY', `The table ${table} has no row.`);
      settings = rows! >= manyRows ? compiled : '';
      return select([extent(columns.time, 'time', 'min'), ...(['time', 'action', 'slot', 'logger', 'segment'] as const).map((name) => extent(columns[name], name, 'max')), 'toFloat64(count())', ...alone], table, settings);
    },
    queries: ([from, to, action, slot, logger, segment, rows, ...totals]) => {
      sums.tally.addState(place(alone, totals));
      const slots = Math.max(1, slot! + 1);
      const actions = options.actions ?? action! + 1;
      Object.assign(sums.state, { actions: actions > 0 ? actions : undefined, slots, hasActions: columns.action === true, hasTime: columns.time === true, hasLoggers: columns.logger === true, hasSegments: columns.segment === true, given: rows! });
      const grouped = (of: EvaluationSums['cells'], key: string | undefined, keys: number, withActions: boolean): EvaluationQuery => {
        const perKey = withActions ? Math.max(actions, action! + 1) + 1 : 1;
        const most = Math.max(8, Math.min(mostBlocks, Math.floor(mostGroups / (keys * perKey))));
        const width = columns.time === true ? blockWidth(from!, to!, most) : 1;
        const low = columns.time === true ? Math.floor(from! / width) : 0;
        const block = columns.time === true ? `(toInt64(floor(time / ${width}.)) - ${low})` : '0';
        const group = `${block} * ${keys * perKey} + ${key === undefined ? '0' : `toInt64(${key})`} * ${perKey} + ${withActions && columns.action === true ? 'toInt64(action) + 1' : '0'}`;
        const blocks = columns.time === true ? Math.floor(to! / width) - low + 1 : 1;
        return {
          sql: select([`toFloat64(${blocks * keys * perKey <= mostGroups ? 'toUInt16' : 'toUInt64'}(${group}) AS cell)`, ...of.sql(thinned)], table, `GROUP BY cell ${settings}`),
          take: (found) => {
            for (const [cell, ...state] of found) {
              const inBlock = cell! % (keys * perKey);
              if (of === sums.cells) sums.tally.addState(place(inCells, state));
              of.addCell((low + Math.floor(cell! / (keys * perKey))) * width, Math.floor(inBlock / perKey), (inBlock % perKey) - 1, state);
            }
          },
        };
      };
      const thin = Math.ceil(rows! / mostLooked);
      return [
        grouped(sums.cells, columns.slot === true ? 'slot' : undefined, slots, columns.action === true),
        { sql: select([`toFloat64(${sums.bins.sql.bin} AS bin)`, ...sums.bins.sql.sums(thinned)], table, `GROUP BY bin ${settings}`), take: (found) => found.forEach(([bin, ...state]) => sums.bins.addBin(bin!, state)) },
        ...(columns.logger === true ? [grouped(sums.loggers!, 'logger', logger! + 1, columns.action === true)] : []),
        ...(columns.segment === true ? [grouped(sums.segments!, 'segment', segment! + 1, false)] : []),
        ...(columns.decision === true
          ? [
              {
                sql: select(['toFloat64(count())', `toFloat64(count() - uniqExact(decision${columns.slot === true ? ', slot' : ''}))`], table, thin > 1 ? `WHERE cityHash64(decision) % ${thin} = 0` : ''),
                take: (found: readonly SqlRow[]) => sums.repeated.addCounts(found[0]![0]!, found[0]![1]!),
              },
            ]
          : []),
      ];
    },
    result: () => resultOf(sums, options),
  };
}

/** Every column has a name of its own, since expressions may be written alike. */
function select(of: readonly string[], table: string, rest = ''): string {
  return `SELECT ${of.map((expression, k) => `${expression} AS c${k}`).join(', ')} FROM ${table} ${rest}`.trimEnd();
}
