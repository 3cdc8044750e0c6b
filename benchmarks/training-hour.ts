import { monitorEventLoopDelay } from 'node:perf_hooks';
import { createHash } from 'node:crypto';
import { encodeBase } from '../learning/base/base.js';
import { basePlan } from '../learning/base/base-plan.js';
import { towerLayout } from '../learning/base/tower-shape.js';
import { headPlan } from '../learning/head-plan.js';
import { encodeHead, newHead } from '../learning/head-state.js';
import { headTrainer } from '../learning/head-trainer.js';
import { columnsOf, encodeColumns } from '../learning/row-blocks.js';
import { drawOf } from '../learning/reservoir.js';
import { splitmix } from '../dataflow/splitmix.js';
import { rankingHead } from '../pipelines/ranking-head.js';

const hour = 3_600_000;
const blockRows = 8_192;
const [userCount, itemCount] = [50_000, 2_000];

/**
 * One hour of many examples through everything that an interval goes through, in the trainer's thread: a head with the embeddings of user and item and served features is scored by the champion, three epochs of training, the gate. How long it takes, how long the event loop of the main thread was ever held up, and the largest memory of the process.
 */
export async function trainingHour({ examples, seed, threads }: { readonly examples: number; readonly seed: number; readonly threads: number }): Promise<Record<string, number | string>> {
  const plan = headPlan({ model: 'head', layout: rankingHead.layout, training: { batch: 1_024, epochs: 3 }, base: { model: 'two-tower' }, threads });
  const width = plan.features;
  const trainer = await headTrainer(plan.shape, { providers: ['cpu'], threads, clipNorm: plan.clipNorm });
  const random = splitmix(seed);
  const base = baseOf(random.unit);
  const digest = createHash('sha256').update(base).digest('hex');
  const [users, items] = [userCount, itemCount].map((count, k) => Float64Array.from({ length: count }, (_, i) => drawOf(`${'ui'[k]}${i}`))) as [Float64Array, Float64Array];
  const blocks = (from: number, to: number, count: number): Uint8Array[] =>
    Array.from({ length: Math.ceil(count / blockRows) }, (_, b) => {
      const n = Math.min(blockRows, count - b * blockRows);
      const rows = columnsOf([], width);
      const columns = { ...rows, length: n, time: new Float64Array(n), draw: new Float64Array(n), user: new Float64Array(n), item: new Float64Array(n), category: new Float64Array(n), served: new Float64Array(n), features: new Float32Array(n * width), click: new Float32Array(n), watch: new Float32Array(n) };
      for (let i = 0; i < n; i++) {
        columns.time[i] = from + ((to - from) * (b * blockRows + i)) / count;
        columns.draw[i] = random.real() * 2 ** 53;
        columns.user[i] = users[random.below(users.length)]!;
        columns.item[i] = items[random.below(items.length)]!;
        columns.category[i] = users[random.below(8)]!;
        let z = -1.5;
        for (let f = 0; f < width; f++) z += (columns.features[i * width + f] = 2 * random.unit() - 1) * (f % 3 === 0 ? 0.8 : -0.3);
        columns.click[i] = random.unit() < 1 / (1 + Math.exp(-z)) ? 1 : 0;
      }
      return new Uint8Array(encodeColumns(columns));
    });
  const task = (start: number, bytes: Uint8Array | undefined, count: number) => ({
    start,
    champion: bytes && { version: 1, bytes, negatives: 1 },
    previous: undefined,
    trials: [],
    carried: [],
    learned: blocks(start, start + (hour * 5) / 6, Math.floor((count * 5) / 6)),
    judged: blocks(start + (hour * 5) / 6, start + hour, Math.floor(count / 6)),
    reservoir: blocks(start - hour, start, bytes === undefined ? 0 : plan.reservoir),
    recent: [],
    base: digest,
    bases: { [digest]: new Uint8Array(base) },
    threshold: Number.POSITIVE_INFINITY,
    choices: [],
  });
  const first = await trainer.interval(plan, task(0, encodeHead({ ...newHead(plan.shape, 1), base: digest }), 20_000));
  const measured = task(hour, first.head!.bytes, examples);
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const [started, before] = [performance.now(), process.cpuUsage()];
  const outcome = await trainer.interval(plan, measured);
  const wallS = (performance.now() - started) / 1e3;
  delay.disable();
  const used = process.cpuUsage(before);
  await trainer.close();
  return {
    benchmark: 'training-hour',
    examples: outcome.examples,
    layers: [plan.shape.inputs, ...plan.shape.hidden, 1].join('-'),
    epochs: 3,
    threads,
    verdict: outcome.verdict.verdict,
    wallS: Number(wallS.toFixed(2)),
    cpuS: Number(((used.user + used.system) / 1e6).toFixed(2)),
    longestStallMs: Number((delay.max / 1e6).toFixed(1)),
    p99StallMs: Number((delay.percentile(99) / 1e6).toFixed(1)),
    peakRssMiB: Math.round(process.resourceUsage().maxRSS / 1024),
  };
}

/** A base that knows all users and items, of vectors without a meaning. */
function baseOf(unit: () => number): Uint8Array {
  const { model, width, history, recency, temperature } = basePlan({ model: 'two-tower' });
  const table = (name: string, count: number) => ({ ids: Array.from({ length: count }, (_, i) => `${name}${i}`), values: Float32Array.from({ length: count * width }, () => (2 * unit() - 1) / 8) });
  const shape = { tokens: 1, width, hidden: [], bag: { user: history, item: 3 } };
  return encodeBase({ model, width, history, recency, temperature, trainedTo: 0, tokens: [''], shape, parameters: new Float32Array(towerLayout(shape).size), users: table('u', userCount), items: table('i', itemCount) });
}
