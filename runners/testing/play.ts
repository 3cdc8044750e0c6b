import { AssertionError } from 'node:assert';
import { durationMs, type Duration } from '../../dataflow/duration.js';
import type { RecordBlock } from '../../dataflow/record-block.js';
import type { Operator } from '../../operators/operate.js';
import { parseRecordSchema } from '../../schemas/avro-schema.js';
import { compileReader } from '../../schemas/reader.js';
import { wirePrefixLength } from '../../schemas/wire.js';
import { driveStep, type StepRun } from './drive-step.js';
import { marbleText, marbleTokens, parseMarbles, windowText, type Marbles } from './marbles.js';
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

/**
 * Runs a step over marbles and compares what comes out. Works with any test runner.
 *
 * @throws AssertionError with what was expected and what came, one under the other
 * @throws HR_ARGUMENT for marbles that cannot be read, and what the step throws
 * @example
 * play(window('n', { every: '10s', lateness: '5s', late }, { n: count() }), {
 *   in:   'a@1 b@4 |w10 c@2 |w16 d@3',
 *   out:  '{n:2}@10 {n:3,rev:1}@10',
 *   late: 'd@3',
 * });
 */
export function play<In, Out, KIn, KOut>(step: Operator<In, Out, KIn, KOut>, options: PlayOptions<In>): void {
  const unitMs = durationMs(options.unit ?? '1s', 'play: unit', 1);
  const marbles = readMarbles(options);
  const run = driveStep(step, marbles.events);
  const out = run.out.map(({ value, time }) => recordText(value, time, marbles, options.key !== undefined, unitMs));
  compare('out', options.out, out);
  const [late, dead] = writtenTexts(run, marbles, unitMs);
  compare('late', options.late ?? '', late);
  compare('deadLetters', options.deadLetters ?? '', dead);
}

/** The marbles of `options.in`. Errors: HR_ARGUMENT. */
export function readMarbles<In>(options: Pick<PlayOptions<In>, 'in' | 'unit' | 'record' | 'records' | 'key'>): Marbles {
  return parseMarbles(options.in, {
    unitMs: durationMs(options.unit ?? '1s', 'play: unit', 1),
    record: (name, time) => {
      const given = options.records?.[name];
      if (given !== undefined) return typeof given === 'object' && given !== null ? { ...given } : given;
      return options.record === undefined ? { name, time } : options.record(name, time);
    },
    key: (record) => options.key?.(record as In) ?? '',
  });
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

function compare(what: string, expectedText: string, actual: readonly string[]): void {
  const expected = marbleTokens(expectedText);
  const n = Math.max(expected.length, actual.length);
  const first = Array.from({ length: n }, (_, i) => i).find((i) => expected[i] !== actual[i]);
  if (first === undefined) return;
  const width = (i: number) => Math.max(expected[i]?.length ?? 0, actual[i]?.length ?? 0);
  const line = (tokens: readonly string[]) => Array.from({ length: n }, (_, i) => (tokens[i] ?? '').padEnd(width(i))).join(' ').trimEnd();
  const indent = Array.from({ length: first }, (_, i) => width(i) + 1).reduce((a, b) => a + b, 0);
  const message = [`${what} is not what was expected:`, `  expected  ${line(expected)}`, `  actual    ${line(actual)}`, `            ${' '.repeat(indent)}^`].join('\n');
  throw new AssertionError({ message, expected: expected.join(' '), actual: actual.join(' '), operator: 'play', stackStartFn: play });
}
