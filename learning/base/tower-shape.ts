import { HeadraceError } from '../../dataflow/errors.js';
import type { ParameterBlock } from '../head-shape.js';

/** The two towers. */
export type TowerSide = 'user' | 'item';

/** Sizes of a pair of towers. What goes into a tower is a bag of tokens (ids, categories, what was clicked before), each with its weight; both towers have one table of tokens. */
export interface TowerShape {
  /** Rows of the table. */
  readonly tokens: number;
  /** Numbers of an embedding. */
  readonly width: number;
  /** Units of the layers between the sum of the tokens and the embedding, in each tower; none: the sum is the embedding, before it is normalised. */
  readonly hidden: readonly number[];
  /** Tokens that a bag has at most. */
  readonly bag: Readonly<Record<TowerSide, number>>;
}

/** Where the tensors are in the one vector of parameters: the table, then the layers of the user's tower, then those of the item's. */
export interface TowerLayout {
  readonly table: Pick<ParameterBlock, 'dims' | 'length'>;
  readonly layers: Readonly<Record<TowerSide, readonly ParameterBlock[]>>;
  readonly blocks: readonly Pick<ParameterBlock, 'dims' | 'length'>[];
  readonly size: number;
}

/** Tokens that a table has at most: an optimiser's step goes through all of them. */
export const largestVocabulary = 200_000;
const largestUnits = 4_096;

/** @throws HR_ARGUMENT for sizes that make no towers */
export function towerLayout(shape: TowerShape): TowerLayout {
  const { tokens, width, hidden, bag } = shape;
  const units = [width, ...hidden, bag.user, bag.item];
  if (units.some((n) => !Number.isInteger(n) || n < 1 || n > largestUnits)) throw new HeadraceError('HR_ARGUMENT', `Towers have a width, layers and bags of ${units.join(', ')}; each is from 1 to ${largestUnits}.`);
  if (!Number.isInteger(tokens) || tokens < 1 || tokens > largestVocabulary) throw new HeadraceError('HR_ARGUMENT', `Towers have ${tokens} tokens; they have from 1 to ${largestVocabulary}.`, { remedy: 'Leave out what is rare: `least` of the plan.' });
  const sizes = hidden.length === 0 ? [] : [width, ...hidden, width];
  let size = tokens * width;
  const tower = (): ParameterBlock[] =>
    sizes.slice(1).flatMap((to, layer) => {
      const weights: ParameterBlock = { layer, kind: 'weights', dims: [sizes[layer]!, to], from: size, length: sizes[layer]! * to };
      const biases: ParameterBlock = { layer, kind: 'biases', dims: [to], from: size + weights.length, length: to };
      size = biases.from + to;
      return [weights, biases];
    });
  const table = { dims: [tokens, width], length: tokens * width };
  const layers = { user: tower(), item: tower() };
  return { table, layers, blocks: [table, ...layers.user, ...layers.item], size };
}
