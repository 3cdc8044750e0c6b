import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Chdb, openChdb } from '../../../connectors/clickhouse/open-chdb.js';
import { splitmix } from '../../../dataflow/splitmix.js';
import { createEvaluation, evaluationSql, expectedOutcomes, loggedDecisions, smoothed, type TableColumns, weigh, type WeightedDecisions } from '../../../evaluation/index.js';
import { evaluateTable } from '../../../runners/evaluate/evaluate-table.js';

let chdb: Chdb;
beforeAll(async () => {
  chdb = await openChdb();
}, 120_000);
afterAll(() => chdb?.close());

/** A log with everything that the SQL knows. */
function decisions(n: number, thinned: boolean): WeightedDecisions {
  const random = splitmix(9);
  const action = Array.from({ length: n }, () => random.below(6));
  const log = loggedDecisions({
    action,
    actions: 6,
    slot: action.map(() => random.below(3)),
    propensity: action.map(() => 0.05 + 0.9 * random.unit()),
    reward: action.map(() => (random.unit() < 0.2 ? 1 + random.below(3) : 0)),
    time: action.map((_, i) => Date.UTC(2026, 0, 1) + i * 40_000 + random.below(1000)),
    logger: action.map(() => random.below(2)),
    segment: action.map(() => random.below(4)),
    decision: action.map((_, i) => (i % 50 === 0 ? 7 : i)),
    joined: action.map(() => random.below(2)),
    late: action.map(() => Number(random.below(30) === 0)),
    candidates: action.map(() => 4 + random.below(3)),
    ...(thinned && { pdrop: action.map(() => random.below(2) / 2) }),
  });
  const candidate = { slots: [[0.1, 0.1, 0.2, 0.2, 0.2, 0.2], [0.5, 0.1, 0.1, 0.1, 0.1, 0.1], [0, 0.2, 0.2, 0.2, 0.2, 0.2]] };
  return weigh(log, candidate, expectedOutcomes(log, candidate, smoothed(10)));
}

/** The table that SQL sees. */
async function load(name: string, { weight, reward, propensity, shownOutcome, expectedOutcome, multiple, log }: WeightedDecisions): Promise<void> {
  await chdb.load(name, { weight, reward, propensity, shown_outcome: shownOutcome!, expected_outcome: expectedOutcome!, ...(multiple !== undefined && { multiple }), action: log.action!, slot: log.slot!, time: log.time!, logger: log.logger!, segment: log.segment!, decision: log.decision!, joined: log.joined!, late: log.late!, candidates: log.candidates! });
}

const all: TableColumns = { model: true, action: true, slot: true, time: true, logger: true, segment: true, decision: true, joined: true, late: true, candidates: true };

test.each([false, true])('SQL says what the process says, to nine digits; thinned: %s', { timeout: 120_000 }, async (thinned) => {
  const batch = decisions(5000, thinned);
  const name = thinned ? 'thinned' : 'whole';
  await load(name, batch);
  const here = createEvaluation();
  here.add(batch);
  const there = await evaluateTable(chdb, name, { ...all, thinned }, { actions: 6 });
  expectClose(there, here.result(), '');
  expect(there.findings.map(({ code }) => code)).toContain('DECISION_REPEATED');
});

test('a table of weights and rewards alone will do', { timeout: 120_000 }, async () => {
  const batch = decisions(500, false);
  await chdb.load('small', { weight: batch.weight, reward: batch.reward, propensity: batch.propensity });
  const { estimates, diagnostics } = await evaluateTable(chdb, '(SELECT * FROM small WHERE reward < 3)', {});
  expect(Object.keys(estimates)).toContain('snips');
  expect(diagnostics.by_time).toHaveLength(1);
  await expect(evaluateTable(chdb, '(SELECT * FROM small WHERE reward > 100)', {})).rejects.toThrow('no row');
});

test('queries come as text, so a cluster can run them', () => {
  const sql = evaluationSql('db.weighted', { action: true, time: true, thinned: true });
  expect(sql.count).toContain('FROM db.weighted');
  const totals = sql.totals([10]);
  expect(totals).toContain('sum((multiple * (least(weight, (10.)) * reward)))');
  // what the cells have is not summed twice
  expect(totals).not.toContain('sum((multiple * (weight * reward)))');
  expect(totals).not.toContain('SETTINGS');
  const queries = sql.queries([0, 5e9, 3, 0, -1, -1, 10]);
  expect(queries).toHaveLength(2);
  expect(queries[0]!.sql).toContain('sum((multiple * (weight * reward)))');
  expect(queries[0]!.sql).toMatch(/GROUP BY cell$/);
  expect(sql.totals([100_000_000])).toContain('min_count_to_compile_aggregate_expression');
});

function expectClose(actual: unknown, expected: unknown, what: string): void {
  if (typeof expected === 'number') expect(Math.abs((actual as number) - expected), `${what}: ${String(actual)} is not ${expected}`).toBeLessThanOrEqual(1e-9 * Math.abs(expected) + 1e-12);
  else if (typeof expected === 'object' && expected !== null) {
    expect(Object.keys(actual as object), what).toEqual(Object.keys(expected));
    for (const [name, value] of Object.entries(expected)) expectClose((actual as Record<string, unknown>)[name], value, `${what}.${name}`);
  } else expect(actual, what).toBe(expected);
}
