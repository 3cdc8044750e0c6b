import type { ClickHouseSettings } from '../connectors/clickhouse/clickhouse-settings.js';
import type { KafkaSettings } from '../connectors/kafka/kafka-settings.js';
import { systemClock } from '../dataflow/clock.js';
import { HeadraceError } from '../dataflow/errors.js';
import type { BasePlan } from '../learning/base/base-plan.js';
import { baseTrainer } from '../learning/base/base-trainer.js';
import type { TrainedBase } from '../learning/base/train-base.js';
import { type ModelVersion, openModelRegistry } from '../learning/model-registry.js';
import { openRuntime } from './open-runtime.js';
import { queryInteractions, readInteractions, type ReadInteractionsOptions } from './read-interactions.js';

/** What to train on. */
export interface RetrainBaseOptions extends ReadInteractionsOptions {
  readonly plan: BasePlan;
  readonly dataDir: string;
  readonly kafka?: KafkaSettings | undefined;
  /** Tables of a warehouse instead of topics. */
  readonly clickHouse?: ClickHouseSettings | undefined;
  readonly abort?: AbortSignal;
  /** Called with the number of interactions, before the training. */
  readonly onRead?: (count: number) => void;
}

/** A base that was trained, and the version that its vectors went on from. */
export interface RetrainedBase extends Omit<TrainedBase, 'base'> {
  readonly parent: number | null;
}

/**
 * Trains a base over a stretch of history, going on from the champion. Nothing is written.
 *
 * @throws HR_EXAMPLES, HR_ONNX, HR_MODEL_CORRUPT, HR_WORKER and those of the source
 */
export async function retrainBase({ plan, dataDir, kafka, clickHouse, abort, onRead, ...which }: RetrainBaseOptions): Promise<RetrainedBase> {
  const runtime = await openRuntime({ dataDir, kafka, mode: 'read' });
  try {
    const interactions = clickHouse === undefined ? await readInteractions(runtime, which) : await queryInteractions(clickHouse, dataDir, which);
    onRead?.(interactions.length);
    const registry = await openModelRegistry({ ...runtime, clock: systemClock });
    const champion = registry.champion(plan.model);
    const before = champion && (await registry.artefact(champion));
    return { ...(await baseTrainer(plan, interactions, { before, ...(abort && { abort }) })), parent: champion?.version ?? null };
  } finally {
    await runtime.close();
  }
}

/** Registers a base: as a candidate, or as rejected, with its reasons. Errors: HR_STATE_LOCKED while a pipeline runs on the same data directory. */
export async function registerBase({ bytes, metrics, verdict, parent }: RetrainedBase, { plan, dataDir, kafka }: Pick<RetrainBaseOptions, 'plan' | 'dataDir' | 'kafka'>): Promise<ModelVersion> {
  const runtime = await openRuntime({ dataDir, kafka, mode: 'write', owner: 'headrace train' });
  try {
    const models = await openModelRegistry({ ...runtime, clock: systemClock });
    if (models.champion(plan.model)?.version !== (parent ?? undefined)) throw new HeadraceError('HR_MODEL', `${plan.model} has another champion than the one that this base went on from.`, { remedy: 'Train it again.' });
    return await models.register(plan.model, { artefact: bytes, parent, metrics, ...(verdict === undefined ? {} : { verdict }) });
  } finally {
    await runtime.close();
  }
}
