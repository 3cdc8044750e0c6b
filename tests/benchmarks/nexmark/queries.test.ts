import { describe, expect, test } from 'vitest';
import { resultChecksum } from '../../../benchmarks/nexmark/checksum.js';
import { longestAuctionMs, nexmark } from '../../../benchmarks/nexmark/generator.js';
import { queries } from '../../../benchmarks/nexmark/queries.js';
import type { Query } from '../../../benchmarks/nexmark/query.js';
import { runQuery } from '../../../benchmarks/nexmark/run-query.js';
import { runPipeline } from '../../../runners/testing/run-pipeline.js';

/** Rows and checksums of Flink SQL 2.2.1 over the first 200,000 events of seed 42. */
const golden: Readonly<Record<string, readonly [rows: number, checksum: number]>> = {
  q0: [184_000, 8080859931962083], q1: [184_000, 591108278512002], q2: [1_479, 1787331315238252], q3: [1_271, 960912457691718], q4: [5, 7901830962823877], q5: [406, 8355057289452584],
  q6f: [1_880, 2200041522311239], q7: [81, 6403088362109767], q8: [215, 2345425225977653], q9: [11_054, 3111707527019485], q11: [23_471, 6736687799986446], q12e: [32_705, 3047584524637821],
  q13: [152_606, 3282006636218508], q14: [52_382, 7075515013618372], q15m: [15, 2251356499653350], q16m: [1_470, 8864448559448593], q17: [11_990, 6493090434753850], q18: [57_799, 7278730802790323],
  q19: [88_103, 4434336793266094], q20: [32_806, 4904440837786718], q21: [171_974, 5785128598108847], q22: [184_000, 8077016682246291],
};

async function result(query: Query, events: number, partitions: number) {
  const sum = resultChecksum(query);
  await runQuery(query, { events, seed: 42, tickNs: 1e6, partitions }, sum.add);
  return sum.result();
}

test('every query has a golden result', () => {
  expect(Object.keys(queries).sort()).toEqual(Object.keys(golden).sort());
});

describe.each(Object.entries(queries))('%s', (name, query) => {
  test.each([1, 3])('gives Flink’s rows and checksum on %i partitions', async (partitions) => {
    const [rows, checksum] = golden[name]!;
    expect(await result(query, 200_000, partitions)).toEqual({ rows, checksum });
  });

  test('gives the same over encoded records in small steps, with an epoch after each and restarts', async () => {
    const events = 3_000;
    const world = nexmark(42, 1e6);
    const inputs = Object.fromEntries(query.reads.map((kind) => {
      const rows = world.rows(kind, 0, 1, world.count(kind, events));
      return [kind, Array.from({ length: rows.length }, (_, i) => rows.value(i))];
    }));
    if (query.table !== undefined) inputs[query.table.topic] = [...query.table.rows];
    const run = await runPipeline(query.pipeline(longestAuctionMs(1e6)), { inputs, partitions: 2, stepRows: 97, commitMs: 0, restarts: { seed: 5, share: 0.1 } });
    const sum = resultChecksum(query);
    for (const row of run.values(query.result as never)) sum.add(row);
    expect(sum.result()).toEqual(await result(query, events, 1));
    expect(run.deadLetters).toEqual([]);
  });
});
