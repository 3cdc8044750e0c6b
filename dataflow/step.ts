import type { Observable } from 'rxjs';
import { HeadraceError } from './errors.js';
import type { FeatureSet } from './features/features.js';
import type { AnyTopic } from './topic.js';

/** What happens to a record that a step cannot take: stop the pipeline, leave it out and count it, or set it aside with its bytes. */
export type ErrorPolicy = 'fail' | 'skip' | 'deadLetter';

/** A place in the graph of a pipeline: what `headrace topology` draws, and where errors, metrics and state belong. */
export interface Step {
  /** Name of the operator. */
  readonly kind: string;
  /** Given by the user, or made from kind and position when the pipeline is planned. */
  id: string;
  readonly named: boolean;
  readonly inputs: readonly Observable<unknown>[];
  /** Records leave the task here: what follows runs after an exchange. */
  readonly exchanges: boolean;
  /** Topic that is read or written. */
  readonly topic?: AnyTopic | undefined;
  readonly role?: 'source' | 'sink' | undefined;
  /** What the step was given, for people. */
  readonly details: Readonly<Record<string, string>>;
  readonly onError: ErrorPolicy;
  /** The side outputs that the step feeds. */
  readonly sides?: readonly AnyTopic[];
  /** Features that the step keeps. */
  readonly features?: FeatureSet | undefined;
  /** The step makes calls outside of the stream, whose outcomes are written down in the topic `<id>.outcomes`. */
  readonly outside: boolean;
  /** The step brings features to a store outside, where the runtime has one. */
  readonly publishes: boolean;
  /** Table of the warehouse that the topic is copied to, where the run has a warehouse. */
  readonly table?: string | undefined;
  /** Exchanges between the sources and this step; set when the pipeline is planned. */
  depth: number;
  /** Steps that read its stream, and one for each time that it is an output of the pipeline; set when the pipeline is planned. */
  readers: number;
}

/** What an operator says of its step. */
export interface StepOptions {
  readonly kind: string;
  /** Needed where the step keeps state. */
  readonly id?: string | undefined;
  readonly exchanges?: boolean;
  readonly topic?: AnyTopic;
  readonly role?: 'source' | 'sink';
  readonly details?: Readonly<Record<string, string>>;
  /** @default 'deadLetter' */
  readonly onError?: ErrorPolicy | undefined;
  readonly sides?: readonly AnyTopic[];
  readonly features?: FeatureSet;
  /** @default false */
  readonly outside?: boolean;
  /** @default false */
  readonly publishes?: boolean;
  readonly table?: string;
}

/** The topics that a step writes: as a sink, and as side outputs. */
export function writtenBy({ role, topic, sides = [] }: Pick<Step, 'role' | 'topic' | 'sides'>): readonly AnyTopic[] {
  return [...(role === 'sink' && topic !== undefined ? [topic] : []), ...sides];
}

const steps = new WeakMap<Observable<unknown>, Step>();

/**
 * Makes `stream` the output of a step.
 *
 * @throws HR_STEP_ID when the id has other characters than letters, digits, dot, dash and underscore
 */
export function defineStep<O extends Observable<unknown>>(stream: O, inputs: readonly Observable<unknown>[], options: StepOptions): { stream: O; step: Step } {
  if (options.id !== undefined && !/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/.test(options.id)) {
    throw new HeadraceError('HR_STEP_ID', `"${options.id}" cannot be the id of a ${options.kind} step.`);
  }
  const step: Step = {
    kind: options.kind,
    id: options.id ?? '',
    named: options.id !== undefined,
    inputs,
    exchanges: options.exchanges ?? false,
    topic: options.topic,
    role: options.role,
    details: options.details ?? {},
    onError: options.onError ?? 'deadLetter',
    sides: options.sides ?? [],
    features: options.features,
    outside: options.outside ?? false,
    publishes: options.publishes ?? false,
    table: options.table,
    depth: 0,
    readers: 0,
  };
  steps.set(stream, step);
  return { stream, step };
}

/** The step whose output `stream` is; through plain RxJS operators the step before them. */
export function stepOf(stream: Observable<unknown>): Step | undefined {
  let at: Observable<unknown> | undefined = stream;
  while (at !== undefined) {
    const step = steps.get(at);
    if (step !== undefined) return step;
    at = (at as { source?: Observable<unknown> }).source;
  }
  return undefined;
}

/**
 * The steps that lead to `outputs`, inputs before what they feed; gives ids to the unnamed ones and depths to all.
 *
 * @throws HR_DUPLICATE_STEP when two steps have one id
 * @throws HR_PIPELINE when a stream does not come from `from`
 */
export function collectSteps(outputs: readonly Observable<unknown>[], pipeline: string): readonly Step[] {
  const ordered: Step[] = [];
  const seen = new Set<Step>();
  const visit = (stream: Observable<unknown>): Step => {
    const step = stepOf(stream);
    if (step === undefined) throw new HeadraceError('HR_PIPELINE', 'A stream of the pipeline does not come from `from(topic)`.', { place: { pipeline } });
    if (!seen.has(step)) step.readers = 0;
    step.readers += 1;
    if (seen.has(step)) return step;
    seen.add(step);
    for (const input of step.inputs) {
      const before = visit(input);
      step.depth = Math.max(step.depth, before.depth);
    }
    if (step.exchanges) step.depth += 1;
    ordered.push(step);
    return step;
  };
  for (const output of outputs) visit(output);
  const kinds = new Map<string, number>();
  const ids = new Set<string>();
  for (const step of ordered) {
    const n = (kinds.get(step.kind) ?? 0) + 1;
    kinds.set(step.kind, n);
    if (!step.named) step.id = `${step.kind}-${n}`;
    if (ids.has(step.id)) {
      throw new HeadraceError('HR_DUPLICATE_STEP', `Two steps have the id "${step.id}"; the second one is a ${step.kind}.`, { place: { pipeline, step: step.id } });
    }
    ids.add(step.id);
  }
  return ordered;
}
