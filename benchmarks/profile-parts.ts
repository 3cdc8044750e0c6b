import { readFileSync } from 'node:fs';

/** The parts that the processors' time of a live run goes to, each with the frames that begin it. A sample belongs to the innermost frame that one names. */
const parts: readonly (readonly [part: string, frames: RegExp])[] = [
  ['collection', /^\(garbage collector\)/],
  ['redis', /connectors\/redis\/|\/ioredis\//],
  ['publication', /dataflow\/features\/(feature-publication|republication|republication-news|entity-hours|packed-entity|publication-notes)\./],
  ['changelog', /connectors\/kafka\/state\/(changelog|snapshot-rounds)\./],
  ['stateCopy', /connectors\/kafka\/state\/(state-copy|lagging-copy|memtable)\./],
  ['tiles', /operators\/tiles\.|dataflow\/features\/(hour-tiles|tile-codec)\./],
  ['windows', /operators\/window\.|dataflow\/(windows\/windows|state\/pane-store)\./],
  ['process', /operators\/process\.|dataflow\/state\/keyed-state\./],
  ['exchange', /operators\/key-by\.|runners\/engine\/(exchange-port|pack-parcel|parcel-)/],
  ['outputs', /operators\/to\./],
  ['kafka', /connectors\/kafka\/|@platformatic\//],
  ['engine', /runners\/engine\//],
];

interface Frame {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly url: string };
  readonly children?: readonly number[];
}

/** What V8 writes with `--cpu-prof`. */
interface CpuProfile {
  readonly nodes: readonly Frame[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

/** The share of each part, between 0 and 1, of the time in which a profiled process was busy; what no part names is `other`. */
export function profileParts(file: string): ReadonlyMap<string, number> {
  const { nodes, samples, timeDeltas } = JSON.parse(readFileSync(file, 'utf8')) as CpuProfile;
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const partOf = new Map<number, string>();
  // parents come before their children
  for (const { id, callFrame, children } of nodes) {
    const own = parts.find(([, frames]) => frames.test(callFrame.url === '' ? callFrame.functionName : callFrame.url))?.[0];
    if (own !== undefined) partOf.set(id, own);
    for (const child of children ?? []) if (partOf.has(id)) partOf.set(child, partOf.get(id)!);
  }
  const times = new Map([...parts.map(([part]) => part), 'other'].map((part) => [part, 0]));
  let busy = 0;
  samples.forEach((id, i) => {
    if (byId.get(id)!.callFrame.functionName === '(idle)') return;
    const part = partOf.get(id) ?? 'other';
    times.set(part, times.get(part)! + timeDeltas[i]!);
    busy += timeDeltas[i]!;
  });
  return new Map([...times].map(([part, time]) => [part, time / busy]));
}
