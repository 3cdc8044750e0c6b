import { createHash } from 'node:crypto';
import { HeadraceError } from '../../dataflow/errors.js';
import type { Position, StateWrite } from '../../dataflow/ports/log-client.js';
import type { Runtime } from '../engine/job.js';
import { isPlanting, plantedJournal, plantingWrite, storedForms } from '../engine/job-state.js';
import { isSettled, routeStep } from '../engine/route-state.js';
import { findPlace, type PlaceInLog, placeOf } from './place-in-log.js';
import { type SavedEntry, openSavepoint, savepointFormat, type SavepointManifest, writeSavepoint } from './savepoint-file.js';

/** Bytes of state that one epoch plants. */
const bytesAtOnce = 16 << 20;
const noKey = new Uint8Array(0);

/** What taking a savepoint needs beside the runtime. */
export interface TakeOptions {
  readonly pipeline: string;
  readonly path: string;
  /** Epoch ms. */
  readonly now: number;
  /** Version of Headrace. */
  readonly version: string;
}

/**
 * Writes all that a pipeline has committed last, as of one epoch: state of all steps and positions. It changes nothing, and others may run the pipeline meanwhile.
 *
 * @throws HR_SAVEPOINT the pipeline has committed nothing here, or stands in the middle of a savepoint; records are on their way from task to task; HR_SAVEPOINT the file is there
 */
export async function takeSavepoint({ log, state }: Runtime, { pipeline, path, now, version }: TakeOptions): Promise<SavepointManifest> {
  // both begin in this turn, and so are of one commit: what follows until the state is written does not wait for anything
  const committing = log.committed(pipeline);
  const entries = { of: new Map<string, number>() };
  const known = storedForms(state, pipeline);
  const planting = isPlanting(state, pipeline);
  const settled = isSettled(state, pipeline, state.tasks(pipeline).length);
  const file = writeSavepoint(path, stateEntries(state, pipeline, entries.of));
  try {
    const committed = await committing;
    if (committed === undefined || planting) {
      throw new HeadraceError('HR_SAVEPOINT', planting ? `A savepoint is half planted in ${pipeline}: start it once more.` : `${pipeline} has committed nothing here, so there is nothing to keep.`, { place: { pipeline } });
    }
    if (!settled) {
      throw new HeadraceError('HR_SAVEPOINT', `Records of ${pipeline} are on their way from task to task, which a savepoint does not hold.`, {
        place: { pipeline },
        remedy: 'Stop all of its processes but one, wait until that one has committed once more, stop it, and take the savepoint then.',
      });
    }
    const forms = Object.fromEntries([...known].filter(([step]) => entries.of.has(step)).sort(([a], [b]) => (a < b ? -1 : 1)));
    const positions: PlaceInLog[] = [];
    for (const position of committed.positions) positions.push(await placeOf(log, position));
    return file.finish(({ id, entries, bytes }) => ({
      format: savepointFormat,
      id: digest([pipeline, id, positions]),
      pipeline,
      pipelineDigest: digest([pipeline, forms]),
      forms,
      epoch: committed.epoch,
      times: committed.times,
      tasks: committed.positions.reduce((most, { partition }) => Math.max(most, partition + 1), 0),
      positions,
      entries,
      bytes,
      takenAt: now,
      version,
    }));
  } catch (error) {
    file.discard();
    throw error;
  }
}

/** Every entry of a pipeline's state, those of the run itself included. @param counts gets the entries of each step */
function* stateEntries(state: Runtime['state'], pipeline: string, counts: Map<string, number>): Iterable<SavedEntry> {
  for (const task of state.tasks(pipeline)) {
    const own = state.of(task);
    for (const step of own.steps(pipeline)) {
      // places in the log of parcels, which is of one cluster
      if (step === routeStep) continue;
      for (const { key, value } of own.range(pipeline, step, noKey)) {
        counts.set(step, (counts.get(step) ?? 0) + 1);
        yield { task, step, key, value };
      }
    }
  }
}

/** How to start from a savepoint. */
export interface StartOptions {
  readonly path: string;
  /** Name under which the pipeline runs. @default that of the savepoint */
  readonly pipeline?: string | undefined;
  /** Forget what the pipeline has here. */
  readonly replace?: boolean;
}

/** What was planted. */
export interface Planted {
  readonly manifest: SavepointManifest;
  readonly pipeline: string;
  readonly epoch: number;
  readonly positions: readonly Position[];
}

/**
 * Plants a savepoint: the next run of the pipeline goes on from there. The runtime has taken the pipeline over. Positions are found by the records before them, since offsets differ between logs.
 * When it is interrupted, a run is refused until it has been done once more.
 *
 * @throws HR_SAVEPOINT the file is damaged, the pipeline has run here (unless `replace`), an input topic is missing, has other partitions or other records; nothing has changed then
 */
export async function startSavepoint(runtime: Runtime, { path, replace = false, ...options }: StartOptions): Promise<Planted> {
  const savepoint = openSavepoint(path);
  try {
    const { manifest } = savepoint;
    const { pipeline = manifest.pipeline } = options;
    const { log, state } = runtime;
    const before = await log.committed(pipeline);
    if (before !== undefined && !replace && !isPlanting(state, pipeline)) {
      throw new HeadraceError('HR_SAVEPOINT', `${pipeline} has run here: it stands at epoch ${before.epoch}.`, { place: { pipeline }, remedy: 'With --replace its state and positions are forgotten; topics that it has written stay as they are.' });
    }
    const positions = await positionsHere(runtime, manifest);
    let epoch = before?.epoch ?? 0;
    const journal = plantedJournal(positions, manifest.tasks, (await log.journal(pipeline)).length);
    const commit = async (writes: readonly StateWrite[], { isFirst = false, isLast = false } = {}) => {
      epoch += 1;
      // what was on its way between tasks belongs to the state that is replaced
      const parcels = isFirst ? { sent: [], done: Array.from({ length: manifest.tasks }, (_, task) => ({ task, offset: Number.POSITIVE_INFINITY })) } : undefined;
      await log.commit({ pipeline, epoch, outputs: [], state: writes, positions: isLast ? positions : [], parcels, journal: isLast ? journal.entries : [], ...(isLast && manifest.times && { times: manifest.times }) });
      state.refresh();
    };
    await commit([plantingWrite(true)], { isFirst: true });
    await inParts(deletions(runtime, pipeline), commit);
    await inParts(savedWrites(savepoint.entries()), commit);
    await commit([...journal.writes, plantingWrite(false)], { isLast: true });
    return { manifest, pipeline, epoch, positions };
  } finally {
    savepoint.close();
  }
}

/** Where the positions of a savepoint are in this log. */
async function positionsHere({ log }: Runtime, { positions }: SavepointManifest): Promise<Position[]> {
  const topics = new Map((await log.topics()).map((t) => [t.name, t.partitions]));
  const here: Position[] = [];
  for (const name of new Set(positions.map((p) => p.topic))) {
    const wanted = positions.filter((p) => p.topic === name).length;
    if (topics.get(name) !== wanted) {
      const found = topics.has(name) ? `has ${topics.get(name)} partitions` : 'is not there';
      throw new HeadraceError('HR_SAVEPOINT', `The savepoint reads ${wanted} partitions of ${name}, which ${found}.`, { place: { topic: name }, remedy: 'Make the topic with as many partitions and copy its records, then start the savepoint.' });
    }
  }
  for (const place of positions) here.push({ topic: place.topic, partition: place.partition, offset: await findPlace(log, place) });
  return here;
}

function* deletions({ state }: Runtime, pipeline: string): Iterable<StateWrite> {
  for (const task of state.tasks(pipeline)) {
    const own = state.of(task);
    for (const step of own.steps(pipeline)) {
      for (const { key } of [...own.range(pipeline, step, noKey)]) {
        const write = { task, step, key: Uint8Array.from(key), value: null };
        if (!isPlantingKey(write)) yield write;
      }
    }
  }
}

function* savedWrites(entries: Iterable<SavedEntry>): Iterable<StateWrite> {
  for (const entry of entries) if (!isPlantingKey(entry)) yield entry;
}

const isPlantingKey = ({ step, key }: { readonly step: string; readonly key: Uint8Array }): boolean => {
  const own = plantingWrite(true);
  return step === own.step && Buffer.compare(key, own.key) === 0;
};

async function inParts(writes: Iterable<StateWrite>, commit: (part: readonly StateWrite[]) => Promise<void>): Promise<void> {
  let part: StateWrite[] = [];
  let bytes = 0;
  for (const write of writes) {
    part.push(write);
    bytes += write.key.length + (write.value?.length ?? 0);
    if (bytes < bytesAtOnce) continue;
    await commit(part);
    part = [];
    bytes = 0;
  }
  if (part.length > 0) await commit(part);
}

function digest(of: unknown): string {
  return createHash('sha256').update(JSON.stringify(of)).digest('hex');
}
