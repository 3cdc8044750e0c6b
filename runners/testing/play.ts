import type { Observable } from 'rxjs';
import { durationMs, type Duration } from '../../dataflow/duration.js';
import { isPipeline, type Pipeline } from '../../dataflow/pipeline.js';
import type { RecordBlock } from '../../dataflow/record-block.js';
import type { Signal } from '../../dataflow/signal.js';
import type { Operator } from '../../operators/operate.js';
import { parseRecordSchema } from '../../schemas/avro-schema.js';
import { compileReader } from '../../schemas/reader.js';
import { wirePrefixLength } from '../../schemas/wire.js';
import { compareMarbles } from './compare-marbles.js';
import { type DrivenStep, driveStep, type StepRun } from './drive-step.js';
import { marbleText, parseMarbles, windowText, type Marbles } from './marbles.js';
import { playPipeline, type PlayPipelineOptions } from './play-pipeline.js';
import { marbleField } from './side-output.js';

/** Marbles for a step: what goes in, and what has to come out. */
export interface PlayOptions<In> {
  /**
   * `name@time` is a record, `|w10` a watermark, `|b` a barrier (state and outputs are committed), `|r` a restart (back to the last barrier;
   * what came since is taken again), `|p10` processing time, `||` the end of the input.
   */
  readonly in: string;
  /** Records of the stream behind the step, in order: `name@time`, `{field:value}@time`, or for a window's row `{n:2,rev:1}@windowEnd`. */
  readonly out: string;
  /** Records that went to side outputs, or to the topics that the step writes. @default none */
  readonly late?: string;
  /** Records that the step could not take, each as `name@time`. @default none */
  readonly deadLetters?: string;
  /** What a number stands for. @default '1s' */
  readonly unit?: Duration;
  /** The record of a name; `time` in epoch ms. @default { name, time } */
  readonly record?: (name: string, time: number) => In;
  /** Records by name, where they need no function. */
  readonly records?: Readonly<Record<string, In>>;
  /** Key of a record; windows then print it as `key`. @default one key for all */
  readonly key?: (record: In) => string | number | boolean;
}

/** A keyed stream that a step with several inputs is given in a test: `(bids: KeyedStream<Bid>, asks: KeyedStream<Ask>) => join('j', bids, asks, …)`. */
export type KeyedStream<T, K extends string | number | boolean = string> = Observable<Signal<T, { readonly key: K }>>;

/** A step with several inputs. */
export type ManyInputs<Ins extends readonly unknown[], Out, KOut> = (...streams: { readonly [I in keyof Ins]: KeyedStream<Ins[I]> }) => Observable<Signal<Out, KOut>>;

/** Marbles for a step with several inputs. */
export type PlayManyOptions<In> = Omit<PlayOptions<In>, 'in'> & {
  /**
   * A line for each input, in their order, under any name. What stands further left comes first, in one column the upper line; `|w` and `||` are of their own
   * line, `|b`, `|r` and `|p` of all.
   */
  readonly in: Readonly<Record<string, string>>;
};

/**
 * Runs a step over marbles and compares what comes out: a step with one input, a function of several keyed streams, or a whole pipeline (`PlayPipelineOptions`). Works with any test runner.
 *
 * @throws AssertionError with what was expected and what came, one under the other
 * @throws HR_ARGUMENT for marbles that cannot be read, and what the step throws
 * @example
 * play(window('n', { every: '10s', lateness: '5s', late }, { n: count() }), {
 *   in:   'a@1 b@4 |w10 c@2 |w16 d@3',
 *   out:  '{n:2}@10 {n:3,rev:1}@10',
 *   late: 'd@3',
 * });
 * @example
 * play((bids: KeyedStream<Bid>, auctions: KeyedStream<Auction>) => join('j', bids, auctions, { within: '5s', left: { price: bid.price }, right: { seller: auction.seller } }), {
 *   in:  { bids: 'b@1       |w10 ||', auctions: '    a@3  |w10 ||' },
 *   records: { b: { price: 5 }, a: { seller: 7 } },
 *   out: '{price:5,seller:7}@3',
 * });
 */
export function play(pipeline: Pipeline, options: PlayPipelineOptions): Promise<void>;
export function play<In, Out, KIn, KOut>(step: Operator<In, Out, KIn, KOut>, options: PlayOptions<In>): void;
export function play<Ins extends readonly unknown[], Out, KOut>(step: ManyInputs<Ins, Out, KOut>, options: PlayManyOptions<Ins[number]>): void;
export function play(what: unknown, options: unknown): Promise<void> | void {
  if (isPipeline(what)) return playPipeline(what, options as PlayPipelineOptions);
  playStep(what as DrivenStep, options as StepMarbles);
}

function playStep(step: DrivenStep, options: StepMarbles): void {
  const unitMs = durationMs(options.unit ?? '1s', 'play: unit', 1);
  const { inputs, marbles } = readMarbles(options);
  const run = driveStep(step, inputs, marbles.events);
  const out = run.out.map(({ value, time }) => recordText(value, time, marbles, options.key !== undefined, unitMs));
  compareMarbles('out', options.out, out);
  const [late, dead] = writtenTexts(run, marbles, unitMs);
  compareMarbles('late', options.late ?? '', late);
  compareMarbles('deadLetters', options.deadLetters ?? '', dead);
}

/** Options of a step with one input or several. */
export type StepMarbles = PlayOptions<never> | PlayManyOptions<never>;

/** The marbles of `options.in`, and how many inputs they are for. Errors: HR_ARGUMENT. */
export function readMarbles(options: Pick<StepMarbles, 'in' | 'unit' | 'record' | 'records' | 'key'>): { readonly inputs: number; readonly marbles: Marbles } {
  const lines = typeof options.in === 'string' ? [options.in] : Object.values(options.in);
  const marbles = parseMarbles(lines, {
    unitMs: durationMs(options.unit ?? '1s', 'play: unit', 1),
    record: (name, time) => {
      const given: unknown = (options.records as Readonly<Record<string, unknown>> | undefined)?.[name];
      if (given !== undefined) return typeof given === 'object' && given !== null ? { ...given } : given;
      return options.record === undefined ? { name, time } : options.record(name, time);
    },
    key: (record) => options.key?.(record as never) ?? '',
  });
  return { inputs: lines.length, marbles };
}

function recordText(value: unknown, time: number, marbles: Marbles, withKey: boolean, unitMs: number): string {
  return windowText(value, withKey, unitMs) ?? `${marbles.nameOf.get(value) ?? marbleText(value)}@${time / unitMs}`;
}

function writtenTexts(run: StepRun, marbles: Marbles, unitMs: number): [written: string[], dead: string[]] {
  const texts: [string[], string[]] = [[], []];
  for (const { topic, block } of run.written) {
    const meta = run.topics.get(topic);
    const isMarble = meta === undefined || meta.key === marbleField;
    const read = isMarble ? undefined : compileReader<unknown>(parseRecordSchema(meta.schema), parseRecordSchema(meta.schema));
    for (let i = 0; i < block.count; i++) {
      const at = block.valueOffset[i]!;
      const time = block.timestamps[i]!;
      const text = read === undefined ? `${marbles.names[Number(keyText(block, i))]}@${time / unitMs}` : recordText(read(block.bytes, at + wirePrefixLength, at + block.valueLength[i]!), time, marbles, true, unitMs);
      texts[meta === undefined ? 1 : 0].push(text);
    }
  }
  return texts;
}

function keyText(block: RecordBlock, i: number): string {
  return Buffer.from(block.bytes.subarray(block.keyOffset[i]!, block.keyOffset[i]! + block.keyLength[i]!)).toString();
}
