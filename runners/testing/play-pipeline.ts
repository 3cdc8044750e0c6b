import { durationMs, type Duration } from '../../dataflow/duration.js';
import { HeadraceError } from '../../dataflow/errors.js';
import type { Pipeline } from '../../dataflow/pipeline.js';
import type { TopicDefinition } from '../../dataflow/topic.js';
import { buildGraph } from '../engine/task.js';
import { compareMarbles } from './compare-marbles.js';
import { marbleText, type MarbleToken, readTokens } from './marbles.js';
import { memoryRuntime } from './memory-runtime.js';
import { type PipelineRun, runPipeline } from './run-pipeline.js';
import { blockOfRecords, byPartition } from './topic-records.js';
import { virtualClock } from './virtual-clock.js';

/** Marbles for a whole pipeline: what its topics get, and what has to be in them at the end. */
export interface PlayPipelineOptions {
  /**
   * For each input topic a line, or one for each partition: `name@time` is a record, `|p10` says that the clock has come to 10, `|r` stops the run and starts it
   * again, `||` ends the input, so that every window closes. What stands further left comes first, in one column the upper line; the marks are of all lines. The run does everything that
   * there is to do at each mark, and at the end. Watermarks follow from the records, as in production; a partition without records holds the others back until it is idle. A line alone is spread
   * over the partitions by the topic's key; lines a partition are taken as they stand.
   */
  readonly in: Readonly<Record<string, string | readonly string[]>>;
  /** For each output topic that is looked at its records, partition after partition: a line, or one for each partition. */
  readonly out: Readonly<Record<string, string | readonly string[]>>;
  /** Records that were set aside. @default none */
  readonly deadLetters?: string;
  /** Partitions of the input topics. @default as many as there are lines for a topic */
  readonly partitions?: number;
  /** What a number stands for. @default '1s' */
  readonly unit?: Duration;
  /** Records by name, without their time; the topic's time field is added. */
  readonly records?: Readonly<Record<string, object>>;
  /** The record of a name; `time` in epoch ms. */
  readonly record?: (name: string, time: number, topic: string) => object;
}

/** A line of marbles; without a partition its records are spread by their key. */
interface Line {
  readonly topic: TopicDefinition;
  readonly partition: number | undefined;
  readonly text: string;
}

/** What happens between two marks. */
interface Turn {
  readonly records: readonly { readonly topic: TopicDefinition; readonly partition: number; readonly value: object; readonly name: string }[];
  readonly mark: MarbleToken | undefined;
}

/** Runs a whole pipeline over marbles, in memory, with the engine itself and a clock that stands until it is moved. Errors: AssertionError, HR_ARGUMENT. */
export async function playPipeline(pipeline: Pipeline, options: PlayPipelineOptions): Promise<void> {
  const unitMs = durationMs(options.unit ?? '1s', 'play: unit', 1);
  const topics = buildGraph(pipeline).sources.map((s) => s.topic);
  const lines = Object.entries(options.in).flatMap(([name, given]): Line[] => {
    const topic = topics.find((t) => t.name === name);
    if (topic === undefined) throw new HeadraceError('HR_ARGUMENT', `The pipeline does not read a topic "${name}"; it reads ${topics.map((t) => t.name).join(', ')}.`);
    return typeof given === 'string' ? [{ topic, partition: undefined, text: given }] : given.map((text, partition) => ({ topic, partition, text }));
  });
  const partitions = options.partitions ?? Math.max(1, ...lines.map((l) => (l.partition ?? 0) + 1));
  const names = new Map<string, string>();
  const turns = turnsOf(lines, partitions, options, unitMs, names);
  const runtime = memoryRuntime();
  for (const topic of topics) await runtime.log.createTopic(topic.name, { partitions, retentionMs: topic.retentionMs });
  const places = new Map<string, string>();
  const append = async ({ records }: Turn) => {
    for (const { topic, partition, value, name } of records) {
      places.set(`${topic.name}/${partition}@${(await runtime.log.bounds(topic.name, partition)).end}`, name);
      const schemaId = await runtime.registry.register(`${topic.name}-value`, JSON.stringify(topic.schema));
      await runtime.log.append([{ topic: topic.name, partition, block: blockOfRecords([value], topic, schemaId) }]);
    }
  };
  const clock = virtualClock();
  const settings = { runtime, clock };
  let run: PipelineRun | undefined;
  for (let turn = 0; turn < turns.length; turn++) {
    await append(turns[turn]!);
    const onWait = async (): Promise<boolean> => {
      const { mark } = turns[turn]!;
      if (mark?.kind !== 'clock') return false;
      await clock.wait(mark.time * unitMs - clock.now());
      await append(turns[++turn]!);
      return true;
    };
    run = await runPipeline(pipeline, { ...settings, bounded: false, onWait });
    if (turns[turn]!.mark?.kind === 'end') run = await runPipeline(pipeline, { ...settings, bounded: true });
  }
  compareOutputs(run!, options, unitMs, names, places);
}

function turnsOf(lines: readonly Line[], partitions: number, options: PlayPipelineOptions, unitMs: number, names: Map<string, string>): Turn[] {
  const turns: Turn[] = [];
  let records: Turn['records'][number][] = [];
  for (const token of readTokens(lines.map((l) => l.text))) {
    if (token.kind === 'watermark' || token.kind === 'barrier') {
      throw new HeadraceError('HR_ARGUMENT', `A pipeline makes its own ${token.kind === 'watermark' ? 'watermarks, from its records' : 'epochs'}; the marks of its marbles are |p10, |r and ||.`);
    }
    if (token.kind === 'record') {
      const { topic, partition } = lines[token.line]!;
      const time = token.time * unitMs;
      const given = options.records?.[token.name] ?? options.record?.(token.name, time, topic.name);
      if (given === undefined) throw new HeadraceError('HR_ARGUMENT', `There is no record "${token.name}": give it in \`records\`, or \`record\` to make it.`);
      const value = { ...given, [topic.time ?? 'timestamp']: time };
      names.set(contentOf(value), token.name);
      records.push({ topic, partition: partition ?? byPartition([value], topic, partitions).findIndex((list) => list.length > 0), value, name: token.name });
      continue;
    }
    turns.push({ records, mark: token });
    records = [];
  }
  // The last mark is followed by a turn of its own, in which what it brought about is done.
  return records.length === 0 && turns.at(-1)?.mark?.kind === 'end' ? turns : [...turns, { records, mark: undefined }];
}

/** A record's fields as text, whatever their order. */
const contentOf = (value: object): string => JSON.stringify(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));

function compareOutputs(run: PipelineRun, options: PlayPipelineOptions, unitMs: number, names: ReadonlyMap<string, string>, places: ReadonlyMap<string, string>): void {
  for (const [topic, expected] of Object.entries(options.out)) {
    const records = run.outputs[topic];
    if (records === undefined) throw new HeadraceError('HR_ARGUMENT', `The pipeline does not write a topic "${topic}"; it writes ${Object.keys(run.outputs).join(', ')}.`);
    const texts = records.map((r) => ({ partition: r.partition, text: `${names.get(contentOf(r.value as object)) ?? marbleText(r.value)}@${r.timestamp / unitMs}` }));
    if (typeof expected === 'string') compareMarbles(topic, expected, texts.map((t) => t.text));
    else expected.forEach((line, partition) => compareMarbles(`${topic}/${partition}`, line, texts.filter((t) => t.partition === partition).map((t) => t.text)));
  }
  const dead = run.deadLetters.map(({ headers, timestamp }) => `${places.get(`${headers['hr-topic']}/${headers['hr-partition']}@${headers['hr-offset']}`) ?? '?'}@${timestamp / unitMs}`);
  compareMarbles('deadLetters', options.deadLetters ?? '', dead);
}
