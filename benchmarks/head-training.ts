import { splitmix } from '../dataflow/splitmix.js';
import { openHeadSessions } from '../learning/head-sessions.js';
import { newHead } from '../learning/head-state.js';

/** Inputs and hidden layers of the peer's network. */
const inputs = 192;
const hidden = [128, 64] as const;
const steps = 400;

/**
 * Training of the head that the peer (a JAX program) trains: rows a second, best of five passes over 400 minibatches, filling them included; rows per CPU-second of the same pass.
 */
export async function headTraining(options: { readonly threads: number; readonly batch: number; readonly seed: number }): Promise<Record<string, number | string>> {
  const { threads, batch, seed } = options;
  const shape = { inputs, hidden, outputs: ['click'] } as const;
  const random = splitmix(seed);
  const length = steps * batch;
  const examples = {
    length,
    embedded: [],
    features: Float32Array.from({ length: length * inputs }, () => 2 * random.unit() - 1),
    click: Float32Array.from({ length }, () => (random.unit() < 0.3 ? 1 : 0)),
  };
  const sessions = await openHeadSessions(shape, { threads });
  let { state } = await sessions.train(newHead(shape, seed), examples, { batch });
  let [seconds, cpuS] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (let pass = 0; pass < 5; pass++) {
    const [started, before] = [performance.now(), process.cpuUsage()];
    ({ state } = await sessions.train(state, examples, { batch }));
    const used = process.cpuUsage(before);
    seconds = Math.min(seconds, (performance.now() - started) / 1e3);
    cpuS = Math.min(cpuS, (used.user + used.system) / 1e6);
  }
  const { provider } = sessions;
  await sessions.close();
  return { benchmark: 'head-training', provider, threads, batch, layers: [inputs, ...hidden, 1].join('-'), steps, rowsPerS: Math.round(length / seconds), rowsPerCpuS: Math.round(length / cpuS), peakRssMiB: Math.round(process.resourceUsage().maxRSS / 1024) };
}
