import type { Provider } from '../../connectors/onnx/onnx-runtime.js';
import { HeadraceError } from '../../dataflow/errors.js';
import { checkOptions } from '../../dataflow/known-options.js';
import { towerLayout } from './tower-shape.js';
import type { TowerTrainingOptions } from './tower-sessions.js';

/** How a base is trained. */
export interface BasePlanOptions {
  /** Name of the model in the registry. */
  readonly model: string;
  /** Numbers of an embedding. @default 64 */
  readonly width?: number;
  /** Units of the layers between the sum of the tokens and the embedding, in each tower. @default none */
  readonly hidden?: readonly number[];
  /** What was chosen before that makes up a user: so many items at most. @default 20 */
  readonly history?: number;
  /** Weight of an item of the history over that of the one chosen after it. @default 0.8 */
  readonly recency?: number;
  /** Whether users have tokens of their own; without, a user is what was chosen before, and one without that has no embedding. Worth it where users choose hundreds of items. @default false */
  readonly userTokens?: boolean;
  /** Times that a user, item, category or creator has to occur to have a token of its own. @default 2 */
  readonly least?: number;
  /** What products of embeddings are divided by before the softmax. @default 0.2 */
  readonly temperature?: number;
  /** Newest part of the interactions, which the base does not learn: it is judged by them, and a head is warmed on them. @default 0.1 */
  readonly judged?: number;
  /** Batch, epochs, learning rate and what else a training has. @default batches of 256, 10 epochs, a rate of 0.005 */
  readonly training?: Omit<TowerTrainingOptions, 'shuffleSeed'>;
  /** Gradients are scaled down to this Euclidean norm. @default 10 */
  readonly clipNorm?: number;
  /** Seed of the first vectors and of the order of pairs. @default 1 */
  readonly seed?: number;
  /** Threads of ONNX Runtime; another number may give other last bits. @default 1 */
  readonly threads?: number;
  /** Where it is trained. Only the CPU gives the same embeddings again bit for bit. @default ['cpu'] */
  readonly providers?: readonly Provider[];
}

/** A plan with all its defaults, as plain data: it goes to the trainer's thread. */
export type BasePlan = Readonly<Required<BasePlanOptions>>;

/**
 * Fills in the defaults of a plan and checks it.
 *
 * @throws HR_ARGUMENT
 * @example
 * const plan = basePlan({ model: 'two-tower', width: 64, history: 20 });
 */
export function basePlan(options: BasePlanOptions): BasePlan {
  const what = `the plan of base "${options.model}"`;
  checkOptions(options, ['model', 'width', 'hidden', 'history', 'recency', 'userTokens', 'least', 'temperature', 'judged', 'training', 'clipNorm', 'seed', 'threads', 'providers'], what);
  const refuse = (detail: string): never => {
    throw new HeadraceError('HR_ARGUMENT', `${what}: ${detail}`);
  };
  const { model, width = 64, hidden = [], history = 20, recency = 0.8, userTokens = false, least = 2, temperature = 0.2, judged = 0.1, clipNorm = 10, seed = 1, threads = 1, providers = ['cpu'] } = options;
  const training = { batch: 256, epochs: 10, learningRate: 0.005, ...options.training };
  for (const [name, n] of Object.entries({ history, least, threads })) if (!Number.isInteger(n) || n < 1) refuse(`${name} is ${n}; it is a whole number from 1 on.`);
  if (!(recency > 0 && recency <= 1)) refuse(`recency is ${recency}; it is above 0 and at most 1.`);
  if (!(judged >= 0 && judged < 1)) refuse(`judged is ${judged}; it is a share of at least 0 and less than 1.`);
  if (!(temperature > 0 && Number.isFinite(temperature))) refuse(`temperature is ${temperature}; it is a number above 0.`);
  const plan = { model, width, hidden, history, recency, userTokens, least, temperature, judged, training, clipNorm, seed, threads, providers };
  towerLayout({ tokens: 1, width, hidden, bag: bagsOfPlan(plan) });
  return plan;
}

/** Tokens that the bags of a plan have at most: of a user its own and those of the history; of an item its own, category and creator. */
export function bagsOfPlan({ history, userTokens }: Pick<BasePlan, 'history' | 'userTokens'>): { readonly user: number; readonly item: number } {
  return { user: history + (userTokens ? 1 : 0), item: 3 };
}
