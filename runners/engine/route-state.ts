import type { StateWrite } from '../../dataflow/ports/log-client.js';
import type { StateBackend } from '../../dataflow/ports/state-backend.js';
import type { RouteStage } from './logged-route.js';
import { comparePlaces, placeAt, placeNumbers, type Place, putPlace } from './place.js';
import { watermarksStep } from './task.js';

/** How far a task is on a logged route. */
export interface TaskRoute {
  /** Where its sources are. */
  readonly come: Place;
  /** Up to where it has drained each stage. */
  readonly drained: readonly Place[];
  /** What it knows of each sender before each stage. */
  readonly told: readonly (readonly Place[])[];
  /** From where on a restart reads what is sent to it. */
  readonly readFrom: number;
}

/** Step under which a task keeps how far it is on a logged route: places in the log of parcels of one cluster. */
export const routeStep = '~route';
const routeKey = Buffer.from('route');

/** A task's route as one write. Numbers: readFrom, `come`, then for each stage its number, `drained` and `told` of each sender. */
export function routeWrite(task: number, stages: readonly RouteStage[], { come, drained, told, readFrom }: TaskRoute): StateWrite {
  const ofStage = 1 + placeNumbers * (1 + (told[0]?.length ?? 0));
  const numbers = new Float64Array(1 + placeNumbers + stages.length * ofStage);
  numbers[0] = readFrom;
  putPlace(numbers, 1, come);
  stages.forEach(({ stage }, i) => {
    const at = 1 + placeNumbers + i * ofStage;
    numbers[at] = stage;
    putPlace(numbers, at + 1, drained[i]!);
    told[i]!.forEach((place, sender) => putPlace(numbers, at + 1 + placeNumbers * (1 + sender), place));
  });
  return { task, step: routeStep, key: routeKey, value: new Uint8Array(numbers.buffer) };
}

/** Whether nothing is on its way between the tasks of a pipeline: all have drained all stages up to one place, and their sources are there. */
export function isSettled(state: StateBackend, pipeline: string, tasks: number): boolean {
  const ofStage = 1 + placeNumbers * (1 + tasks);
  const places: Place[] = [];
  const routes = Array.from({ length: tasks }, (_, task) => state.of(task).get(pipeline, routeStep, routeKey)).filter((bytes) => bytes !== undefined);
  for (const bytes of routes) {
    const numbers = new Float64Array(Uint8Array.from(bytes).buffer);
    places.push(placeAt(numbers, 1));
    for (let at = 1 + placeNumbers; at < numbers.length; at += ofStage) places.push(placeAt(numbers, at + 1));
  }
  return (routes.length === 0 || routes.length === tasks) && places.every((place) => comparePlaces(place, places[0]!) === 0);
}

/** What `routeWrite` has written of a task, or undefined; and whether what its exchanges know of watermarks is kept. Stages that the graph has not had then are told anew. */
export function storedRoute(state: StateBackend, pipeline: string, task: number, stages: readonly RouteStage[], senders: number): (Omit<TaskRoute, 'drained' | 'told'> & { readonly isOpen: boolean; readonly drained: readonly (Place | undefined)[]; readonly told: readonly (readonly Place[] | undefined)[] }) | undefined {
  const bytes = state.of(task).get(pipeline, routeStep, routeKey);
  if (bytes === undefined) return undefined;
  const numbers = new Float64Array(Uint8Array.from(bytes).buffer);
  const ofStage = 1 + placeNumbers * (1 + senders);
  const places = stages.map(({ stage }) => {
    for (let at = 1 + placeNumbers; at < numbers.length; at += ofStage) if (numbers[at] === stage) return { drained: placeAt(numbers, at + 1), told: Array.from({ length: senders }, (_, sender) => placeAt(numbers, at + 1 + placeNumbers * (1 + sender))) };
    return undefined;
  });
  // they are forgotten at the end of a bounded input
  const isOpen = [...state.of(task).range(pipeline, watermarksStep, new Uint8Array(0))].length > 0;
  return { isOpen, readFrom: numbers[0]!, come: placeAt(numbers, 1), drained: places.map((p) => p?.drained), told: places.map((p) => p?.told) };
}
