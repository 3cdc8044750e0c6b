import { usearchIndex } from '../connectors/usearch/usearch-index.js';
import { normal } from '../dataflow/normal.js';
import { splitmix } from '../dataflow/splitmix.js';
import { exactIndex } from '../serving/retrieve/exact-index.js';

const width = 64;
const wanted = 100;
const queries = 500;

/** Items near to a user among so many: all are looked at, or an index of usearch; how much of the first hundred it finds, and CPU milliseconds a search. Vectors of length 1 around a hundred centres, as embeddings lie. */
export async function* nearest({ seed }: { readonly seed: number }): AsyncIterable<Record<string, string | number>> {
  for (const items of [10_000, 100_000]) {
    const values = vectors(items, seed);
    const asked = vectors(queries, seed + 1);
    const began = process.cpuUsage();
    const index = await usearchIndex(values, width);
    const buildCpuS = cpuMs(began) / 1e3;
    const exact = exactIndex(values, width);
    const query = (q: number) => asked.subarray(q * width, (q + 1) * width);
    const all = Array.from({ length: queries }, (_, q) => new Set(exact.nearest(query(q), wanted).rows));
    let found = 0;
    const times = { exact: 0, usearch: 0 };
    for (const [name, own] of [['exact', exact], ['usearch', index]] as const) {
      const start = process.cpuUsage();
      for (let q = 0; q < queries; q++) {
        const { rows } = own.nearest(query(q), wanted);
        if (name === 'usearch') for (const row of rows) found += all[q]!.has(row) ? 1 : 0;
      }
      times[name] = cpuMs(start) / queries;
    }
    yield { benchmark: 'nearest', items, width, recallAt100: Number((found / (queries * wanted)).toFixed(4)), exactMs: Number(times.exact.toFixed(3)), usearchMs: Number(times.usearch.toFixed(3)), buildCpuS: Number(buildCpuS.toFixed(2)) };
  }
}

function cpuMs(since: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since);
  return (user + system) / 1e3;
}

function vectors(n: number, seed: number): Float32Array {
  const random = splitmix(seed);
  const centres = splitmix(7);
  const around = Float64Array.from({ length: 100 * width }, () => normal(centres.unit));
  const values = new Float32Array(n * width);
  for (let i = 0; i < n; i++) {
    const centre = random.below(100);
    const row = Float64Array.from({ length: width }, (_, k) => around[centre * width + k]! + normal(random.unit));
    const norm = Math.hypot(...row);
    row.forEach((x, k) => (values[i * width + k] = x / norm));
  }
  return values;
}
