/*
 * propensity-log into ClickHouse, a server and the one in the process: each row once, after kill -9 at any instant and after the server was away. HEADRACE_FAULTS=long kills a hundred times.
 */
import { once } from 'node:events';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { chdbSession } from '../../connectors/clickhouse/chdb-session.js';
import { clickHouseSession } from '../../connectors/clickhouse/clickhouse-session.js';
import { clickHouseSettings } from '../../connectors/clickhouse/clickhouse-settings.js';
import type { SqlSession } from '../../connectors/clickhouse/sql-warehouse.js';
import { openEmbedded } from '../../connectors/embedded/embedded-runtime.js';
import { splitmix } from '../../dataflow/splitmix.js';
import { topicRecords } from '../../runners/testing/topic-records.js';
import type { LoggedDecision } from '../../schemas/generated/logged-decision.js';
import { hasChdb } from '../connectors/clickhouse/with-chdb.js';
import { clickHouseUrl } from '../services/clickhouse-url.js';
import { disturbedRun } from './disturbed-run.js';
import { plantDecisions } from './plant-decisions.js';
import { startRun } from './start-run.js';

const pipeline = 'propensity-log';
const kills = process.env['HEADRACE_FAULTS'] === 'long' ? 100 : 6;
/** How long the server is away at first. */
const awayMs = process.env['HEADRACE_FAULTS'] === 'long' ? 60_000 : 2_000;
const home = mkdtempSync(join(tmpdir(), 'headrace-warehouse-faults-'));
const input = join(home, 'input');
const url = await clickHouseUrl();
let databases = 0;

beforeAll(async () => plantDecisions(input, { decisions: 1_200, seed: 8 }), 60_000);
afterAll(() => rmSync(home, { recursive: true, force: true }));

/** A data directory with the input, and a database for it. */
async function place(name: string) {
  const dataDir = join(home, name);
  cpSync(input, dataDir, { recursive: true });
  const database = `faults_${process.pid}_${databases++}`;
  return { dataDir, database };
}

async function serverFor(database: string): Promise<SqlSession> {
  const first = clickHouseSession(clickHouseSettings({ CLICKHOUSE_URL: url! })!);
  await first.run(`CREATE DATABASE ${database}`);
  await first.close();
  return clickHouseSession(clickHouseSettings({ CLICKHOUSE_URL: url!, CLICKHOUSE_DATABASE: database })!);
}

/** The rows of the table are the records of the topic, each once, with its values. */
async function expectEqual(dataDir: string, session: SqlSession): Promise<void> {
  const { log, registry, close } = openEmbedded({ dataDir, mode: 'read' });
  const records = await topicRecords(log, registry, 'logged-decisions');
  await close();
  const sql = 'SELECT _partition, toInt32(_offset) AS _offset, _key, decisionId, toUnixTimestamp64Milli(time) AS at, outcomeMissing, slots.propensity AS propensities, outcomes.reward AS rewards FROM logged_decisions FINAL ORDER BY _partition, _offset';
  const rows = await session.rows(sql);
  await session.close();
  expect(records.length).toBeGreaterThan(1_100);
  expect(rows.map((r) => ({ ...r, at: Number(r['at']) }))).toEqual(
    records.map(({ partition, offset, key, value }) => {
      const { decisionId, time, outcomeMissing, slots, outcomes } = value as LoggedDecision;
      return { _partition: partition, _offset: offset, _key: key, decisionId, at: time, outcomeMissing, propensities: slots.map((s) => s.propensity), rewards: outcomes.map((o) => o.reward) };
    }),
  );
}

async function killAgainAndAgain(name: string, env: (database: string) => Record<string, string>, open: (of: { dataDir: string; database: string }) => Promise<SqlSession>): Promise<void> {
  for (let run = 0, left = kills; left > 0; run++) {
    const random = splitmix(2);
    random.seed(100 + run, 0);
    const { dataDir, database } = await place(`${name}-${run}`);
    const session = name === 'server' ? await open({ dataDir, database }) : undefined;
    const counted = await disturbedRun({ dataDir, pipeline, workers: 1 + (run % 2), stepRows: 10 + random.below(60), commitMs: 1, env: env(database) }, { random, kills: Math.min(left, 10), startMs: 500, workMs: 2_500 });
    left -= counted.kills;
    await expectEqual(dataDir, session ?? (await open({ dataDir, database })));
    rmSync(dataDir, { recursive: true });
  }
}

test.skipIf(url === undefined)('killed again and again, into a server', async () => {
  await killAgainAndAgain('server', (database) => ({ CLICKHOUSE_URL: url!, CLICKHOUSE_DATABASE: database }), ({ database }) => serverFor(database));
}, 1_800_000);

test.skipIf(!hasChdb)('killed again and again, into the process', async () => {
  await killAgainAndAgain('chdb', () => ({ CLICKHOUSE_URL: 'chdb:' }), ({ dataDir }) => chdbSession(join(dataDir, 'warehouse')));
}, 1_800_000);

test.skipIf(url === undefined)('a server that is away at first, and drops answers later: the run waits for it at its end, and each row is there once', async () => {
  const { dataDir, database } = await place('outage');
  const session = await serverFor(database);
  let connections = 0;
  const open = new Set<Socket>();
  const proxy = createServer((client) => {
    connections += 1;
    const server = connect(Number(new URL(url!).port), '127.0.0.1');
    for (const socket of [client, server]) {
      open.add(socket);
      socket.on('error', () => socket.destroy()).on('close', () => open.delete(socket));
    }
    client.pipe(server).pipe(client);
    // The answer to an insert is lost.
    let bytes = 0;
    client.on('data', (data) => {
      bytes += data.length;
      if (connections < 6 && bytes > 20_000) setImmediate(() => open.forEach((socket) => socket.destroy()));
    });
  });
  const reserved = createServer().listen(0, '127.0.0.1');
  await once(reserved, 'listening');
  const { port } = reserved.address() as { port: number };
  reserved.close();
  const { ended } = startRun({ dataDir, pipeline, stepRows: 200, commitMs: 20, env: { CLICKHOUSE_URL: `http://127.0.0.1:${port}`, CLICKHOUSE_DATABASE: database } });
  const early = await Promise.race([ended, delay(awayMs)]);
  expect(early).toBeUndefined();
  proxy.listen(port, '127.0.0.1');
  const { code, stderr } = await ended;
  expect(code, stderr).toBe(0);
  expect(connections).toBeGreaterThan(3);
  await expectEqual(dataDir, session);
  proxy.close();
  for (const socket of open) socket.destroy();
}, awayMs + 60_000);
