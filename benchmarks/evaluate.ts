import { cpus } from 'node:os';
import { performance } from 'node:perf_hooks';
import { openChdb } from '../connectors/clickhouse/open-chdb.js';
import { splitmix } from '../dataflow/splitmix.js';
import { createEvaluation, loggedDecisions, standardEstimators, weigh, type WeightedDecisions } from '../evaluation/index.js';
import { evaluateTable } from '../runners/evaluate/evaluate-table.js';

type Result = Record<string, string | number>;

const actions = 34;
const slots = 3;
/** Decisions of a batch: its columns stay in the cache from one pass to the next. */
const batchRows = 16_384;

/**
 * How long an evaluation takes: all estimators of one pass and all diagnostics that need no distributions, over decisions with action, slot, time and an outcome model. In
 * the process on one core, from weighted columns; and as SQL in chdb, where that is installed, on a table of MergeTree.
 */
export async function* evaluate({ decisions, rows, seed }: { decisions: number; rows: number; seed: number }): AsyncIterable<Result> {
  const estimators = standardEstimators(10, true).length;
  const configuration = { actions, slots, estimators, node: process.version, cpu: cpus()[0]?.model ?? 'unknown', cores: cpus().length };
  const batches = batchesOf(decisions, seed);
  for (const run of [1, 2, 3]) {
    const cpu = process.cpuUsage();
    const start = performance.now();
    const evaluation = createEvaluation();
    for (const batch of batches) evaluation.add(batch);
    const { verdict } = evaluation.result();
    yield { benchmark: 'evaluate', runtime: 'process', run, decisions, ...timed(start, cpu), batch: batchRows, verdict, ...configuration };
  }
  const chdb = await openChdb().catch(() => undefined);
  if (chdb === undefined) {
    yield { benchmark: 'evaluate', runtime: 'chdb', skipped: 'the optional package chdb is not installed' };
    return;
  }
  try {
    await chdb.query('CREATE DATABASE bench');
    await chdb.query(`CREATE TABLE bench.weighted ENGINE = MergeTree ORDER BY tuple() AS SELECT ${tableColumns(seed)} FROM numbers(${rows})`);
    const [version] = await chdb.query<{ v: string }>('SELECT version() AS v');
    for (const run of [1, 2, 3]) {
      const cpu = process.cpuUsage();
      const start = performance.now();
      const { verdict } = await evaluateTable(chdb, 'bench.weighted', { model: true, action: true, slot: true, time: true });
      yield { benchmark: 'evaluate', runtime: 'chdb', run, decisions: rows, ...timed(start, cpu), verdict, clickhouse: version!.v, ...configuration };
    }
  } finally {
    await chdb.close();
  }
}

function timed(start: number, cpu: NodeJS.CpuUsage): Result {
  const used = process.cpuUsage(cpu);
  return { seconds: Number(((performance.now() - start) / 1000).toFixed(3)), cpu_seconds: Number(((used.user + used.system) / 1e6).toFixed(3)) };
}

function batchesOf(decisions: number, seed: number): readonly WeightedDecisions[] {
  const random = splitmix(seed);
  const batches: WeightedDecisions[] = [];
  for (let from = 0; from < decisions; from += batchRows) {
    const n = Math.min(batchRows, decisions - from);
    const column = (of: (i: number) => number): Float64Array => Float64Array.from({ length: n }, (_, i) => of(i));
    const propensity = column(() => 0.005 + 0.2 * random.unit());
    const log = loggedDecisions({ propensity, action: column(() => random.below(actions)), actions, slot: column((i) => i % slots), slots, reward: column(() => Number(random.below(200) === 0)), time: column((i) => 1.7e12 + 60 * (from + i)) });
    batches.push(weigh(log, { shown: propensity.map((p) => Math.min(1, 2 * p * random.unit())) }, { shown: column(() => 0.01 * random.unit()), expected: column(() => 0.01 * random.unit()) }));
  }
  return batches;
}

/** The same as SQL: propensities and weights of each action and slot. */
function tableColumns(seed: number): string {
  const unit = (...of: readonly (string | number)[]): string => `(cityHash64(${[...of, seed].join(', ')}) % 4096) / 4096`;
  return [
    `toUInt16(cityHash64(number, 1, ${seed}) % ${actions}) AS action`,
    `toUInt8(number % ${slots}) AS slot`,
    `0.005 + 0.2 * ${unit('action', 'slot')} AS propensity`,
    `2 * ${unit('number', 2)} AS weight`,
    `toFloat64(cityHash64(number, 3, ${seed}) % 200 = 0) AS reward`,
    '1.7e12 + 6. * number AS time',
    `0.01 * ${unit('action', 'slot', 4)} AS shown_outcome`,
    `0.01 * ${unit('slot', 5)} AS expected_outcome`,
  ].join(', ');
}
