import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { headrace, workplace } from '../commands/headrace-process.js';
import { clickHouseUrl } from '../../services/clickhouse-url.js';

const url = await clickHouseUrl();

test.skipIf(url === undefined)('the topic, its records as lines and its table in ClickHouse give one evaluation', async () => {
  const cwd = workplace();
  const table = `evaluated_${process.pid}`;
  const command = async (...words: string[]) => {
    const ended = await headrace(words, { cwd, env: { CLICKHOUSE_URL: words[0] === 'copy' ? url! : '' } });
    expect(ended.code, ended.stderr).toBe(0);
    return ended;
  };
  await command('simulate', '--decisions', '1500', '--slots', '2', '--seed', '5');
  await command('run', 'propensity-log', '--bounded');
  await command('copy', 'logged-decisions', '--table', table);
  writeFileSync(join(cwd, 'log.jsonl'), (await command('topic', 'read', 'logged-decisions', '--json')).stdout);
  type Answer = { readonly n: number; readonly estimates: Record<string, Record<string, number>>; readonly findings: readonly { readonly code: string }[] };
  const logs = ['logged-decisions', 'log.jsonl', `clickhouse://${new URL(url!).host}/${table}`];
  const [topic, ...others] = await Promise.all(logs.map(async (log) => (await command('evaluate', '--log', log, '--policy', 'uniform', '--by', 'slot', '--json')).json()[0] as Answer));
  expect(topic!.n).toBe(3_000);
  for (const other of others) {
    expect(other.n).toBe(3_000);
    expect(other.findings.map((f) => f.code)).toEqual(topic!.findings.map((f) => f.code));
    for (const [name, values] of Object.entries(topic!.estimates)) {
      for (const [of, value] of Object.entries(values)) expect(Math.abs(other.estimates[name]![of]! - value), `${name} ${of}`).toBeLessThanOrEqual(1e-9 * Math.abs(value));
    }
  }
}, 60_000);
