import type { Provider } from '../connectors/onnx/onnx-runtime.js';
import { asHeadraceError } from '../dataflow/errors.js';
import { splitmix } from '../dataflow/splitmix.js';
import { newHead } from '../learning/head-state.js';
import { openHeadSessions } from '../learning/head-sessions.js';

const steps = 20;
const batch = 256;
const shape = { inputs: 64, hidden: [128, 64], outputs: ['click'] } as const;

/** The same training on each provider that is there: its first and last loss, how far its loss curve is from the CPU's, and how long it took; why the others are not there. */
export async function* providers({ seed }: { readonly seed: number }): AsyncIterable<Record<string, string | number>> {
  const random = splitmix(seed);
  const length = steps * batch;
  const features = Float32Array.from({ length: length * shape.inputs }, () => 2 * random.unit() - 1);
  const examples = { length, embedded: [], features, click: Float32Array.from({ length }, (_, i) => (random.unit() < 1 / (1 + Math.exp(-2 * features[i * shape.inputs]!)) ? 1 : 0)) };
  let reference: Float32Array | undefined;
  for (const provider of ['cpu', 'webgpu', 'cuda'] as const satisfies readonly Provider[]) {
    try {
      const sessions = await openHeadSessions(shape, { providers: [provider] });
      const started = performance.now();
      const { losses } = await sessions.train(newHead(shape, seed), examples, { batch, learningRate: 0.003 });
      const wallS = (performance.now() - started) / 1e3;
      await sessions.close();
      reference ??= losses;
      const from = reference;
      yield { benchmark: 'providers', provider, steps, batch, firstLoss: losses[0]!, lastLoss: losses.at(-1)!, largestDifference: losses.reduce((most, x, i) => Math.max(most, Math.abs(x - from[i]!)), 0), wallS: Number(wallS.toFixed(2)) };
    } catch (error) {
      yield { benchmark: 'providers', provider, refused: asHeadraceError(error, 'HR_ONNX', {}).message.slice(0, 160) };
    }
  }
}
