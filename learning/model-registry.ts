import type { Clock } from '../dataflow/clock.js';
import { HeadraceError } from '../dataflow/errors.js';
import { partitionHash } from '../dataflow/partitioner.js';
import type { ArtefactStore } from '../dataflow/ports/artefact-store.js';
import type { LogClient } from '../dataflow/ports/log-client.js';
import type { SchemaRegistry } from '../dataflow/ports/schema-registry.js';
import { openTopicEncoder, type TopicEncoder } from '../dataflow/topic-encoder.js';
import { topicValues } from '../dataflow/topic-values.js';
import type { ModelEvent } from '../schemas/generated/model-event.js';
import type { GateVerdict } from './gate.js';
import { models } from './models.js';

/** Where a version stands: `candidate` → `shadow` → `canary` → `champion`, and `retired` or `rejected` at its end. */
export type ModelStage = 'candidate' | 'shadow' | 'canary' | 'champion' | 'retired' | 'rejected';

/** A version of a model: immutable but for its stage. */
export interface ModelVersion {
  readonly model: string;
  readonly version: number;
  readonly stage: ModelStage;
  /** Share of the traffic that a canary gets. */
  readonly share: number;
  /** SHA-256 of its bytes. */
  readonly artefact: string;
  readonly bytes: number;
  /** Its artefact was deleted: it can no longer serve. */
  readonly isPruned: boolean;
  readonly parent: number | null;
  readonly metrics: Readonly<Record<string, number>>;
  readonly verdict: GateVerdict | null;
  /** What it has learned from: next offset by `topic/partition`. */
  readonly inputs: Readonly<Record<string, number>>;
  /** Epoch milliseconds. */
  readonly registered: number;
  /** When it got its stage, and why. */
  readonly staged: number;
  readonly reason: string;
}

/** What a version is registered with. */
export interface ModelFacts {
  readonly artefact: Uint8Array;
  readonly parent?: number | null;
  readonly metrics?: Readonly<Record<string, number>>;
  /** What the gate said. One that it did not pass is registered as rejected, with its reasons. */
  readonly verdict?: GateVerdict;
  readonly inputs?: Readonly<Record<string, number>>;
}

/** Which versions keep their artefacts when a model is pruned. */
export interface Retention {
  /** The newest versions, whatever they are. @default 20 */
  readonly versions?: number;
  /** The champions before the present one, to go back to. @default 5 */
  readonly champions?: number;
}

/** Versions of models, their stages, and how they came there. */
export interface ModelRegistry {
  /** All versions of a model, oldest first. */
  list(model: string): readonly ModelVersion[];
  /** Names of all models. */
  names(): readonly string[];
  /** Errors: HR_MODEL there is no such version. */
  get(model: string, version: number): ModelVersion;
  champion(model: string): ModelVersion | undefined;
  /** The version that serves a key: the canary for its share of the keys, else the champion. The same key gets the same one as long as stages do. */
  serving(model: string, key: string): ModelVersion | undefined;
  artefact(version: ModelVersion): Promise<Uint8Array>;
  /** Stores the artefact, then registers it as the next version. Errors: HR_DISK_FULL; nothing is registered then. */
  register(model: string, facts: ModelFacts): Promise<ModelVersion>;
  /**
   * Gives a version its next stage. A new champion retires the one before in the same commit.
   *
   * @param share of the traffic, for a canary
   * @throws HR_MODEL the version is not there, was rejected, or does not go from its stage to that one
   */
  promote(model: string, version: number, stage: Exclude<ModelStage, 'candidate'>, options?: { readonly share?: number; readonly reason?: string }): Promise<ModelVersion>;
  /** Makes the champion before the present one champion again. Errors: HR_MODEL there was none. */
  rollback(model: string, reason: string): Promise<ModelVersion>;
  /**
   * The retired and rejected versions whose artefacts would be deleted: all but the newest ones, and the champions to go back to. Those that serve or are on their way stay in any case.
   *
   * @throws HR_MODEL a number that is none
   */
  prunable(model: string, keep?: Retention): readonly ModelVersion[];
  /** Deletes those artefacts, as far as no other version has the same. It is told first, then done: what a process that dies leaves over is deleted by the next call. Errors: as `prunable`. */
  prune(model: string, keep?: Retention): Promise<readonly ModelVersion[]>;
}

/** Stages that a version can go to. */
const nextStages: Readonly<Record<ModelStage, readonly ModelStage[]>> = {
  candidate: ['shadow', 'canary', 'champion', 'retired', 'rejected'],
  shadow: ['canary', 'champion', 'retired', 'rejected'],
  canary: ['canary', 'champion', 'retired', 'rejected'],
  champion: ['retired'],
  retired: ['champion'],
  rejected: [],
};

/**
 * Opens the registry: it is what the events on the topic `models` add up to. An event is one commit of the log and its artefact is on the disk before, so a process that dies at any moment leaves
 * a registry without half a model.
 *
 * *Details*: one writer at a time, as the log has it. What others write is seen when the registry is opened again.
 *
 * @throws HR_TOPIC_EXISTS the topic is there with several partitions
 */
export async function openModelRegistry(options: { readonly log: LogClient; readonly registry: SchemaRegistry; readonly artefacts: ArtefactStore; readonly clock: Clock }): Promise<ModelRegistry> {
  const { log, registry, artefacts, clock } = options;
  const versions = new Map<string, ModelVersion[]>();
  // Champions of each model, in the order in which they became so.
  const champions = new Map<string, number[]>();
  const apply = (event: ModelEvent) => {
    const known = versions.get(event.model) ?? [];
    versions.set(event.model, known);
    const stage = event.stage.toLowerCase() as ModelStage;
    const before = known[event.version - 1];
    known[event.version - 1] = {
      model: event.model,
      version: event.version,
      stage,
      share: event.share,
      artefact: event.artefact,
      bytes: Number(event.bytes),
      isPruned: event.kind === 'PRUNED' || (before?.isPruned ?? false),
      parent: event.parent,
      metrics: event.metrics,
      verdict: event.verdict === null ? null : (JSON.parse(event.verdict) as GateVerdict),
      inputs: Object.fromEntries(Object.entries(event.inputs).map(([name, offset]) => [name, Number(offset)])),
      registered: before?.registered ?? event.time,
      staged: event.kind === 'PRUNED' ? before!.staged : event.time,
      reason: event.kind === 'PRUNED' ? before!.reason : event.reason,
    };
    if (stage === 'champion') champions.set(event.model, [...(champions.get(event.model) ?? []), event.version]);
  };
  for await (const event of topicValues(models, { log, registry })) apply(event);

  const list = (model: string): readonly ModelVersion[] => versions.get(model) ?? [];
  const get = (model: string, version: number): ModelVersion => {
    const found = list(model)[version - 1];
    if (found === undefined) throw new HeadraceError('HR_MODEL', `There is no version ${version} of ${model}; it has ${list(model).length}.`);
    return found;
  };
  const eventOf = (of: ModelVersion, kind: ModelEvent['kind'], stage: ModelStage, share: number, reason: string): ModelEvent => ({
    model: of.model,
    version: of.version,
    time: clock.now(),
    kind,
    stage: stage.toUpperCase() as ModelEvent['stage'],
    share,
    artefact: of.artefact,
    bytes: of.bytes,
    parent: of.parent,
    metrics: { ...of.metrics },
    verdict: of.verdict === null ? null : JSON.stringify(of.verdict),
    inputs: { ...of.inputs },
    reason,
    source: '',
  });
  let encoder: TopicEncoder<ModelEvent> | undefined;
  const write = async (events: readonly ModelEvent[]) => {
    // Opened by the first write, since a reader creates no topic.
    encoder ??= await openTopicEncoder(models, { log, registry, partitions: 1 });
    for (const event of events) encoder.add(event);
    await log.append(encoder.take());
    for (const event of events) apply(event);
  };
  const champion = (model: string) => list(model).find((v) => v.stage === 'champion');
  const crown = async (next: ModelVersion, reason: string): Promise<ModelVersion> => {
    const now = champion(next.model);
    await write([...(now === undefined ? [] : [eventOf(now, 'STAGED', 'retired', 0, `${next.model} ${next.version} takes its place`)]), eventOf(next, 'STAGED', 'champion', 0, reason)]);
    return get(next.model, next.version);
  };
  const prunable = (model: string, { versions: newest = 20, champions: before = 5 }: Retention = {}): readonly ModelVersion[] => {
    for (const [name, n] of Object.entries({ versions: newest, champions: before })) if (!Number.isInteger(n) || n < 0) throw new HeadraceError('HR_MODEL', `${name} to keep is ${n}; it is a whole number from 0.`);
    const kept = new Set([...new Set((champions.get(model) ?? []).toReversed())].filter((version) => get(model, version).stage !== 'champion').slice(0, before));
    return list(model).filter(({ version, stage, isPruned }) => !isPruned && (stage === 'retired' || stage === 'rejected') && version <= list(model).length - newest && !kept.has(version));
  };
  return {
    list,
    names: () => [...versions.keys()].sort(),
    get,
    champion,
    serving(model, key) {
      const canary = list(model).findLast((v) => v.stage === 'canary');
      const bytes = Buffer.from(`${model} ${key}`);
      if (canary !== undefined && (partitionHash(bytes, 0, bytes.length) >>> 0) / 2 ** 32 < canary.share) return canary;
      return champion(model);
    },
    artefact: (version) => artefacts.get(version.artefact),
    async register(model, facts) {
      if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/.test(model)) throw new HeadraceError('HR_MODEL', `"${model}" cannot be the name of a model.`);
      const verdict = facts.verdict ?? null;
      const artefact = await artefacts.put(facts.artefact);
      const version: ModelVersion = {
        model,
        version: list(model).length + 1,
        stage: 'candidate',
        share: 0,
        artefact,
        bytes: facts.artefact.length,
        isPruned: false,
        parent: facts.parent ?? null,
        metrics: facts.metrics ?? {},
        verdict,
        inputs: facts.inputs ?? {},
        registered: 0,
        staged: 0,
        reason: '',
      };
      const refused = verdict?.checks.filter((c) => c.verdict !== 'passed').map((c) => `${c.name}: ${c.why}`) ?? [];
      await write([eventOf(version, 'REGISTERED', refused.length > 0 ? 'rejected' : 'candidate', 0, refused.join('; '))]);
      return get(model, version.version);
    },
    async promote(model, number, stage, { share = 0, reason = '' } = {}) {
      const version = get(model, number);
      if (!nextStages[version.stage].includes(stage)) {
        const why = version.stage === 'rejected' ? ` The gate rejected it: ${version.reason}` : ` From there it can become ${nextStages[version.stage].join(' or ')}.`;
        throw new HeadraceError('HR_MODEL', `Version ${number} of ${model} is ${version.stage} and cannot become ${stage}.${why}`);
      }
      if (version.isPruned && stage !== 'rejected' && stage !== 'retired') throw new HeadraceError('HR_MODEL', `Version ${number} of ${model} cannot become ${stage}: its artefact was deleted.`);
      if (stage === 'canary' && !(share > 0 && share <= 1)) throw new HeadraceError('HR_MODEL', `A canary needs its share of the traffic, above 0 and at most 1, not ${share}.`);
      if (stage === 'champion') return crown(version, reason);
      await write([eventOf(version, 'STAGED', stage, stage === 'canary' ? share : 0, reason)]);
      return get(model, number);
    },
    async rollback(model, reason) {
      const now = champion(model);
      const before = (champions.get(model) ?? []).filter((v) => v !== now?.version && !get(model, v).isPruned).at(-1);
      if (now === undefined || before === undefined) throw new HeadraceError('HR_MODEL', `${model} has no champion before the present one.`);
      return crown(get(model, before), reason);
    },
    prunable,
    async prune(model, keep) {
      const chosen = prunable(model, keep);
      if (chosen.length > 0) await write(chosen.map((version) => eventOf(version, 'PRUNED', version.stage, version.share, 'its artefact was deleted')));
      const needed = new Set([...versions.values()].flat().filter((version) => !version.isPruned).map(({ artefact }) => artefact));
      for (const { isPruned, artefact } of list(model)) if (isPruned && !needed.has(artefact)) await artefacts.delete(artefact);
      return chosen;
    },
  };
}
