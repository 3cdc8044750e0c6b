import { HeadraceError } from '../../dataflow/errors.js';
import { sqlName } from '../../dataflow/sql/sql-text.js';
import type { DecisionLogOptions, DecisionTable } from './decision-table.js';
import { readJsonLinesLog } from './json-lines-log.js';
import { loggedDecisionFields, readLoggedDecisionLines } from './logged-decision-lines.js';

/**
 * Reads a table of a ClickHouse server, whose columns are called as the fields of the JSON lines form, or one that `toWarehouse` has filled with LoggedDecision records: `clickhouse://HOST[:8123]/DATABASE/TABLE`, or `clickhouses://` over TLS. A name of one part is
 * a table of the database `default`.
 *
 * *Details*: rows come as a stream and go to columns. User and password are those of `CLICKHOUSE_USER` and `CLICKHOUSE_PASSWORD`, or stand in the address; they are not printed.
 *
 * Errors: HR_EVALUATION_LOG for an address that is none, or a server that does not answer; HR_CLICKHOUSE_QUERY with its message when it refuses; those of `readJsonLinesLog`.
 *
 * @param env where user and password are looked for
 */
export async function readClickHouseLog(address: string, options: DecisionLogOptions = {}, env: Readonly<Record<string, string | undefined>> = process.env): Promise<DecisionTable> {
  const { url, user, password, database, table } = parsed(address);
  const source = `${database}.${table}`;
  const headers = { 'X-ClickHouse-User': user || env['CLICKHOUSE_USER'] || 'default', 'X-ClickHouse-Key': password || env['CLICKHOUSE_PASSWORD'] || '' };
  const ask = async (query: string): Promise<Response> => {
    let response: Response;
    try {
      response = await fetch(`${url}/?output_format_json_quote_64bit_integers=0&final=1&date_time_output_format=iso`, { method: 'POST', headers, body: `${query} FORMAT JSONEachRow` });
    } catch (cause) {
      const reason = (cause as { cause?: { code?: string } }).cause?.code ?? (cause as Error).message;
      throw new HeadraceError('HR_EVALUATION_LOG', `ClickHouse at ${url} does not answer (${reason}).`, { cause, remedy: 'Check host and port (HTTP, 8123 by default), and that the server runs.' });
    }
    if (!response.ok || response.body === null) throw refused(source, await response.text());
    return response;
  };
  const of = `${sqlName(database)}.${sqlName(table)}`;
  const columns = await (await ask(`DESCRIBE TABLE ${of}`)).text();
  const read = loggedDecisionFields.every((field) => columns.includes(`"name":"${field}"`)) ? readLoggedDecisionLines : readJsonLinesLog;
  const response = await ask(`SELECT * FROM ${of}`);
  const rows = await read('-', { ...options, name: source, stdin: withoutException(source, response.body!) });
  return { ...rows, format: 'clickhouse', place: (row) => rows.place(row).replace('line', 'row'), refused: rows.refused.map((of) => ({ ...of, first: of.first.replace('line', 'row') })) };
}

function parsed(address: string) {
  let url: URL | undefined;
  try {
    url = new URL(address.replace(/^clickhouse/, 'http').replace(/^https?s:/, 'https:'));
  } catch {
    // told below
  }
  const names = (url?.pathname ?? '').split('/').filter((name) => name !== '').map(decodeURIComponent);
  if (url === undefined || names.length === 0 || names.length > 2) {
    throw new HeadraceError('HR_EVALUATION_LOG', 'This is no address of a table in ClickHouse.', { remedy: 'Write clickhouse://HOST:8123/DATABASE/TABLE.' });
  }
  const port = url.port === '' ? (url.protocol === 'https:' ? 8443 : 8123) : url.port;
  const [database, table] = names.length === 2 ? (names as [string, string]) : ['default', names[0]!];
  return { url: `${url.protocol}//${url.hostname}:${port}`, user: decodeURIComponent(url.username), password: decodeURIComponent(url.password), database, table };
}

function refused(source: string, text: string): HeadraceError {
  return new HeadraceError('HR_CLICKHOUSE_QUERY', `ClickHouse does not give ${source}: ${text.trim().split('\n')[0]!.slice(0, 300)}`);
}

/** The bytes of an answer; a server that fails midway says so at the end of it. */
async function* withoutException(source: string, body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let end = '';
  for await (const bytes of body) {
    end = (end + Buffer.from(bytes.subarray(-1024)).toString('latin1')).slice(-2048);
    yield bytes;
  }
  const exception = /Code: \d+\. DB::(?:.|\n)*$/.exec(end);
  if (exception !== null) throw refused(source, exception[0]);
}
