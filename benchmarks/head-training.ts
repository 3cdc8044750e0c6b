import { onnxRuntime, openSession } from '../connectors/onnx/onnx-runtime.js';
import { splitmix } from '../dataflow/splitmix.js';
import { trainingModel } from '../learning/head-graphs.js';
import { newHead } from '../learning/head-state.js';
import { fillMinibatches, trainOn } from '../learning/minibatches.js';

/** Inputs and hidden layers of the peer's network. */
const inputs = 192;
const hidden = [128, 64] as const;
const steps = 400;
const passes = 5;

/**
 * Training of the head that the peer (a JAX program) trains, over 400 minibatches: `rowsPerS` over minibatches that are there, as the peer has them, best of five passes; `filledRowsPerS` with the time to fill them from examples in shuffled order.
 */
export async function headTraining(options: { readonly threads: number; readonly batch: number; readonly seed: number }): Promise<Record<string, number | string>> {
  const { threads, batch, seed } = options;
  const shape = { inputs, hidden, outputs: ['click'] } as const;
  const random = splitmix(seed);
  const length = steps * batch;
  const examples = { length, embedded: [], features: Float32Array.from({ length: length * inputs }, () => 2 * random.unit() - 1), click: Float32Array.from({ length }, () => (random.unit() < 0.3 ? 1 : 0)) };
  const order = Int32Array.from({ length }, (_, i) => (i * 7_919) % length);
  const runtime = await onnxRuntime();
  const { session, provider } = await openSession(runtime, trainingModel(shape), ['cuda', 'cpu'], threads);
  const fill = () => fillMinibatches(examples, shape, [], { order, first: 0, batch, steps, labelSmoothing: 0 });
  let minibatches = fill();
  let { state } = await trainOn(runtime, session, newHead(shape, seed), minibatches, {});
  const best = { train: Number.POSITIVE_INFINITY, cpu: Number.POSITIVE_INFINITY, fill: Number.POSITIVE_INFINITY };
  for (let pass = 0; pass < passes; pass++) {
    const [started, before] = [performance.now(), process.cpuUsage()];
    ({ state } = await trainOn(runtime, session, state, minibatches, {}));
    const used = process.cpuUsage(before);
    best.train = Math.min(best.train, (performance.now() - started) / 1e3);
    best.cpu = Math.min(best.cpu, (used.user + used.system) / 1e6);
    const filling = performance.now();
    minibatches = fill();
    best.fill = Math.min(best.fill, (performance.now() - filling) / 1e3);
  }
  await session.release();
  return {
    benchmark: 'head-training',
    provider,
    threads,
    batch,
    layers: [inputs, ...hidden, 1].join('-'),
    steps,
    rowsPerS: Math.round(length / best.train),
    rowsPerCpuS: Math.round(length / best.cpu),
    filledRowsPerS: Math.round(length / (best.train + best.fill)),
    peakRssMiB: Math.round(process.resourceUsage().maxRSS / 1024),
  };
}
