import { HeadraceError } from '../../dataflow/errors.js';
import { appendRun } from '../../dataflow/byte-run.js';
import type { StateWrite } from '../../dataflow/ports/log-client.js';
import type { StateBackend } from '../../dataflow/ports/state-backend.js';
import type { ParcelLog } from '../../dataflow/ports/task-shares.js';
import { BlockWriter, type RecordBlock } from '../../dataflow/record-block.js';
import type { Parcel } from './exchange-port.js';
import { isPacked, packedBytes, packParcel, type PackedParcel } from './pack-parcel.js';
import { createParcelInbox, type ParcelInbox, type RunHold } from './parcel-inbox.js';
import { drainParcels, type HostingGroups, type ParcelRoute } from './parcel-route.js';
import { packRun, type PlacedParcel, type SenderProgress } from './parcel-run.js';
import { comparePlaces, laterOf, nowhere, phase, phases, type Place } from './place.js';
import { routeWrite, storedRoute } from './route-state.js';

/** A stage of the exchanges of a graph. */
export interface RouteStage {
  readonly stage: number;
  /** All its exchanges end in the task where they begin: nobody else is waited for. */
  readonly isLocal: boolean;
}

export interface LoggedRouteOptions {
  readonly pipeline: string;
  readonly parcels: ParcelLog;
  readonly state: StateBackend;
  /** The tasks of this process, and how many there are in all. */
  readonly tasks: readonly number[];
  readonly taskCount: number;
  /** In their order. */
  readonly stages: readonly RouteStage[];
  readonly groups: HostingGroups;
  /** Whether a task has run before. */
  readonly hasRun: (task: number) => boolean;
  /** Epoch ms, for the timestamps of records. */
  readonly now: () => number;
}

/** A parcel for a task of this process that is not due yet. */
interface Waiting {
  readonly place: Place;
  parcel: Parcel | PackedParcel;
  /** The run that it is in, once it is in one. */
  hold: RunHold | undefined;
  isDrained: boolean;
}

/** How far a task of this process is. By stage, `drained` and `waiting`; by stage and sender, `told`. */
interface OwnTask {
  /** Its watermarks are known to receivers. */
  hasTold: boolean;
  /** Where its sources are. */
  come: Place;
  readonly drained: Place[];
  readonly told: Place[][];
  readonly waiting: Waiting[][];
  readonly inbox: ParcelInbox;
  /** Its state as it was written last. */
  written: string;
}

/** Bytes on their way to others beyond which a sender waits for them. They bound what a receiver holds. */
const aheadBytes = 32 << 20;

/**
 * The route where other processes have tasks of the pipeline. A parcel is drained when every sender of its stage has told that it is beyond the parcel's place, so that a task meets what
 * it gets in the one order of a run, whoever sends it and whenever it comes. What is not drained when an epoch is committed goes with it into the log of parcels, and so does how far the
 * senders are; a restart reads on from there.
 *
 * Progress is a frontier of totally ordered places, a special case of Naiad's (Murray et al., SOSP 2013). Cost: a comparison a sender, stage and task of this process in each step of the run, and a
 * copy of each parcel that is not due at once.
 */
export function loggedRoute({ pipeline, parcels, state, tasks, taskCount, stages, groups, hasRun, now }: LoggedRouteOptions): ParcelRoute {
  const own = new Set(tasks);
  const all = Array.from({ length: taskCount }, (_, i) => i);
  const others = all.filter((task) => !own.has(task));
  const stageIndex = new Map(stages.map(({ stage }, i) => [stage, i]));
  const routes = new Map(
    tasks.map((task): [number, OwnTask] => {
      const known = storedRoute(state, pipeline, task, stages, taskCount);
      return [
        task,
        {
          hasTold: known !== undefined && known.isOpen && known.drained.every((place) => place !== undefined),
          come: known?.come ?? nowhere,
          drained: stages.map((_, i) => known?.drained[i] ?? nowhere),
          told: stages.map((_, i) => all.map((sender) => known?.told[i]?.[sender] ?? nowhere)),
          waiting: stages.map(() => []),
          inbox: createParcelInbox(parcels, task, known?.readFrom),
          written: '',
        },
      ];
    }),
  );
  const routeOf = (task: number) => routes.get(task)!;
  /** Posted by tasks of this process to such tasks: in this step, and what of it is not drained and in no run yet. */
  let fresh: Waiting[] = [];
  let kept: Waiting[] = [];
  let leaving = new Map<number, PlacedParcel[]>();
  let bytes = 0;
  let runs = 0;
  let announced = '';
  let hasRead = false;
  let isDue = false;
  let onTheWay: { readonly upTo: Place; readonly bytes: number }[] = [];

  /** Up to where a task of this process has come before stage `i`. */
  const before = (task: number, i: number): Place => (i === 0 ? routeOf(task).come : routeOf(task).drained[i - 1]!);
  const frontier = (task: number, i: number): Place => {
    let least = before(task, i);
    if (stages[i]!.isLocal) return least;
    const { told } = routeOf(task);
    for (const sender of all) {
      const place = own.has(sender) ? before(sender, i) : told[i]![sender]!;
      if (comparePlaces(place, least) < 0) least = place;
    }
    return least;
  };
  const post = (parcel: Parcel, place: Place) => {
    if (own.has(parcel.to)) {
      const entry: Waiting = { place, parcel, hold: undefined, isDrained: false };
      routeOf(parcel.to).waiting[stageIndex.get(parcel.stage)!]!.push(entry);
      fresh.push(entry);
      return;
    }
    const packed = isPacked(parcel) ? parcel : packParcel(parcel);
    const line = leaving.get(parcel.to);
    if (line === undefined) leaving.set(parcel.to, [{ place, parcel: packed }]);
    else line.push({ place, parcel: packed });
    bytes += packedBytes(packed);
  };
  /** Own tasks come from processes that were not as far: an entry of all brings them to one place, and nobody waits for the last of them. */
  const isUneven = (): boolean => tasks.some((task) => comparePlaces(routeOf(task).come, routeOf(tasks[0]!).come) !== 0);
  /** Whether something would be drained, or told to others, if tasks were open. */
  const canAdvance = (): boolean => tasks.some((task) => stages.some((_, i) => comparePlaces(frontier(task, i), routeOf(task).drained[i]!) > 0));
  /** Takes what is due at stage `i` out of what waits. */
  const takeDue = (i: number): Waiting[] => {
    const due: Waiting[] = [];
    for (const task of tasks) {
      const { drained, waiting } = routeOf(task);
      const to = frontier(task, i);
      const moved = comparePlaces(to, drained[i]!);
      if (moved < 0 || (moved === 0 && waiting[i]!.length === 0)) continue;
      drained[i] = to;
      // others wait to be told, and a savepoint for all to have come as far
      if (moved > 0) isDue = true;
      const rest: Waiting[] = [];
      for (const entry of waiting[i]!) (comparePlaces(entry.place, to) <= 0 ? due : rest).push(entry);
      waiting[i] = rest;
    }
    return due.sort((a, b) => a.place.entry - b.place.entry || a.place.phase - b.place.phase);
  };
  /** Drains what is due, stage after stage. */
  const advance = async (): Promise<void> => {
    const hosts = groups();
    if (hosts === undefined) return;
    for (let i = 0; i < stages.length; i++) {
      const due = takeDue(i);
      for (let from = 0, to = 0; from < due.length; from = to) {
        const { entry, phase } = due[from]!.place;
        while (to < due.length && due[to]!.place.entry === entry && due[to]!.place.phase === phase) to += 1;
        const stretch = due.slice(from, to);
        const posted = await drainParcels(hosts, stretch.map(({ parcel }) => parcel), phases * entry + phase);
        for (const done of stretch) {
          done.isDrained = true;
          if (done.hold) done.hold.left -= 1;
        }
        for (const parcel of posted) post(parcel, { entry, phase, tick: parcel.tick });
        isDue = true;
      }
    }
    for (const entry of fresh) {
      if (entry.isDrained) continue;
      // the buffers of a batch are used again in the next step
      if (!isPacked(entry.parcel)) entry.parcel = packParcel(entry.parcel);
      bytes += packedBytes(entry.parcel as PackedParcel);
      kept.push(entry);
    }
    fresh = [];
  };
  const read = async (task: number): Promise<void> => {
    const { inbox, waiting, drained, told } = routeOf(task);
    for (const { run, hold } of await inbox.read()) {
      for (const { place, parcel } of run.parcels) {
        const i = stageIndex.get(parcel.stage);
        if (i === undefined) throw new HeadraceError('HR_STATE_MISMATCH', `Records for the exchange ${parcel.exchange} are on their way, which ${pipeline} has no more.`, { place: { pipeline }, remedy: 'Run the pipeline as it was in one process until it has caught up, stop it, and start it as it is now.' });
        // a restart reads again what was drained before
        if (comparePlaces(place, drained[i]!) <= 0) continue;
        hold.left += 1;
        waiting[i]!.push({ place, parcel, hold, isDrained: false });
      }
      for (const { task: sender, places } of run.progress) stages.forEach((_, i) => (told[i]![sender] = laterOf(told[i]![sender]!, places[i]!)));
    }
  };
  const receive = async (): Promise<void> => {
    // where there are no others, all that was sent is there when the share begins
    if (others.length > 0 || !hasRead) await Promise.all(tasks.map(read));
    hasRead = true;
    await advance();
  };
  /** A run for a task as records. */
  const block = (key: string, placed: readonly PlacedParcel[], progress: readonly SenderProgress[]): RecordBlock => {
    const writer = new BlockWriter();
    appendRun(writer, Buffer.from(key), packRun({ parcels: placed, progress }), now());
    return writer.take();
  };
  const runOf = (task: number): { readonly key: string; readonly placed: readonly PlacedParcel[]; readonly hold?: RunHold } => {
    const key = `${parcels.sender}/${runs++}`;
    if (!own.has(task)) return { key, placed: leaving.get(task) ?? [] };
    const entries = kept.filter(({ parcel, isDrained }) => parcel.to === task && !isDrained);
    const hold: RunHold = { left: entries.length };
    for (const entry of entries) entry.hold = hold;
    return { key, placed: entries.map(({ place, parcel }) => ({ place, parcel: parcel as PackedParcel })), hold };
  };
  return {
    async open(posted, entry) {
      for (const parcel of posted) {
        // who has come somewhere has told its watermarks before, and receivers keep them
        if (routeOf(parcel.from).hasTold) continue;
        post(parcel, { entry: hasRun(parcel.from) ? entry : 0, phase: phase.open, tick: parcel.tick });
      }
      // tasks are opened again behind the end of the input, when receivers have forgotten
      for (const route of routes.values()) route.hasTold = false;
      await receive();
    },
    async settle(posted, at) {
      for (const parcel of posted) {
        const place = { entry: at.entry, phase: at.phase, tick: parcel.tick };
        const { come } = routeOf(parcel.from);
        if (!own.has(parcel.to) && comparePlaces(at, come) <= 0) throw new Error(`task ${parcel.from} of ${pipeline} sends where receivers may have drained already`);
        // timers of the clock fire within no tick of the input
        post(parcel, comparePlaces(place, come) > 0 ? place : at);
      }
      for (const route of routes.values()) route.come = laterOf(route.come, at);
      await advance();
    },
    receive,
    flush() {
      const progress = others.length === 0 ? [] : tasks.map((task) => ({ task, places: stages.map((_, i) => before(task, i)) }));
      const telling = JSON.stringify(progress, (_, value: unknown) => (typeof value === 'number' ? String(value) : value));
      const sent: { task: number; block: RecordBlock }[] = [];
      for (const task of all) {
        const { key, placed, hold } = runOf(task);
        const news = own.has(task) || telling === announced ? [] : progress;
        if (placed.length === 0 && news.length === 0) continue;
        sent.push({ task, block: block(key, placed, news) });
        if (hold !== undefined) routeOf(task).inbox.expect(key, hold);
      }
      const state: StateWrite[] = [];
      const done: { task: number; offset: number }[] = [];
      for (const [task, route] of routes) {
        const readFrom = route.inbox.position;
        const told = route.told.map((of, i) => of.map((place, sender) => (own.has(sender) ? before(sender, i) : place)));
        const write = routeWrite(task, stages, { come: route.come, drained: route.drained, told, readFrom });
        done.push({ task, offset: readFrom });
        const written = Buffer.from(write.value!).toString('latin1');
        if (written !== route.written) state.push(write);
        route.written = written;
      }
      announced = telling;
      onTheWay.push({ upTo: tasks.reduce((latest, task) => laterOf(latest, routeOf(task).come), nowhere), bytes });
      leaving = new Map();
      kept = [];
      bytes = 0;
      isDue = false;
      return { parcels: { sent, done }, state };
    },
    get bytes() {
      return bytes;
    },
    get parcelsWait() {
      const places = tasks.flatMap((task) => [routeOf(task).come, ...routeOf(task).drained]);
      return others.length > 0 || places.some((place) => comparePlaces(place, places[0]!) !== 0);
    },
    get isDue() {
      return isDue || isUneven() || (groups() === undefined && canAdvance());
    },
    isShared: others.length > 0,
    get entry() {
      return tasks.reduce((most, task) => Math.max(most, routeOf(task).come.entry), -1);
    },
    get furthest() {
      return tasks.reduce((most, task) => others.reduce((entry, sender) => Math.max(entry, routeOf(task).told[0]?.[sender]?.entry ?? -1), most), -1);
    },
    get isAhead() {
      const least = others.reduce<Place | undefined>((place, sender) => {
        const known = tasks.reduce((latest, task) => laterOf(latest, routeOf(task).told[0]?.[sender] ?? nowhere), nowhere);
        return place === undefined || comparePlaces(known, place) < 0 ? known : place;
      }, undefined);
      if (least === undefined) onTheWay = [];
      else onTheWay = onTheWay.filter(({ upTo }) => comparePlaces(upTo, least) > 0);
      return onTheWay.reduce((sum, run) => sum + run.bytes, 0) > aheadBytes;
    },
  };
}
