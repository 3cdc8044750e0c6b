import type { Provider } from '../connectors/onnx/onnx-runtime.js';
import { type Duration, durationMs } from '../dataflow/duration.js';
import { HeadraceError } from '../dataflow/errors.js';
import { checkOptions } from '../dataflow/known-options.js';
import type { GateLimits } from './gate.js';
import type { TrainingOptions } from './head-sessions.js';
import { type HeadOutput, type HeadShape, parameterLayout } from './head-shape.js';

/** What a head takes from a logged decision, in this order: numbers of its context, numbers of the shown candidate, its position. */
export interface HeadLayout {
  /** Names of context features. */
  readonly context: readonly string[];
  /** Names of the candidate's features, in the order in which they are logged. */
  readonly candidate: readonly string[];
  /** Whether the position on the page is an input: 1 / (1 + slot). @default true */
  readonly position?: boolean;
}

/** The base whose embeddings of user and item are a head's first inputs. */
export interface HeadBase {
  /** Its name in the registry. */
  readonly model: string;
  /** Numbers of an embedding. @default 64 */
  readonly width?: number;
  /** On a new base, what a head is warmed on: the examples of so long that the base has not learned. @default '6h' */
  readonly warmedOn?: Duration;
}

/** The policy that heads are valued as, on decisions that were logged with their probabilities. */
export interface ValuedPolicy {
  /** Probability with which it shows any candidate; else the one that the head scores highest. @default 0.1 */
  readonly epsilon?: number;
  /** Slots of an interval that it is valued on at most: those with the smallest hashes. @default 10,000 */
  readonly slots?: number;
}

/** How a head is trained as time goes on. */
export interface HeadPlanOptions {
  /** Name of the model in the registry. */
  readonly model: string;
  readonly layout: HeadLayout;
  /** @default none: features only */
  readonly base?: HeadBase;
  /** Stretch of event time after which a candidate is trained. @default '1h' */
  readonly interval?: Duration;
  /** The last part of each interval, which no candidate has learned from and by which it is judged; the next one learns from it. @default a sixth of the interval */
  readonly judged?: Duration;
  /** Units of the hidden layers. @default [128, 64] */
  readonly hidden?: readonly number[];
  /** @default ['click'] */
  readonly outputs?: readonly HeadOutput[];
  /** Seed of the first weights, of the order of examples, and of what is resampled. @default 1 */
  readonly seed?: number;
  /** Share of the examples of a training that come from the reservoir of all history. @default 0.2 */
  readonly replay?: number;
  /** Examples that the reservoir keeps. @default 20,000 */
  readonly reservoir?: number;
  /** Share of the examples without a click that are learned from; scores are corrected for it. @default 1 */
  readonly negatives?: number;
  /** Batch, epochs, learning rate and what else a training has. @default batches of 256, one epoch */
  readonly training?: Omit<TrainingOptions, 'shuffleSeed'>;
  /** Gradients are scaled down to this Euclidean norm. @default 10 */
  readonly clipNorm?: number;
  readonly gate?: GateLimits;
  /** Values candidate and champion as policies, by the slots of the decisions in the judged part. @default they are not valued */
  readonly policy?: ValuedPolicy;
  /** Click rate of an interval over that of the reservoir, from which on nothing is learned: what is so different is more likely a fault than news. @default [0.5, 2] */
  readonly labelRate?: readonly [least: number, most: number];
  /** Population stability index, beyond chance, from which on an input counts as moved. It is told, and holds nothing. @default 0.25 */
  readonly inputDrift?: number;
  /** Stages that a candidate goes through before it is champion, an interval each; a guardrail can end it in any of them. @default none: what passes the gate is champion at once */
  readonly rollout?: readonly ('shadow' | 'canary')[];
  /** Share of the traffic of a canary. @default 0.1 */
  readonly canaryShare?: number;
  /** Intervals that wait, where they are too small to judge a candidate by, until their examples are given up. @default 24 */
  readonly carried?: number;
  /** Threads of ONNX Runtime; another number may give other last bits. @default 1 */
  readonly threads?: number;
  /** Where it is trained. Only the CPU gives the same weights again bit for bit. @default ['cpu'] */
  readonly providers?: readonly Provider[];
}

/** A plan with all its defaults, as plain data: it goes to the trainer's thread. Times in milliseconds. */
export interface HeadPlan {
  readonly model: string;
  readonly layout: Required<HeadLayout>;
  readonly base: { readonly model: string; readonly width: number; readonly warmedMs: number } | undefined;
  readonly shape: HeadShape;
  /** Numbers that an example is logged with: the inputs less the embeddings. */
  readonly features: number;
  readonly intervalMs: number;
  readonly judgedMs: number;
  readonly seed: number;
  readonly replay: number;
  readonly reservoir: number;
  readonly negatives: number;
  readonly training: Omit<TrainingOptions, 'shuffleSeed'>;
  readonly clipNorm: number;
  readonly gate: GateLimits;
  readonly policy: Required<ValuedPolicy> | undefined;
  readonly labelRate: readonly [least: number, most: number];
  readonly inputDrift: number;
  readonly rollout: readonly ('shadow' | 'canary')[];
  readonly canaryShare: number;
  readonly carried: number;
  readonly threads: number;
  readonly providers: readonly Provider[];
}

/** Names of a head's inputs behind the embeddings, in their order. */
export function inputNames({ context, candidate, position }: Required<HeadLayout>): readonly string[] {
  return [...context, ...candidate, ...(position ? ['position'] : [])];
}

/**
 * Fills in the defaults of a plan and checks it.
 *
 * @throws HR_ARGUMENT, HR_DURATION
 * @example
 * const plan = headPlan({ model: 'ranking-head', layout: { context: ['hour'], candidate: ['score', 'taste'] }, interval: '1h' });
 */
export function headPlan(options: HeadPlanOptions): HeadPlan {
  const what = `the plan of head "${options.model}"`;
  checkOptions(options, ['model', 'layout', 'base', 'interval', 'judged', 'hidden', 'outputs', 'seed', 'replay', 'reservoir', 'negatives', 'training', 'clipNorm', 'gate', 'policy', 'labelRate', 'inputDrift', 'rollout', 'canaryShare', 'carried', 'threads', 'providers'], what);
  const refuse = (detail: string): never => {
    throw new HeadraceError('HR_ARGUMENT', `${what}: ${detail}`);
  };
  const { hidden = [128, 64], outputs = ['click'], replay = 0.2, reservoir = 20_000, negatives = 1, carried = 24, threads = 1, seed = 1, clipNorm = 10, labelRate = [0.5, 2], inputDrift = 0.25, rollout = [], canaryShare = 0.1 } = options;
  const layout = { position: true, ...options.layout };
  const names = inputNames(layout);
  if (new Set(names).size !== names.length) refuse('two inputs have one name.');
  const intervalMs = durationMs(options.interval ?? '1h', `${what}: interval`, 2);
  const judgedMs = durationMs(options.judged ?? Math.max(1, Math.floor(intervalMs / 6)), `${what}: judged`, 1);
  if (judgedMs >= intervalMs) refuse('what a candidate is judged by is shorter than the interval.');
  if (!(replay >= 0 && replay < 1)) refuse(`replay is ${replay}; it is a share of at least 0 and less than 1.`);
  if (!(negatives > 0 && negatives <= 1)) refuse(`negatives is ${negatives}; it is a share above 0 and at most 1.`);
  for (const [name, n] of Object.entries({ reservoir, carried, threads })) if (!Number.isInteger(n) || n < 1) refuse(`${name} is ${n}; it is a whole number from 1 on.`);
  const policy = options.policy && { epsilon: 0.1, slots: 10_000, ...options.policy };
  if (policy !== undefined) checkOptions(policy, ['epsilon', 'slots'], `${what}: policy`);
  if (policy !== undefined && !(policy.epsilon > 0 && policy.epsilon <= 1 && Number.isInteger(policy.slots) && policy.slots > 0)) refuse(`policy has epsilon ${policy.epsilon} and ${policy.slots} slots; epsilon is above 0 and at most 1, and slots a whole number from 1 on.`);
  if (!(labelRate[0] >= 0 && labelRate[0] < 1 && labelRate[1] > 1)) refuse(`labelRate is ${labelRate.join(' to ')}; it goes from below 1 to above 1.`);
  if (!(canaryShare > 0 && canaryShare <= 1)) refuse(`canaryShare is ${canaryShare}; it is a share above 0 and at most 1.`);
  if (rollout.join() !== ['shadow', 'canary'].filter((stage) => rollout.includes(stage as 'shadow')).join()) refuse(`rollout is ${rollout.join(', ')}; it is shadow, canary, both in this order, or neither.`);
  const base = options.base && { model: options.base.model, width: options.base.width ?? 64, warmedMs: durationMs(options.base.warmedOn ?? '6h', `${what}: base.warmedOn`, 1) };
  const shape = { inputs: names.length + 2 * (base?.width ?? 0), hidden, outputs };
  parameterLayout(shape);
  return { model: options.model, layout, base, shape, features: names.length, intervalMs, judgedMs, seed, replay, reservoir, negatives, training: options.training ?? {}, clipNorm, gate: options.gate ?? {}, policy, labelRate, inputDrift, rollout, canaryShare, carried, threads, providers: options.providers ?? ['cpu'] };
}
