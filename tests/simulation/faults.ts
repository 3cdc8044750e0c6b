import type { BrokerTraits } from './brokers/broker-traits.js';
import type { SimulatedTime } from './simulated-time.js';
import type { Trouble } from './brokers/simulated-brokers.js';

/** What happens to a request on its way, and to its answer. */
export interface Fate {
  /** Milliseconds until it arrives at the broker; undefined: never. */
  readonly arrivesAfter: number | undefined;
  /** Milliseconds from there until the answer is back; undefined: it is lost, with the connection. */
  readonly answeredAfter: number | undefined;
  /** Milliseconds from now until the connection is cut under it; undefined: it is not. The request may still arrive: it lies in the buffer of a broker that stands still. */
  readonly cutAfter: number | undefined;
  /** It arrives a second time, so much later. */
  readonly againAfter: number | undefined;
  readonly trouble: Trouble;
}

/** How stormy a run is: probabilities of each fault for one request, and mean times between those of the world. */
export interface Weather {
  readonly requestLost: number;
  readonly requestStuck: number;
  /** The same for the end of a transaction, which may then arrive in the middle of the next one. */
  readonly endStuck: number;
  readonly answerLost: number;
  readonly answerLate: number;
  readonly twice: number;
  readonly trouble: number;
  /** Mean milliseconds between moves of a leader or coordinator; Infinity: none. */
  readonly moveMs: number;
  readonly brokerStopMs: number;
  readonly killMs: number;
  readonly stallMs: number;
  readonly takeoverMs: number;
  /** Of processes that leave a group as they should. */
  readonly leaveMs: number;
  /** Most milliseconds that a request or an answer is under way when nothing happens to it. */
  readonly latencyMs: number;
  /** Mean milliseconds until a marker is written. */
  readonly markerMs: number;
}

/** A run without faults. */
export const calm: Weather = {
  requestLost: 0, requestStuck: 0, endStuck: 0, answerLost: 0, answerLate: 0, twice: 0, trouble: 0, latencyMs: 1.5, markerMs: 2,
  moveMs: Number.POSITIVE_INFINITY, brokerStopMs: Number.POSITIVE_INFINITY, killMs: Number.POSITIVE_INFINITY, stallMs: Number.POSITIVE_INFINITY, takeoverMs: Number.POSITIVE_INFINITY, leaveMs: Number.POSITIVE_INFINITY,
};

/** The weather of a run: each kind of fault is there or not, rare or frequent, so that runs differ in kind. */
export function drawWeather({ chance, between }: SimulatedTime): Weather {
  const rate = (most: number): number => (chance(0.5) ? 0 : most * between(0.05, 1) ** 2);
  const every = (least: number): number => (chance(0.5) ? Number.POSITIVE_INFINITY : least / between(0.05, 1));
  return {
    requestLost: rate(0.1), requestStuck: rate(0.1), endStuck: chance(0.7) ? 0 : 0.3, answerLost: rate(0.1), answerLate: rate(0.1), twice: rate(0.1), trouble: rate(0.1), latencyMs: chance(0.7) ? 1.5 : 30, markerMs: chance(0.8) ? 3 : 80,
    moveMs: every(200), brokerStopMs: every(600), killMs: every(250), stallMs: every(300), takeoverMs: every(250), leaveMs: every(400),
  };
}

/** A group that grows and shrinks while it works: little else happens, so that its rounds come to an end, and rarely a process dies in one. */
export function drawScaling({ chance, between }: SimulatedTime, weather: Weather): Weather {
  const never = Number.POSITIVE_INFINITY;
  return { ...weather, takeoverMs: between(60, 300), leaveMs: between(100, 500), killMs: chance(0.5) ? never : between(500, 2_000), stallMs: chance(0.7) ? never : between(500, 2_000), brokerStopMs: never };
}

/** Claims and memberships: no client could bear their second arrival, and TCP brings them once. */
const neverTwice: ReadonlySet<number> = new Set([11, 13, 14, 22]);
const endTransaction = 26;
/** Parts of a transaction. Before version 2 nothing but TCP keeps a second arrival away from the next one. */
const ofTransaction: ReadonlySet<number> = new Set([24, 25, endTransaction, 28]);

/** What happens to one request. */
export function drawFate(time: SimulatedTime, weather: Weather, key: number, { transactionVersion }: BrokerTraits): Fate {
  const { chance, between } = time;
  const arrivesAfter = between(0.2, weather.latencyMs);
  const answeredAfter = between(0.2, weather.latencyMs);
  const trouble: Trouble = chance(weather.trouble) ? (chance(0.5) ? 'refuses' : 'does it and says it could not') : 'none';
  const againAfter = chance(weather.twice) && !neverTwice.has(key) && (transactionVersion === 2 || !ofTransaction.has(key)) ? between(1, 400) : undefined;
  const fate: Fate = { arrivesAfter, answeredAfter, cutAfter: undefined, againAfter, trouble };
  if (chance(weather.requestLost)) return { ...fate, arrivesAfter: undefined, cutAfter: between(0, 20) };
  if (key === endTransaction && chance(weather.endStuck)) return { ...fate, arrivesAfter: between(5, 150), answeredAfter: undefined, cutAfter: between(0, 5) };
  if (chance(weather.requestStuck)) return { ...fate, arrivesAfter: chance(0.6) ? between(5, 100) : chance(0.6) ? between(5, 800) : between(500, 70_000), answeredAfter: undefined, cutAfter: between(0, 5) };
  if (chance(weather.answerLost)) return { ...fate, answeredAfter: undefined, cutAfter: arrivesAfter + between(0, 20) };
  if (chance(weather.answerLate)) return { ...fate, answeredAfter: chance(0.9) ? between(5, 500) : between(500, 40_000) };
  return fate;
}
