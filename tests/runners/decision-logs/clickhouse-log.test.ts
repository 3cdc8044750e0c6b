import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { sqlName } from '../../../dataflow/sql/sql-text.js';
import { readClickHouseLog } from '../../../runners/decision-logs/clickhouse-log.js';

/** A server on this machine that answers as ClickHouse does, and what it was asked. */
async function server(answer: (body: string, response: ServerResponse, request: IncomingMessage) => void): Promise<{ readonly port: number; readonly asked: { body: string; user: string; key: string }[] }> {
  const asked: { body: string; user: string; key: string }[] = [];
  const http = createServer((request, response) => {
    let body = '';
    request.on('data', (text: Buffer) => (body += text.toString()));
    request.on('end', () => {
      asked.push({ body, user: String(request.headers['x-clickhouse-user']), key: String(request.headers['x-clickhouse-key']) });
      answer(body, response, request);
    });
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void http.close());
  return { port: (http.address() as AddressInfo).port, asked };
}

const row = (i: number) => `${JSON.stringify({ action: i % 3, actions: 3, propensity: 0.5, reward: i % 2, time: '2026-01-05T10:00:00.000Z' })}\n`;

test('rows of a table are decisions; credentials come from the environment or the address', async () => {
  const { port, asked } = await server((body, response) => {
    if (body.startsWith('DESCRIBE')) return void response.end('{"name":"propensity","type":"Float64"}\n');
    for (let i = 0; i < 1000; i++) response.write(row(i));
    response.end('{"propensity": 1}x\n');
  });
  const table = await readClickHouseLog(`clickhouse://127.0.0.1:${port}/logs/deci\`sions`, {}, { CLICKHOUSE_USER: 'reader', CLICKHOUSE_PASSWORD: 'secret' });
  expect(table).toMatchObject({ length: 1000, source: 'logs.deci`sions', format: 'clickhouse', actions: 3, refused: [{ code: 'HR_EVALUATION_LINE', first: 'row 1001' }] });
  expect(table.place(4)).toBe('row 5');
  await readClickHouseLog(`clickhouse://me:mine@127.0.0.1:${port}/decisions`, {}, {});
  expect(asked.filter(({ body }) => body.startsWith('SELECT'))).toEqual([
    { body: `SELECT * FROM ${sqlName('logs')}.${sqlName('deci`sions')} FORMAT JSONEachRow`, user: 'reader', key: 'secret' },
    { body: 'SELECT * FROM default.decisions FORMAT JSONEachRow', user: 'me', key: 'mine' },
  ]);
});

test('a query that is refused, or fails midway', async () => {
  const { port } = await server((body, response) => {
    if (body.includes('gone')) {
      response.statusCode = 404;
      response.end("Code: 60. DB::Exception: Table default.gone doesn't exist. (UNKNOWN_TABLE)\n");
    } else if (body.startsWith('DESCRIBE')) response.end();
    else {
      response.write(row(1));
      response.end('Code: 241. DB::Exception: Memory limit exceeded. (MEMORY_LIMIT_EXCEEDED)');
    }
  });
  await expect(readClickHouseLog(`clickhouse://127.0.0.1:${port}/gone`)).rejects.toMatchObject({ code: 'HR_CLICKHOUSE_QUERY', message: expect.stringContaining("Table default.gone doesn't exist") as string });
  await expect(readClickHouseLog(`clickhouse://127.0.0.1:${port}/heavy`)).rejects.toMatchObject({ code: 'HR_CLICKHOUSE_QUERY', message: expect.stringContaining('Memory limit exceeded') as string });
});

test.each(['clickhouse://', 'clickhouse://host', 'clickhouse://host/a/b/c', 'clickhouse://u:secret@host:x/t'])('%s is no address', async (address) => {
  const error = await readClickHouseLog(address).catch((e: Error) => e);
  expect(error).toMatchObject({ code: 'HR_EVALUATION_LOG' });
  expect(String((error as Error).message)).not.toContain('secret');
});

test('a server that does not answer', async () => {
  const { port } = await server((_, __, request) => request.socket.destroy());
  await expect(readClickHouseLog(`clickhouse://u:secret@127.0.0.1:${port}/t`)).rejects.toMatchObject({ code: 'HR_EVALUATION_LOG', message: expect.stringMatching(/^ClickHouse at http:\/\/127.0.0.1:\d+ does not answer \(/) as string });
});
