import type { Chdb } from '../../connectors/clickhouse/open-chdb.js';
import type { EvaluationOptions, EvaluationResult } from '../../evaluation/evaluate.js';
import { evaluationSql, type SqlRow, type TableColumns } from '../../evaluation/evaluation-sql.js';

/**
 * Evaluates a table of weighted decisions where it is: in ClickHouse, in this process or on a cluster.
 *
 * *Details*: five or so queries that read what they need; nothing but sums comes back. The result is that of `evaluate` on the same decisions, to nine digits.
 *
 * Errors: HR_EVALUATION_EMPTY, and those of the queries.
 *
 * @param table name of a table or view, or a subquery in parentheses
 * @param columns what the table has
 */
export async function evaluateTable(clickhouse: Pick<Chdb, 'query'>, table: string, columns: TableColumns, options: EvaluationOptions & { readonly actions?: number } = {}): Promise<EvaluationResult> {
  const evaluation = evaluationSql(table, columns, options);
  const rows = async (sql: string): Promise<readonly SqlRow[]> => (await clickhouse.query(sql)).map((row) => Object.values(row) as number[]);
  const [count] = await rows(evaluation.count);
  const [totals] = await rows(evaluation.totals(count!));
  for (const { sql, take } of evaluation.queries(totals!)) take(await rows(sql));
  return evaluation.result();
}
