import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HeadraceError } from '../../dataflow/errors.js';
import type { ArtefactStore } from '../../dataflow/ports/artefact-store.js';
import type { PipelineDirectory } from '../../dataflow/ports/pipeline-directory.js';
import type { SchemaRegistry } from '../../dataflow/ports/schema-registry.js';
import type { StateBackend } from '../../dataflow/ports/state-backend.js';
import { embeddedArtefacts } from '../embedded/embedded-artefacts.js';
import { confluentRegistry } from '../registry/confluent-registry.js';
import { changelogAssembler } from './changelog.js';
import { createCluster } from './cluster.js';
import { columnarClient } from './columnar-client.js';
import { changelogTopic, epochsTopic } from './internal-topics.js';
import type { KafkaClient } from './kafka-client.js';
import { kafkaDirectory } from './kafka-directory.js';
import { type KafkaLog, type KafkaLogOptions, kafkaLog } from './kafka-log.js';
import { kafkaRegistry } from './kafka-registry.js';
import type { KafkaSettings } from './kafka-settings.js';
import { offsetAt } from '../../dataflow/record-block.js';
import { openStateCopy, type StateCopy } from './state-copy.js';
import { loadZstd } from './zstd.js';

/** Topics, positions and schemas on Kafka, and a copy of the state of one pipeline on this machine. */
export interface KafkaRuntime {
  readonly log: KafkaLog;
  readonly state: StateBackend;
  readonly registry: SchemaRegistry;
  readonly directory: PipelineDirectory;
  /** Files in the data directory of this machine. */
  readonly artefacts: ArtefactStore;
  close(): Promise<void>;
}

export interface KafkaRuntimeOptions {
  readonly settings: KafkaSettings;
  /** Where the copy of the state is. */
  readonly dataDir: string;
  /** 'write': the pipeline is taken over from whoever runs it. */
  readonly mode: 'write' | 'read';
  /** The pipeline whose state is needed; without one there is none. */
  readonly pipeline?: string | undefined;
  /** To read: the state as of the last epoch, gathered from the changelog, whatever copy is here. @default false */
  readonly fresh?: boolean;
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
  readonly log?: Omit<KafkaLogOptions, 'client'>;
}

/**
 * Opens what a pipeline works with on Kafka. To write, it first takes the pipeline over, which settles the last transaction of the owner before and
 * fences it; then the copy of the state is brought to the last epoch: by the changes since its own, or from the changelog as a whole.
 *
 * Errors: HR_KAFKA_SETTINGS the library that is asked for is not installed; HR_KAFKA_UNREACHABLE, HR_KAFKA_DENIED, HR_KAFKA; HR_STATE_LOCKED and HR_DATA_DIR for the copy.
 */
export async function openKafka({ settings, dataDir, mode, pipeline, fresh = false, warn, reachable }: KafkaRuntimeOptions, world: KafkaWorld = {}): Promise<KafkaRuntime> {
  await loadZstd();
  const { client = await createClient({ settings, warn, reachable }), openCopy = openStateCopy } = world;
  let copy: StateCopy | undefined;
  try {
    await client.greet();
    const log = kafkaLog({ ...world.log, client });
    const registry = settings.registry === undefined ? kafkaRegistry(client) : confluentRegistry(settings.registry, { warn });
    if (pipeline !== undefined && mode === 'write') {
      const last = await log.claim(pipeline);
      copy = openCopy(pipeline, { dataDir: await copyDirectory(client, dataDir, pipeline), mode, owner: pipeline });
      await restore(client, pipeline, copy, last, 'owner');
      log.attach(pipeline, copy);
    } else if (pipeline !== undefined && fresh) {
      return await openFresh(pipeline, { client, log, registry, openCopy });
    } else if (pipeline !== undefined && (await client.hasTopic(epochsTopic(pipeline)))) {
      const directory = await copyDirectory(client, dataDir, pipeline);
      if (existsSync(join(directory, 'data.mdb'))) copy = openStateCopy(pipeline, { dataDir: directory, mode });
    }
    const close = async (): Promise<void> => {
      await copy?.close();
      await client.close();
    };
    return { log, registry, directory: kafkaDirectory(client), state: copy?.state ?? noState, artefacts: embeddedArtefacts(dataDir), close };
  } catch (error) {
    await copy?.close();
    await client.close();
    throw error;
  }
}

/** State as of the last epoch, in a directory of its own that goes with it. Who runs the pipeline is not disturbed. */
async function openFresh(pipeline: string, { client, log, registry, openCopy }: Pick<KafkaRuntime, 'log' | 'registry'> & { readonly client: KafkaClient; readonly openCopy: typeof openStateCopy }): Promise<KafkaRuntime> {
  const dataDir = await mkdtemp(join(tmpdir(), 'headrace-state-'));
  let copy: StateCopy | undefined;
  const close = async (): Promise<void> => {
    await copy?.close();
    await rm(dataDir, { recursive: true, force: true });
    await client.close();
  };
  try {
    copy = openCopy(pipeline, { dataDir, mode: 'write', owner: `a look at ${pipeline}` });
    let last = await log.lastEpoch(pipeline);
    for (let attempt = 1; last !== undefined; attempt++) {
      try {
        await restore(client, pipeline, copy, last, 'reader');
        break;
      } catch (error) {
        // what is read was deleted meanwhile, since a newer part of the changelog makes up the state
        if (!(error instanceof HeadraceError && error.code === 'HR_OFFSET_GONE') || attempt === freshAttempts) throw error;
        copy.clear();
        last = await log.lastEpoch(pipeline);
      }
    }
    const committed = last && { epoch: last.epoch, positions: last.positions, ...(last.times && { times: last.times }) };
    return { log: { ...log, committed: async (name) => (name === pipeline ? committed : log.committed(name)) }, registry, directory: kafkaDirectory(client), state: copy.state, artefacts: embeddedArtefacts(dataDir), close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** How often state is gathered anew when its beginning was deleted meanwhile. */
const freshAttempts = 5;

async function createClient(options: Pick<KafkaRuntimeOptions, 'settings' | 'warn' | 'reachable'>): Promise<KafkaClient> {
  if (options.settings.client === 'columnar') return columnarClient(createCluster(options));
  // the package need not be there
  const { kafkajsClient } = await import('./kafkajs/kafkajs-client.js');
  return kafkajsClient(options);
}

/** What a pipeline that has not run here knows. */
const noState: StateBackend = {
  get: () => undefined,
  range: () => [],
  steps: () => [],
  refresh() {},
};

/** The id of a topic never comes again, so a copy is never taken for that of another cluster or of a topic that was made anew. */
async function copyDirectory(client: KafkaClient, dataDir: string, pipeline: string): Promise<string> {
  return join(dataDir, 'kafka', await client.topicId(epochsTopic(pipeline)));
}

/**
 * Brings the copy to the last epoch.
 *
 * @param as what it is for: an owner meets no epoch after its last one, unless another has taken over from it meanwhile
 */
async function restore(client: KafkaClient, pipeline: string, copy: StateCopy, last: { readonly epoch: number; readonly changelogFrom: number } | undefined, as: 'owner' | 'reader'): Promise<void> {
  const epoch = last?.epoch ?? 0;
  const at = { topic: changelogTopic(pipeline), partition: 0 };
  const { reader } = client;
  const { start } = await reader.bounds(at);
  let point = copy.point();
  if (point?.epoch === epoch) return;
  // one that is ahead, or too old for what is left of the changelog, is of no use
  if (point === undefined || point.epoch > epoch || point.next < start) {
    copy.clear();
    point = { epoch: 0, next: Math.max(start, last?.changelogFrom ?? 0) };
  }
  const fenced = (cause?: unknown): HeadraceError => new HeadraceError('HR_EPOCH_FENCED', `Another process has taken over ${pipeline} while its state was restored.`, { cause, place: { pipeline } });
  const assemble = changelogAssembler();
  let { next, epoch: reached } = point;
  try {
    for await (const block of reader.all(at, next)) {
      next = offsetAt(block, block.count - 1) + 1;
      for (const { epoch: changed, writes } of assemble(block)) {
        // a later restore must not begin behind changes that this one leaves out
        if (changed > epoch && as === 'owner') throw fenced();
        if (changed <= point.epoch || changed > epoch) continue;
        copy.apply(writes, { epoch: point.epoch, next: point.next });
        reached = changed;
      }
    }
  } catch (error) {
    // only who has taken over deletes what the last epoch needs
    throw as === 'owner' && error instanceof HeadraceError && error.code === 'HR_OFFSET_GONE' ? fenced(error) : error;
  }
  // not `epoch`: to one that has been shut out meanwhile, the end of that transaction may show in one topic and not yet in the other
  copy.apply([], { epoch: reached, next });
}
