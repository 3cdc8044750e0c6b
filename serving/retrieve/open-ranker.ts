import { onnxRuntime, openSession } from '../../connectors/onnx/onnx-runtime.js';
import { usearchIndex, type UsearchOptions } from '../../connectors/usearch/usearch-index.js';
import { HeadraceError } from '../../dataflow/errors.js';
import type { VectorIndex } from '../../dataflow/ports/vector-index.js';
import { type Base, checkBaseOf, decodeBase } from '../../learning/base/base.js';
import { embedBag } from '../../learning/base/embed-bag.js';
import { vocabularyOf } from '../../learning/base/vocabulary.js';
import { servedModel } from '../../learning/head-graphs.js';
import type { HeadPlan } from '../../learning/head-plan.js';
import { decodeHead } from '../../learning/head-state.js';
import type { ModelRegistry } from '../../learning/model-registry.js';
import { recalibrated } from '../../learning/negative-sampling.js';
import { exactIndex } from './exact-index.js';

/** Settings of `openRanker`. */
export interface RankerOptions {
  /** The plan of the head; it names its base. */
  readonly plan: HeadPlan;
  /** Opens the registry as it is now: called at each `refresh`. */
  readonly registry: () => Promise<ModelRegistry>;
  /** How near items are found: all are looked at, or an index of usearch, an optional package. @default 'exact' */
  readonly index?: 'exact' | 'usearch';
  readonly usearch?: UsearchOptions;
}

/** Who asks: an id that the base may know, or what was chosen before, oldest first. */
export interface Asking {
  readonly userId: string;
  readonly chosen?: readonly string[];
}

/** A head and its base, as they serve: it does not change, so what one decision takes from it fits together. */
export interface ServedPair {
  /** What is logged with a decision. */
  readonly modelVersion: string;
  readonly baseVersion: string;
  readonly base: Base;
  /** Items near to a user, nearest first. Where the base knows nothing of the user, none. */
  retrieve(who: Asking, count: number): readonly { readonly itemId: string; readonly score: number }[];
  /** Probabilities of a click. Features are those of the plan's layout: context, candidate, position. Errors: HR_EXAMPLES another number of them, or one that is none. */
  score(who: Asking, candidates: readonly { readonly itemId: string; readonly features: readonly number[] }[]): Promise<Float64Array>;
}

/** Serves the champion of a head with its base. */
export interface Ranker {
  /** What serves now; undefined until there is a champion. Take it once a decision: it works until the second swap after it. */
  readonly current: ServedPair | undefined;
  /**
   * Looks for a new champion, and swaps when all of it is ready: the old pair serves until then, and when this fails.
   *
   * @returns whether it has swapped
   * @throws HR_MODEL the head names a base that the registry does not have, or none where the plan has one; HR_MODEL_CORRUPT, HR_INDEX, HR_ONNX
   */
  refresh(): Promise<boolean>;
  close(): Promise<void>;
}

/**
 * Opens what retrieves and ranks: embeddings with their index, and the head that was trained on them.
 *
 * *When to use*: in a service that decides; call `refresh` each minute, and log both versions with each decision. *Details*: the base follows the head: a base that was promoted serves when a head on it has passed the gate. The index is built beside the one that serves.
 *
 * @example
 * const ranker = await openRanker({ plan, registry: () => openModelRegistry({ ...runtime, clock: systemClock }), index: 'usearch' });
 * const pair = ranker.current!;
 * const near = pair.retrieve({ userId: 'u1' }, 200);
 */
export async function openRanker(options: RankerOptions): Promise<Ranker> {
  const { plan } = options;
  let current: OpenPair | undefined;
  // A decision that began with it may still score with the pair before.
  let before: OpenPair | undefined;
  let refreshing: Promise<boolean> | undefined;
  const refresh = async (): Promise<boolean> => {
    const registry = await options.registry();
    const champion = registry.champion(plan.model);
    if (champion === undefined || String(champion.version) === current?.modelVersion) return false;
    const { base: digest, parameters, shape } = decodeHead(await registry.artefact(champion));
    const what = `Version ${champion.version} of ${plan.model}`;
    if (plan.base === undefined || digest === undefined) throw new HeadraceError('HR_MODEL', `${what} is on no base${plan.base === undefined ? ', nor is its plan' : ''}; a ranker serves a head on one.`);
    if (shape.inputs !== plan.shape.inputs) throw new HeadraceError('HR_MODEL', `${what} takes ${shape.inputs} numbers; the plan gives ${plan.shape.inputs}.`);
    let { base, baseVersion, index } = current ?? {};
    if (base?.digest !== digest) {
      const version = registry.list(plan.base.model).findLast(({ artefact }) => artefact === digest);
      if (version === undefined) throw new HeadraceError('HR_MODEL', `${what} was trained on base ${digest.slice(0, 12)}, and ${plan.base.model} has no such version.`);
      base = decodeBase(await registry.artefact(version));
      baseVersion = String(version.version);
      index = options.index === 'usearch' ? await usearchIndex(base.items.values, base.width, options.usearch) : exactIndex(base.items.values, base.width);
    }
    checkBaseOf(digest, base, what);
    const next = await pairOf({ modelVersion: String(champion.version), baseVersion: baseVersion!, base: base!, index: index!, negatives: champion.metrics['negatives'] ?? 1 }, plan, parameters);
    const retired = before;
    [before, current] = [current, next];
    await retired?.release();
    return true;
  };
  const ranker: Ranker = {
    get current() {
      return current;
    },
    refresh: () => (refreshing ??= refresh().finally(() => (refreshing = undefined))),
    async close() {
      await refreshing?.catch(() => undefined);
      await before?.release();
      await current?.release();
      [before, current] = [undefined, undefined];
    },
  };
  await ranker.refresh();
  return ranker;
}

interface OpenPair extends ServedPair {
  readonly index: VectorIndex;
  /** Ends when nothing is scored with it any more. */
  release(): Promise<void>;
}

async function pairOf(of: Pick<OpenPair, 'modelVersion' | 'baseVersion' | 'base' | 'index'> & { readonly negatives: number }, { shape, features: width }: HeadPlan, parameters: Float32Array): Promise<OpenPair> {
  const { base, index, negatives } = of;
  const runtime = await onnxRuntime();
  const { session } = await openSession(runtime, servedModel(shape, parameters), ['cpu'], 1);
  const vocabulary = vocabularyOf(base.tokens, base);
  const running = new Set<Promise<unknown>>();
  const vectorOf = ({ userId, chosen }: Asking): Float32Array => {
    if (chosen !== undefined) return embedBag(base, 'user', vocabulary.userBag(userId, chosen));
    const row = base.users.row(userId);
    return row < 0 ? new Float32Array(base.width) : base.users.values.subarray(row * base.width, (row + 1) * base.width);
  };
  return {
    ...of,
    retrieve(who, count) {
      const vector = vectorOf(who);
      if (vector.every((x) => x === 0)) return [];
      const { rows, scores } = index.nearest(vector, count);
      return Array.from(rows, (row, i) => ({ itemId: base.items.ids[row]!, score: scores[i]! }));
    },
    async score(who, candidates) {
      const x = new Float32Array(candidates.length * shape.inputs);
      const user = vectorOf(who);
      candidates.forEach(({ itemId, features }, i) => {
        if (features.length !== width) throw new HeadraceError('HR_EXAMPLES', `${itemId} has ${features.length} features; the head takes ${width}.`);
        const bad = features.findIndex((value) => !Number.isFinite(value));
        if (bad >= 0) throw new HeadraceError('HR_EXAMPLES', `Feature ${bad} of ${itemId} is ${features[bad]}.`);
        const at = i * shape.inputs;
        x.set(user, at);
        const row = base.items.row(itemId);
        if (row >= 0) x.set(base.items.values.subarray(row * base.width, (row + 1) * base.width), at + base.width);
        x.set(features, at + 2 * base.width);
      });
      if (candidates.length === 0) return new Float64Array(0);
      const run = session.run({ features: new runtime.Tensor('float32', x, [candidates.length, shape.inputs]) });
      running.add(run);
      try {
        const scores = (await run)['scores']!.data;
        return Float64Array.from({ length: candidates.length }, (_, i) => recalibrated(scores[i * shape.outputs.length]!, negatives));
      } finally {
        running.delete(run);
      }
    },
    async release() {
      await Promise.allSettled(running);
      await session.release();
    },
  };
}
