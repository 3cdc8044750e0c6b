import { AssertionError } from 'node:assert';
import { isPipeline, type Pipeline } from '../../dataflow/pipeline.js';
import type { Operator } from '../../operators/operate.js';
import { buildGraph } from '../engine/task.js';
import { splitmix, type Random } from '../../dataflow/splitmix.js';
import { type DrivenStep, driveStep, type StepEvent, type StepRun } from './drive-step.js';
import { type ManyInputs, readMarbles, type PlayManyOptions, type PlayOptions, type StepMarbles } from './play.js';
import { runPipeline, type PipelineRun, type RunPipelineOptions } from './run-pipeline.js';
import { shuffleWithin } from './shuffle-within.js';
import { byPartition, type InputRecords } from './topic-records.js';

/** How hard a pipeline or step is looked at. */
export interface ScrutinyOptions {
  /** Number of disturbed runs. @default 12 */
  readonly runs?: number;
  /** Everything that is random follows from it. @default 1 */
  readonly seed?: number;
}

/** Input of a pipeline under scrutiny. */
export interface PipelineScrutiny extends ScrutinyOptions {
  readonly inputs: Readonly<Record<string, InputRecords>>;
  /** @default as many as there are lists, else 1 */
  readonly partitions?: number;
  /**
   * Also shuffles the records of each partition within the disorder that `from` allows, and expects the same records in any order. For
   * pipelines of which the definition does not lean on the order of records. Partitions with records later than that stay as they are.
   * @default false
   */
  readonly shuffle?: boolean;
}

/** Input of a step under scrutiny: as for `play`. */
export type StepScrutiny<In> = ScrutinyOptions & Pick<PlayOptions<In>, 'in' | 'unit' | 'record' | 'records' | 'key'>;

/** Input of a step with several inputs under scrutiny: as for `play`. */
export type ManyInputsScrutiny<In> = ScrutinyOptions & Pick<PlayManyOptions<In>, 'in' | 'unit' | 'record' | 'records' | 'key'>;

/**
 * Runs a pipeline (or a step over marbles, with one input or several) again and again, cut differently every time: other batches, other steps of the run,
 * an epoch after each of them, runs that are cut off before or after a commit and started again. Every output has to be the same,
 * record by record and partition by partition.
 *
 * @throws AssertionError with the first difference and the seed and number of the run
 * @example await scrutinise(itemCtr, { inputs: { clicks }, partitions: 4 });
 * @example fc.assert(fc.asyncProperty(fc.array(aClick), (clicks) => scrutinise(itemCtr, { inputs: { clicks } })));
 */
export async function scrutinise(pipeline: Pipeline, options: PipelineScrutiny): Promise<void>;
export async function scrutinise<In, Out, KIn, KOut>(step: Operator<In, Out, KIn, KOut>, options: StepScrutiny<In>): Promise<void>;
export async function scrutinise<Ins extends readonly unknown[], Out, KOut>(step: ManyInputs<Ins, Out, KOut>, options: ManyInputsScrutiny<Ins[number]>): Promise<void>;
export async function scrutinise(what: unknown, options: ScrutinyOptions): Promise<void> {
  const { runs = 12, seed = 1 } = options;
  const random = splitmix(seed);
  const attempt: (n: number) => Promise<readonly [expected: readonly string[], actual: readonly string[]]> =
    isPipeline(what) ? await pipelineAttempts(what, options as PipelineScrutiny, random) : stepAttempts(what as DrivenStep, options as unknown as StepMarbles, random);
  for (let n = 0; n < runs; n++) {
    random.seed(seed, n);
    const [expected, actual] = await attempt(n);
    const at = expected.findIndex((line, i) => line !== actual[i]);
    if (at < 0 && expected.length === actual.length) continue;
    const i = at < 0 ? expected.length : at;
    const message = [
      `Disturbed run ${n} with seed ${seed} differs from the undisturbed one at record ${i} of ${expected.length}:`,
      `  undisturbed  ${expected[i] ?? '(no more records)'}`,
      `  disturbed    ${actual[i] ?? '(no more records)'}`,
    ].join('\n');
    throw new AssertionError({ message, expected: expected.slice(i, i + 5).join('\n'), actual: actual.slice(i, i + 5).join('\n'), operator: 'scrutinise', stackStartFn: scrutinise });
  }
}

async function pipelineAttempts(pipeline: Pipeline, options: PipelineScrutiny, random: Random) {
  const { partitions } = options;
  const base = linesOf(await runPipeline(pipeline, { inputs: options.inputs, ...(partitions === undefined ? {} : { partitions }) }));
  const { sources } = buildGraph(pipeline);
  const shuffled = (): Readonly<Record<string, InputRecords>> =>
    Object.fromEntries(
      Object.entries(options.inputs).map(([name, records]) => {
        const { topic, disorderMs } = sources.find((s) => s.topic.name === name)!;
        const lists = byPartition(records, topic, partitions ?? (records.length > 0 && records.every((r) => Array.isArray(r)) ? records.length : 1));
        return [name, lists.map((list) => shuffleWithin(list, (r) => (r as Record<string, number>)[topic.time ?? 'timestamp']!, disorderMs, random))];
      }),
    );
  return async (n: number) => {
    const isShuffled = options.shuffle === true && n % 3 === 2;
    const run: RunPipelineOptions = {
      inputs: isShuffled ? shuffled() : options.inputs,
      ...(partitions === undefined ? {} : { partitions }),
      stepRows: 1 + random.below(random.below(2) === 0 ? 3 : 50),
      commitMs: random.below(3) === 0 ? 1_000 : 0,
      blocks: (records) => cut(records, random),
      ...(random.below(3) === 0 ? {} : { restarts: { seed: random.next(), share: 0.1 + 0.6 * random.unit() } }),
    };
    const lines = linesOf(await runPipeline(pipeline, run));
    // Where the order of the input is another one, so may be that of the output.
    return isShuffled ? ([sorted(base), sorted(lines)] as const) : ([base, lines] as const);
  };
}

function stepAttempts(step: DrivenStep, options: StepMarbles, random: Random) {
  const { inputs, marbles } = readMarbles(options);
  const base = stepLines(driveStep(step, inputs, marbles.events));
  return async () => {
    const disturbed: StepEvent[] = [];
    for (const event of marbles.events) {
      const parts: readonly StepEvent[] = event.kind === 'records' ? cut(event.records, random).map((records) => ({ ...event, records })) : [event];
      for (const part of parts) {
        disturbed.push(part);
        // Where streams meet, an epoch ends with a tick.
        const mayEnd = inputs === 1 || part.kind === 'watermark' || part.kind === 'end';
        if (mayEnd && random.below(3) === 0) disturbed.push({ kind: 'barrier' });
        if (random.below(4) === 0) disturbed.push({ kind: 'restart' });
      }
    }
    return [base, stepLines(driveStep(step, inputs, disturbed))] as const;
  };
}

/** Cuts a list at random places; nothing is lost or moved. */
function cut<T>(list: readonly T[], random: Random): T[][] {
  const parts: T[][] = [];
  for (let at = 0; at < list.length; ) {
    const n = 1 + random.below(Math.min(list.length - at, 1 + random.below(20)));
    parts.push(list.slice(at, at + n));
    at += n;
  }
  return parts;
}

function linesOf(run: PipelineRun): string[] {
  const letters = run.deadLetters.map((r) => JSON.stringify([r.topic, r.partition, r.timestamp, r.key, r.headers, r.value && Buffer.from(r.value).toString('hex')]));
  return [...Object.values(run.outputs).flatMap((records) => records.map((r) => JSON.stringify([r.topic, r.partition, r.timestamp, r.key, r.value]))), ...letters];
}

function stepLines(run: StepRun): string[] {
  const written = run.written.flatMap(({ topic, block }) =>
    Array.from({ length: block.count }, (_, i) => `${topic} ${block.timestamps[i]} ${hex(block.bytes, block.keyOffset[i]!, block.keyLength[i]!)} ${hex(block.bytes, block.valueOffset[i]!, block.valueLength[i]!)}`),
  );
  return [...run.out.map((r) => JSON.stringify(r)), ...written.sort((a, b) => compareText(a.split(' ')[0]!, b.split(' ')[0]!))];
}

const hex = (bytes: Uint8Array, at: number, length: number): string => Buffer.from(bytes.subarray(at, at + Math.max(length, 0))).toString('hex');
const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
const sorted = (lines: readonly string[]): string[] => [...lines].sort(compareText);
