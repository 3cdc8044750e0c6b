import { HeadraceError } from '../dataflow/errors.js';

/** What a head predicts: the probability of a click, and with `watch` also the logarithm of 1 + the seconds watched. */
export type HeadOutput = 'click' | 'watch';

/** Sizes of a ranking head: a multi-layer perceptron over user and item embeddings, features and context. */
export interface HeadShape {
  /** Numbers that an example goes in with. */
  readonly inputs: number;
  /** Units of the hidden layers. @default [128, 64] */
  readonly hidden: readonly number[];
  /** @default ['click'] */
  readonly outputs: readonly HeadOutput[];
}

/** A tensor of parameters within the one vector that holds them all. */
export interface ParameterBlock {
  readonly layer: number;
  readonly kind: 'weights' | 'biases';
  /** Weights are [units before, units], row after row. */
  readonly dims: readonly number[];
  readonly from: number;
  readonly length: number;
}

/** Where each layer's parameters are in the vector. All parameters are one vector, so that an optimiser's step is a few operations, whatever the number of layers. */
export interface ParameterLayout {
  readonly blocks: readonly ParameterBlock[];
  readonly size: number;
}

const largestLayer = 4_096;

/** @throws HR_ARGUMENT for sizes that make no head */
export function parameterLayout(shape: HeadShape): ParameterLayout {
  const sizes = [shape.inputs, ...shape.hidden, shape.outputs.length];
  if (sizes.some((n) => !Number.isInteger(n) || n < 1 || n > largestLayer)) throw new HeadraceError('HR_ARGUMENT', `A head has layers of ${sizes.join(', ')} units; each has from 1 to ${largestLayer}.`);
  if (shape.outputs[0] !== 'click' || shape.outputs.length > 2 || (shape.outputs.length === 2 && shape.outputs[1] !== 'watch')) {
    throw new HeadraceError('HR_ARGUMENT', `A head predicts ${shape.outputs.join(', ')}; it predicts click, or click and watch.`);
  }
  const blocks: ParameterBlock[] = [];
  let size = 0;
  const add = (layer: number, kind: ParameterBlock['kind'], dims: readonly number[]) => {
    const length = dims.reduce((product, n) => product * n, 1);
    blocks.push({ layer, kind, dims, from: size, length });
    size += length;
  };
  for (let layer = 0; layer + 1 < sizes.length; layer++) {
    add(layer, 'weights', [sizes[layer]!, sizes[layer + 1]!]);
    add(layer, 'biases', [sizes[layer + 1]!]);
  }
  return { blocks, size };
}
