import type { OnnxRuntime, OnnxSession } from '../connectors/onnx/onnx-runtime.js';
import { type AdamOptions, adamSchedule } from './adam-schedule.js';
import { type EmbeddingTable, type Examples, writeInputs } from './examples.js';
import type { HeadShape } from './head-shape.js';
import type { HeadState } from './head-state.js';

/** Examples as the training graph takes them: [steps, batch, …], the last batch filled up with rows of weight 0. */
export interface Minibatches {
  readonly steps: number;
  readonly batch: number;
  readonly x: Float32Array;
  readonly y: Float32Array;
  /** Weights of examples over the number of them in their step. */
  readonly weight: Float32Array;
}

/**
 * Writes examples into minibatches.
 *
 * @param options order of the examples, and the place in it where the first minibatch begins; `into`: minibatches of the same shapes, at least as many, which are used no more and are written over (fresh memory costs more than what is written)
 */
export function fillMinibatches(
  examples: Examples,
  shape: HeadShape,
  tables: readonly EmbeddingTable[],
  options: { readonly order: Int32Array; readonly first: number; readonly batch: number; readonly steps: number; readonly labelSmoothing: number; readonly into?: Minibatches | undefined },
): Minibatches {
  const { order, batch, steps, labelSmoothing } = options;
  const outputs = shape.outputs.length;
  const room = (name: 'x' | 'y' | 'weight', length: number) => options.into?.[name].subarray(0, length) ?? new Float32Array(length);
  const x = room('x', steps * batch * shape.inputs);
  const y = room('y', steps * batch * outputs);
  const weight = room('weight', steps * batch * outputs);
  for (let s = 0; s < steps; s++) {
    const first = options.first + s * batch;
    const rows = Math.min(batch, examples.length - first);
    for (let r = 0; r < rows; r++) {
      const example = order[first + r]!;
      const row = s * batch + r;
      writeInputs(examples, tables, example, x, row * shape.inputs);
      const w = (examples.weight?.[example] ?? 1) / rows;
      y[row * outputs] = examples.click[example]! * (1 - labelSmoothing) + labelSmoothing / 2;
      weight[row * outputs] = w;
      if (outputs === 1) continue;
      const watch = examples.watch![example]!;
      y[row * outputs + 1] = Number.isNaN(watch) ? 0 : watch;
      weight[row * outputs + 1] = Number.isNaN(watch) ? 0 : w;
    }
    const end = (s + 1) * batch;
    x.fill(0, (end - batch + rows) * shape.inputs, end * shape.inputs);
    for (const column of [y, weight]) column.fill(0, (end - batch + rows) * outputs, end * outputs);
  }
  return { steps, batch, x, y, weight };
}

/** Takes a step of training for each minibatch, in one call. The losses are those before each step. */
export async function trainOn({ Tensor }: OnnxRuntime, session: OnnxSession, { shape, base, step, ...state }: HeadState, minibatches: Minibatches, options: AdamOptions): Promise<{ readonly state: HeadState; readonly losses: Float32Array }> {
  const { steps, batch } = minibatches;
  const outputs = shape.outputs.length;
  const { rate, epsilon } = adamSchedule(options, step, steps);
  const tensor = (data: Float32Array, ...dims: number[]) => new Tensor('float32', data, dims);
  const size = state.parameters.length;
  const after = await session.run({
    x: tensor(minibatches.x, steps, batch, shape.inputs),
    y: tensor(minibatches.y, steps, batch, outputs),
    weight: tensor(minibatches.weight, steps, batch, outputs),
    rate: tensor(rate, steps),
    epsilon: tensor(epsilon, steps),
    parameters: tensor(state.parameters, size),
    first: tensor(state.first, size),
    second: tensor(state.second, size),
  });
  const out = (name: string) => after[name]!.data as Float32Array;
  return { state: { shape, ...(base === undefined ? {} : { base }), step: step + steps, parameters: out('parameters_after'), first: out('first_after'), second: out('second_after') }, losses: out('losses') };
}
