import { approxDistinct, count, last, max, quantiles, sum } from '../../dataflow/aggregates/index.js';
import { type AnyStream, pipeline, type Pipeline, type PipelineScope } from '../../dataflow/pipeline.js';
import { topic } from '../../dataflow/topic.js';
import { hopping, session, sliding } from '../../dataflow/windows/window-spec.js';
import { aggregate, dedupe, join, keyBy, latest, lookup, process, reduce, throttle, topN, window, windowJoin } from '../../operators/index.js';
import { disorderMs, eventsPerSecond, keysPerSecond } from './growing-log.js';

const form = { key: 'k', time: 'at', value: { k: 'string', v: 'double', at: 'timestamp' } } as const;
const events = topic('events', form);
const others = topic('others', form);

/** The names of the topics that a pipeline of the soak reads. */
export const soakTopics: readonly string[] = ['events', 'others'];

/** A step under a growing key space. */
export interface SoakStep {
  readonly pipeline: Pipeline;
  /** The most rows that the step may hold, and why: from its documented bound and the rates of the log. */
  readonly bound: number;
  readonly why: string;
}

const tickMs = 100;
/** Seconds for which what is due waits for the watermark, with a step of the run. */
const delayS = (disorderMs + 2 * tickMs) / 1_000;
const source = (scope: PipelineScope, of: typeof events) => scope.from(of, { disorder: disorderMs }).pipe(keyBy(of.k));
const step = (name: string, build: (left: ReturnType<typeof source>, right: () => ReturnType<typeof source>) => AnyStream, bound: number, why: string): [string, SoakStep] => [
  name,
  { pipeline: pipeline(`soak-${name}`, (scope) => build(source(scope, events), () => source(scope, others)), { tick: tickMs }), bound: Math.ceil(bound), why },
];

const aggregates = { n: count(), sum: sum(events.v), most: max(events.v), half: quantiles(events.v, [0.5]), about: approxDistinct(events.v), closing: last(events.k) };
const sides = { left: { a: events.v }, right: { b: others.v } } as const;

/** The steps by name. */
export const soakSteps: Readonly<Record<string, SoakStep>> = Object.fromEntries([
  step('window', (s) => s.pipe(window('step', hopping('10s', '5s'), aggregates)), keysPerSecond * (15 + delayS), 'a row a key and pane, until the last window of the pane is over'),
  step('sessions', (s) => s.pipe(window('step', session('5s'), aggregates)), 2 * keysPerSecond * (5 + 0.1 + delayS) + 1_024, 'a row a session until it ends, and as many holes, and 1,024'),
  step('sliding', (s) => s.pipe(window('step', sliding('10s'), { n: count(), sum: sum(events.v), most: max(events.v) })), eventsPerSecond * (10 + 10 / 64 + delayS), 'each record for the size and a 64th'),
  step('aggregate', (s) => s.pipe(aggregate('step', aggregates, { expire: '10s' })), keysPerSecond * (10 * 1.25 + delayS), 'a row a key until it expires, and a quarter of that'),
  step('reduce', (s) => s.pipe(reduce('step', { init: () => 0, reduce: (n: number) => n + 1 }, { expire: '10s' })), keysPerSecond * (10 * 1.25 + delayS), 'a value a key until it expires, and a quarter of that'),
  step('topN', (s) => s.pipe(topN('step', { n: 3, by: events.v, expire: '10s' })), keysPerSecond * (10 * 1.25 + delayS), 'a ranking a key until it expires, and a quarter of that'),
  step('latest', (s) => s.pipe(latest('step', { expire: '10s' })), keysPerSecond * (10 * 1.5 + delayS), 'a time a key until it expires, and half of that'),
  step('dedupe', (s) => s.pipe(dedupe('step', { within: '10s' })), keysPerSecond * (10 * 1.5 + delayS), 'a time a key for the time, and half of that'),
  step('throttle', (s) => s.pipe(throttle('step', { every: '10s' })), keysPerSecond * (10 * 1.5 + delayS), 'a time a key for the time, and half of that'),
  step('join', (s, other) => join('step', s, other(), { kind: 'full', within: '5s', ...sides }), 2 * eventsPerSecond * (5 * 1.26 + delayS), 'each row while a partner may come, and a quarter of that'),
  step('windowJoin', (s, other) => windowJoin('step', s, other(), { every: '5s', size: '10s', kind: 'full', ...sides }), 2 * eventsPerSecond * (15 + delayS), 'each row until the last of its windows is over'),
  step('lookup', (s, other) => lookup('step', s, other(), { columns: { b: others.v }, expire: '10s', cached: 1_000 }), 1_000 + eventsPerSecond * delayS, 'keys in memory as given, and the records that wait for the watermark'),
  step('process', (s) => s.pipe(process('step', { init: () => ({ n: 0 }), onRecord: (_record, state) => void (state.n += 1) }, { expire: '10s', cached: 1_000 })), 1_000, 'keys in memory as given'),
]);
