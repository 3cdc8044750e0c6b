import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ArtefactStore } from '../../dataflow/ports/artefact-store.js';
import type { Committed } from '../../dataflow/ports/log-client.js';
import type { PipelineDirectory } from '../../dataflow/ports/pipeline-directory.js';
import type { SchemaRegistry } from '../../dataflow/ports/schema-registry.js';
import { joinedState } from '../../dataflow/state/joined-state.js';
import { emptyState, type StateBackend } from '../../dataflow/ports/state-backend.js';
import type { SharedPipeline, TaskShares } from '../../dataflow/ports/task-shares.js';
import { embeddedArtefacts } from '../embedded/embedded-artefacts.js';
import { confluentRegistry } from '../registry/confluent-registry.js';
import { createCluster } from './cluster.js';
import { kafkaArtefacts } from './kafka-artefacts.js';
import { columnarClient } from './columnar-client.js';
import { epochsTopic } from './internal-topics.js';
import type { KafkaClient } from './kafka-client.js';
import { gatherState } from './state/gather-state.js';
import { joinPipeline, takeTasks } from './group/join-pipeline.js';
import { kafkaDirectory } from './kafka-directory.js';
import { type KafkaLog, type KafkaLogOptions, kafkaLog, wholeId } from './kafka-log.js';
import { kafkaRegistry, type KafkaRegistryOptions } from './kafka-registry.js';
import type { KafkaSettings } from './kafka-settings.js';
import { laggingCopy } from './state/lagging-copy.js';
import { openCopies, openFreeCopy, openStateCopy, type StateCopy } from './state/state-copy.js';
import { loadZstd } from './records/zstd.js';

/** Topics, positions and schemas on Kafka, and a copy of the state of one pipeline on this machine. */
export interface KafkaRuntime {
  readonly log: KafkaLog;
  readonly state: StateBackend;
  readonly registry: SchemaRegistry;
  readonly directory: PipelineDirectory;
  /** On a topic, with files in the data directory in front. */
  readonly artefacts: ArtefactStore;
  /** Where the copy of the state is, once there is one. */
  copyDirectory(): string | undefined;
  /** Takes part in running a pipeline, together with the other processes that do. */
  join(shared: SharedPipeline): Promise<TaskShares>;
  close(): Promise<void>;
}

export interface KafkaRuntimeOptions {
  readonly settings: KafkaSettings;
  /** Where the copy of the state is. */
  readonly dataDir: string;
  /** 'write': the pipeline is taken over as a whole from whoever writes it. */
  readonly mode: 'write' | 'read';
  /** The pipeline whose state is needed; without one there is none. */
  readonly pipeline?: string | undefined;
  /** To write: how many tasks the pipeline has, where it has not run yet. @default as many as it has run with, or one */
  readonly tasks?: number | undefined;
  /** To read: the state as of the last epoch, gathered from the changelog, whatever copy is here. @default false */
  readonly fresh?: boolean;
  /** The copy of the state to read. @default all that are in the data directory */
  readonly copyDirectory?: string | undefined;
  /** To write: the directory of the copy may lag behind, since nobody else reads it. @default false: it has each epoch when that is committed */
  readonly copyMayLag?: boolean;
  /** Told of waits. */
  readonly warn?: (message: string) => void;
  /** Told when brokers have not answered for some seconds, and when they do again. */
  readonly reachable?: (isReachable: boolean) => void;
}

/** The world around a runtime, of which a simulation has its own. */
export interface KafkaWorld {
  /** @default one for the brokers of the settings */
  readonly client?: KafkaClient;
  /** Opens the copy of the state in a directory. @default in LMDB */
  readonly openCopy?: typeof openStateCopy;
  /** When the copy's directory is brought up to date. @default the machine's */
  readonly copyClock?: Parameters<typeof laggingCopy>[1];
  readonly log?: Omit<KafkaLogOptions, 'client'>;
  readonly registry?: KafkaRegistryOptions;
}

/**
 * Opens what a pipeline works with on Kafka. To write, it first takes the pipeline over, which settles the last transaction of the owner before and
 * fences it; then the copy of the state is brought to the last epoch: by the changes since its own, or from the changelog as a whole.
 *
 * Errors: HR_KAFKA_SETTINGS the library that is asked for is not installed; HR_KAFKA_UNREACHABLE, HR_KAFKA_DENIED, HR_KAFKA; HR_STATE_LOCKED and HR_DATA_DIR for the copy.
 */
export async function openKafka({ settings, dataDir, mode, pipeline, tasks, copyDirectory, fresh = false, copyMayLag = false, warn, reachable }: KafkaRuntimeOptions, world: KafkaWorld = {}): Promise<KafkaRuntime> {
  await loadZstd();
  const { client = await createClient({ settings, warn, reachable }), openCopy = openStateCopy } = world;
  const copies: StateCopy[] = [];
  const close = async (): Promise<void> => {
    for (const copy of copies) await copy.close();
    await client.close();
  };
  const log = kafkaLog({ ...world.log, client });
  const uniqueName = world.log?.uniqueName ?? randomUUID;
  // the same object from the beginning, though copies are opened later
  const current = () => (copies.length === 1 ? copies[0]!.state : newestState(copies));
  const state: StateBackend = {
    get: (...entry) => current().get(...entry),
    range: (...entries) => current().range(...entries),
    steps: (name) => current().steps(name),
    of: (task) => current().of(task),
    tasks: (name) => current().tasks(name),
    refresh: () => current().refresh(),
  };
  const openOwn = async (name: string): Promise<StateCopy> => {
    const opened = openFreeCopy(name, { dataDir: await copiesDirectory(client, dataDir, name), mode: 'write', owner: name }, openCopy);
    const copy = copyMayLag ? laggingCopy(opened, world.copyClock) : opened;
    copies.push(copy);
    return copy;
  };
  const runtime: KafkaRuntime = {
    log,
    registry: settings.registry === undefined ? kafkaRegistry(client, world.registry) : confluentRegistry(settings.registry, { warn }),
    directory: kafkaDirectory(client),
    artefacts: kafkaArtefacts(log, embeddedArtefacts(dataDir)),
    state,
    copyDirectory: () => copies[0]?.directory,
    async join(shared) {
      await log.prepare(shared.pipeline, shared.tasks, shared.exchanges);
      const copy = await openOwn(shared.pipeline);
      return joinPipeline(shared, { client, log, copy, uniqueName, warn: (message) => warn?.(message) });
    },
    close,
  };
  try {
    await client.greet();
    if (pipeline !== undefined && mode === 'write') {
      const count = tasks ?? ((await client.hasTopic(epochsTopic(pipeline))) ? await client.partitions(epochsTopic(pipeline)) : 1);
      await log.prepare(pipeline, count);
      await takeTasks(pipeline, { client, log, copy: await openOwn(pipeline) }, { tasks: count, owned: Array.from({ length: count }, (_, i) => i), transactionalId: wholeId(pipeline) });
    } else if (copyDirectory !== undefined && pipeline !== undefined) {
      copies.push(openCopy(pipeline, { dataDir: copyDirectory, mode }));
    } else if (pipeline !== undefined && fresh) {
      const { copy, committed, remove } = await freshState(pipeline, { client, openCopy });
      copies.push({ ...copy, close: remove });
      return { ...runtime, log: { ...log, committed: async (name) => (name === pipeline ? committed : log.committed(name)) } };
    } else if (pipeline !== undefined && (await client.hasTopic(epochsTopic(pipeline)))) {
      copies.push(...openCopies(pipeline, await copiesDirectory(client, dataDir, pipeline)));
    }
    return runtime;
  } catch (error) {
    await close();
    throw error;
  }
}

/** State as of the last epochs, in a directory of its own that goes with it. Who runs the pipeline is not disturbed. */
async function freshState(pipeline: string, { client, openCopy }: { readonly client: KafkaClient; readonly openCopy: typeof openStateCopy }): Promise<{ copy: StateCopy; committed: Committed | undefined; remove: () => Promise<void> }> {
  const dataDir = await mkdtemp(join(tmpdir(), 'headrace-state-'));
  let copy: StateCopy | undefined;
  const remove = async (): Promise<void> => {
    await copy?.close();
    await rm(dataDir, { recursive: true, force: true });
  };
  try {
    copy = openCopy(pipeline, { dataDir, mode: 'write', owner: `a look at ${pipeline}` });
    return { copy, committed: await gatherState(pipeline, client, copy), remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

async function createClient(options: Pick<KafkaRuntimeOptions, 'settings' | 'warn' | 'reachable'>): Promise<KafkaClient> {
  if (options.settings.client === 'columnar') return columnarClient(createCluster(options));
  // the package need not be there
  const { kafkajsClient } = await import('./kafkajs/kafkajs-client.js');
  return kafkajsClient(options);
}

/** For each task the copy that is furthest; nothing where a pipeline has not run here. */
function newestState(copies: readonly StateCopy[]): StateBackend {
  const tasks = [...new Set(copies.flatMap((copy) => copy.tasks()))].sort((a, b) => a - b);
  const epochOf = (copy: StateCopy, task: number) => copy.point(task)?.epoch ?? 0;
  const of = (task: number): StateBackend => (copies.length === 0 ? emptyState : copies.reduce((newest, copy) => (epochOf(copy, task) > epochOf(newest, task) ? copy : newest)).state.of(task));
  return {
    ...joinedState(() => tasks.map(of)),
    of,
    tasks: () => tasks,
    refresh() {
      for (const copy of copies) copy.state.refresh();
    },
  };
}

/** The id of a topic never comes again, so a copy is never taken for that of another cluster or of a topic that was made anew. */
async function copiesDirectory(client: KafkaClient, dataDir: string, pipeline: string): Promise<string> {
  return join(dataDir, 'kafka', await client.topicId(epochsTopic(pipeline)));
}
